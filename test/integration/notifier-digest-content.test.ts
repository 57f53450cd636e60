import { describe, expect, test } from 'vitest'
import { firstPage, makeDigests } from '../../services/notifier/digests/make.ts'
import { unique } from '../harness/mailbox.ts'
import {
  addNews,
  addPolicy,
  day,
  digestsOf,
  messagesTo,
  openDigests,
  report,
  slot,
} from '../harness/notifier/digests.ts'
import { addCompany, addPerson, addSource, insertId, type Reach } from '../harness/notifier/setup.ts'

const { database, pool, config, log, run, addReader } = await openDigests()

describe('a digest', () => {
  test('goes to channels for reports; if a person has none, to all their channels, unless strict; or to the chosen channel', async () => {
    const company = await addCompany(database)
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => `${unique(name)}@example.com`) as [
      string,
      string,
      string,
      string,
    ]
    const alert = (destination: string): Reach => ({ type: 'EMAIL', destination })
    const both = await addReader({ companies: [company], channels: [report(a), alert(b)] })
    const alerts = await addReader({ companies: [company], channels: [alert(c), alert(d)] })
    await addNews(database, company, [{}])
    const counts = async () =>
      Promise.all([a, b, c, d].map(async (address) => (await messagesTo(database, address)).length))
    const strict = { ...config, STRICT_CHANNEL_PURPOSE: true }
    const page = { after: firstPage, limit: 10 }
    await makeDigests(strict, log, pool, {
      selection: { which: 'due', person: alerts.person },
      page,
      ifBusy: 'wait',
      now: slot,
    })
    expect(await counts()).toEqual([0, 0, 0, 0])
    await run([both.person, alerts.person], slot + day)
    expect(await counts()).toEqual([1, 0, 1, 1])

    await database.query(
      `UPDATE notifier.digest_policy SET channel_id = (SELECT id FROM notification_channel WHERE destination = $2) WHERE user_id = $1`,
      [both.person, b],
    )
    await addNews(database, company, [{}])
    await run([both.person], slot + 2 * day)
    expect(await counts()).toEqual([1, 1, 1, 1])
    await database.query('DELETE FROM notification_channel WHERE destination = $1', [b])
    await addNews(database, company, [{}])
    await run([both.person], slot + 3 * day)
    expect(await counts()).toEqual([2, 1, 1, 1])
  })

  test('about a bucket has its companies, for people who can see it, besides the digest about all companies', async () => {
    const [followed, inBucket] = [await addCompany(database), await addCompany(database)]
    const owner = await addPerson(database, { channels: [] })
    const { person, address } = await addReader({ companies: [followed] })
    const bucket = await insertId(
      database,
      "INSERT INTO bucket (title, owner_id, modified_at) VALUES ('Berlin', $1, now())",
      [owner],
    )
    for (const company of [followed, inBucket])
      await database.query(
        'INSERT INTO company_bucket_membership (company_id, bucket_id, modified_at) VALUES ($1, $2, now())',
        [company, bucket],
      )
    await addPolicy(database, person, 'daily', bucket)
    await addNews(database, followed, [{ message: 'followed' }])
    await addNews(database, inBucket, [{ message: 'in the bucket' }])
    await run([person], slot)
    expect((await messagesTo(database, address)).map(({ titles }) => titles)).toEqual([['followed']])

    await database.query(
      "INSERT INTO bucket_access (bucket_id, invitee_id, permission, modified_at) VALUES ($1, $2, 'VIEWER', now())",
      [bucket, person],
    )
    await run([person], slot + day)
    const messages = await messagesTo(database, address)
    expect(messages.map(({ titles }) => titles.sort())).toEqual([['followed'], ['followed', 'in the bucket']])
    expect(messages[1]?.subject).toBe('Your daily report: 2 news items about 2 companies in the bucket Berlin')

    await database.query('DELETE FROM bucket WHERE id = $1', [bucket])
    await addNews(database, inBucket, [{ message: 'nobody sees it' }])
    await run([person], slot + 2 * day)
    expect(await messagesTo(database, address)).toHaveLength(2)
  })

  test('survives deleted companies and people, an unknown time zone and a factor that is not a number', async () => {
    const [kept, gone] = [await addCompany(database), await addCompany(database)]
    const { person, address } = await addReader({ companies: [kept, gone] })
    const leaver = await addReader({ companies: [kept] })
    await database.query("UPDATE notifier.digest_policy SET zone = 'Mars/Olympus' WHERE user_id = $1", [person])
    await addNews(database, kept, [{ message: 'kept', factor: NaN }])
    await addNews(database, gone, [{ message: 'gone' }])
    await database.query('DELETE FROM company WHERE id = $1', [gone])
    await database.query('DELETE FROM "user" WHERE id = $1', [leaver.person])
    await run([person, leaver.person], slot)
    expect((await messagesTo(database, address)).map(({ titles }) => titles)).toEqual([['kept']])
    expect(await digestsOf(database, leaver.person)).toEqual([])
  })

  test('shows a funding round with what is known about it, and a number with its chart', async () => {
    const company = await addCompany(database)
    const source = await addSource(database)
    const measure = (name: string, type: string, parent: number | null) =>
      insertId(
        database,
        'INSERT INTO source_measurement (source_module_id, type, measurement_name, parent_measurement_id, modified_at) VALUES ($1, $2, $3, $4, now())',
        [source, type, name, parent],
      )
    const round = await measure('Funding Rounds', 'nested', null)
    const series = await measure('Series', 'text', round)
    const amount = await measure('Amount', 'int', round)
    await measure('Investors', 'text', round)
    const stars = await measure('Stars', 'int', null)
    let event = 0
    const addValue = async (measurement: number, number: number | null, text: string | null, ago: string) => {
      const known = await database.query<{ id: number }>(
        'SELECT company_measurement_id AS id FROM company_source_measurement WHERE source_measurement_id = $1 AND company_id = $2',
        [measurement, company],
      )
      const [id] = known[0]
        ? [known[0].id]
        : (
            await database.query<{ id: number }>(
              'INSERT INTO company_source_measurement (source_measurement_id, company_id) VALUES ($1, $2) RETURNING company_measurement_id AS id',
              [measurement, company],
            )
          ).map((row) => row.id)
      await database.query('SELECT normalizer.create_month(now() - $1::interval)', [ago])
      await database.query(
        `INSERT INTO normalizer.value (event_no, observed_at, number, seq, company_measurement_id, source_measurement_id,
           company_id, data_source_id, type, path, subject_key, text)
         VALUES ($1, now() - $2::interval, $3, 1, $4, $5, $6, $7, 'int', 'x', '', $8)`,
        [++event, ago, number, id, measurement, company, source, text],
      )
    }
    await addValue(series, null, 'Seed', '20 days')
    await addValue(series, null, 'Series A', '1 day')
    await addValue(amount, 5_000_000, null, '1 day')
    for (const [index, number] of [10, 20, 40].entries()) await addValue(stars, number, null, `${40 - index * 19} days`)

    const { person, address } = await addReader({ companies: [company] })
    await addNews(database, company, [
      { message: 'A new Funding Round of acme was found.', severity: 'critical', measurement: series },
      { message: 'The funding round of acme changed.', severity: 'warning', measurement: amount },
      { message: 'A funding round without a parent.', measurement: stars },
      { message: 'Stars rose.', measurement: stars },
    ])
    await run([person], slot)
    const [message] = await messagesTo(database, address)
    expect(message?.titles).toEqual(['A new Funding Round of acme was found.', 'Stars rose.'])
    expect(message?.details).toEqual([
      ['- Series - Series A', '- Amount - 5000000', '… and 2 more news items about its funding rounds'],
      [expect.stringMatching(/^▁▂▇ 10 → 40 since \d+ \w+ \d+$/)],
    ])
  })
})
