import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { makeDigests } from '../../services/notifier/digests/make.ts'
import { addNews, day, digestsOf, hour, messagesTo, openDigests, slot } from '../harness/notifier/digests.ts'
import { addCompany, insertId } from '../harness/notifier/setup.ts'

const { database, pool, config, log, run, addReader } = await openDigests()

describe('a run', () => {
  test('repeated, late, concurrent, with clocks that differ: one digest a day, each news item in one of them', async () => {
    const company = await addCompany(database)
    const { person, address } = await addReader({ companies: [company] })
    await addNews(database, company, [{ message: 'one' }, { message: 'two' }])
    expect(await run([person], slot - 1)).toEqual([])

    const late = [0, 0, 10 * 60_000, -9 * 60_000, 3 * hour]
    const runs = await Promise.all(late.map((ms) => run([person], slot + Math.max(0, ms))))
    expect(runs.flat()).toHaveLength(1)
    // A clock that was put back sees a slot before anybody asked for digests.
    expect(await run([person], slot - 10 * 60_000)).toEqual([])
    expect((await messagesTo(database, address)).map(({ titles }) => titles.sort())).toEqual([['one', 'two']])

    await addNews(database, company, [{ message: 'three' }])
    expect(await run([person], slot + 23 * hour)).toEqual([])
    await Promise.all([run([person], slot + day), run([person], slot + day + 1)])
    expect((await messagesTo(database, address)).map(({ titles }) => titles.sort())).toEqual([
      ['one', 'two'],
      ['three'],
    ])
  })

  test('what was stored late, after a run, is in the next digest', async () => {
    const company = await addCompany(database)
    const { person, address } = await addReader({ companies: [company] })
    const slow = new pg.Client({ connectionString: database.url })
    await slow.connect()
    await slow.query('BEGIN')
    await addNews({ query: async (text, values) => (await slow.query(text, values)).rows }, company, [
      { message: 'late' },
    ])
    await addNews(database, company, [{ message: 'early' }])
    await run([person], slot)
    await slow.query('COMMIT')
    await slow.end()
    await run([person], slot + day)
    await run([person], slot + 2 * day)
    expect((await messagesTo(database, address)).map(({ titles }) => titles)).toEqual([['early'], ['late']])
  })

  test('a first digest covers one period, one after an outage all since the previous digest', async () => {
    const company = await addCompany(database)
    const { person, address } = await addReader({ companies: [company] })
    await addNews(database, company, [{ message: 'old' }], "now() - interval '3 days'")
    await addNews(database, company, [{ message: 'new' }])
    await run([person], slot)
    await database.query("UPDATE notifier.digest SET made_at = made_at - interval '10 days' WHERE user_id = $1", [
      person,
    ])
    await addNews(database, company, [{ message: 'of the outage' }], "now() - interval '5 days'")
    await run([person], slot + day)
    expect((await messagesTo(database, address)).map(({ titles }) => titles.sort())).toEqual([
      ['new'],
      ['of the outage', 'old'],
    ])
  })

  test('without news items nothing is sent; without a channel the news items wait for one', async () => {
    const company = await addCompany(database)
    const quiet = await addReader({ companies: [await addCompany(database)] })
    const mute = await addReader({ companies: [company], channels: [] })
    await addNews(database, company, [{ message: 'kept' }])
    await run([quiet.person, mute.person], slot)
    expect(await digestsOf(database, quiet.person)).toMatchObject([{ state: 'empty', news: 0 }])
    expect(await digestsOf(database, mute.person)).toMatchObject([{ state: 'nowhere', news: 1 }])
    expect(await messagesTo(database, quiet.address)).toEqual([])

    const channel = await insertId(
      database,
      "INSERT INTO notification_channel (channel_type, destination, modified_at) VALUES ('EMAIL', $1, now())",
      [mute.address],
    )
    await database.query(
      "INSERT INTO notification_subscription (user_id, channel_id, channel_purpose, modified_at) VALUES ($1, $2, 'REPORT', now())",
      [mute.person, channel],
    )
    await run([mute.person], slot + hour)
    await run([mute.person], slot + day)
    expect((await messagesTo(database, mute.address)).map(({ titles }) => titles)).toEqual([['kept']])
  })

  test('periods from before digests were set up are not made', async () => {
    const company = await addCompany(database)
    const { person } = await addReader({ companies: [company] })
    await database.query(
      "UPDATE notifier.digest_policy SET changed_at = now() - interval '1 year' WHERE user_id = $1",
      [person],
    )
    await addNews(database, company, [{}])
    expect(await run([person], slot - day)).toEqual([])
    expect(await run([person], slot)).toHaveLength(1)
  })

  test('bad rows of one person cost nobody else anything, and the digest can be made later', async () => {
    const company = await addCompany(database)
    const readers: Awaited<ReturnType<typeof addReader>>[] = []
    for (let count = 0; count < 5; count++) readers.push(await addReader({ companies: [company] }))
    const broken = readers[2] as (typeof readers)[0]
    await addNews(database, company, [{ message: 'one' }])
    await database.query(`
      CREATE FUNCTION notifier.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN IF NEW.user_id = ${broken.person} THEN RAISE check_violation USING MESSAGE = 'this row is refused'; END IF; RETURN NEW; END $$`)
    await database.query(
      'CREATE TRIGGER refuse BEFORE INSERT ON notifier.digest_item FOR EACH ROW EXECUTE FUNCTION notifier.refuse()',
    )
    const page = { after: { user_id: (readers[0]?.person ?? 0) - 1, bucket_id: 0 }, limit: 5 }
    const problem = expect.stringContaining('this row is refused') as string
    expect(await run([broken.person], slot, 'early')).toMatchObject([{ user_id: broken.person, problem }])
    expect(await digestsOf(database, broken.person), 'one that failed before its time still comes').toEqual([])
    for (let times = 0; times < 2; times++)
      await makeDigests(config, log, pool, { selection: { which: 'due' }, page, ifBusy: 'wait', now: slot })
    const counts = async () =>
      Promise.all(readers.map(async ({ address }) => (await messagesTo(database, address)).length))
    expect(await counts()).toEqual([1, 1, 0, 1, 1])
    expect(await digestsOf(database, broken.person)).toMatchObject([{ state: 'failed', reason: problem }])

    await database.query('DROP TRIGGER refuse ON notifier.digest_item')
    for (const which of ['due', 'early', 'early'] as const) await run([broken.person], slot, which)
    expect(await counts()).toEqual([1, 1, 1, 1, 1])
    expect(await digestsOf(database, broken.person)).toMatchObject([{ state: 'made', reason: null }])
  })
})
