import { randomUUID } from 'node:crypto'
import type { SectionBlock } from '@slack/web-api'
import pg from 'pg'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { findFreePort } from '../../deploy/local/free-port.ts'
import { commands } from '../../services/notifier/commands.ts'
import { readDigestConfig } from '../../services/notifier/config.ts'
import type { DigestSettings } from '../../services/notifier/digests/settings.ts'
import type { DueDigest, Selection } from '../../services/notifier/digests/policies.ts'
import { firstPage, makeDigests } from '../../services/notifier/digests/make.ts'
import { readEnv } from '../../services/runtime/process/config.ts'
import { postgresSettings } from '../../services/runtime/process/settings.ts'
import { createLog } from '../../services/runtime/process/log.ts'
import { type Database, openPool } from '../../services/runtime/postgres/database.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { createDatabase, type TestDatabase } from '../harness/database.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { mailsTo, slackPostsIn, unique } from '../harness/mailbox.ts'
import { runCommand } from '../harness/run-command.ts'
import { waitFor } from '../harness/wait-for.ts'
import { addCompany, addPerson, addSource, insertId, type Reach } from '../harness/notifier/setup.ts'

const hour = 3_600_000
const day = 24 * hour
const report = (destination: string): Reach => ({ type: 'EMAIL', destination, purpose: 'REPORT' })

type News = {
  title?: string
  message?: string
  severity?: string
  factor?: number
  measurement?: number
  item?: string
}

/** News that came in and are told already, or are not to be told, each of a payload of its own. Returns their ids. */
async function addNews(
  database: Pick<TestDatabase, 'query'>,
  company: number,
  news: News[],
  receivedAt = 'now()',
): Promise<string[]> {
  const ids: string[] = []
  for (const { title = 'A title', message = 'A message', severity = 'info', ...more } of news) {
    const [id, group] = [randomUUID(), randomUUID()]
    await database.query(
      'INSERT INTO notifier.news_group (group_id, company_id, data_source_id, size, seen) VALUES ($1, $2, 1, 1, 1)',
      [group, company],
    )
    await database.query(
      `INSERT INTO notifier.news_item (news_id, group_id, group_index, severity, kind, title, message, trigger_factor,
         source_measurement_id, item_key, observed_at, dedupe_key, received_at)
       VALUES ($1, $2, 0, $3, 'threshold', $4, $5, $6, $7, $8, now(), $1::uuid::text, ${receivedAt})`,
      [id, group, severity, title, message, more.factor ?? null, more.measurement ?? 1, more.item ?? null],
    )
    ids.push(id)
  }
  return ids
}

/** A full hour that does not strike while these tests run: what they add came before it. */
const slot = Math.ceil(Date.now() / hour + 0.5) * hour

async function addPolicy(database: TestDatabase, person: number, rhythm: string, bucket = 0) {
  await database.query(
    `INSERT INTO notifier.digest_policy (user_id, bucket_id, rhythm, hour, weekday, zone) VALUES ($1, $2, $3, $4, 1, 'UTC')`,
    [person, bucket, rhythm, new Date(slot).getUTCHours()],
  )
}

type Row = { user_id: number; period: string; state: string; news: number; reason: string | null }
const digestsOf = (database: TestDatabase, person: number) =>
  database.query<Row>(
    'SELECT user_id, period, state, news, reason FROM notifier.digest WHERE user_id = $1 ORDER BY made_at, period',
    [person],
  )

type MessageRow = { subject: string; titles: string[]; details: string[][]; address: string; channel: string }
/** The messages of digests to an address. */
const messagesTo = (database: TestDatabase, address: string) =>
  database.query<MessageRow>(
    `SELECT n.message ->> 'subject' AS subject, t.address, t.channel,
       ARRAY(SELECT line ->> 'title' FROM jsonb_array_elements(n.message -> 'lines') line) AS titles,
       (SELECT jsonb_agg(line -> 'details') FROM jsonb_array_elements(n.message -> 'lines') line) AS details
     FROM notifier.delivery d JOIN notifier.notification n USING (notification_id) JOIN notifier.destination t USING (destination_id)
     WHERE t.address = $1 AND n.kind = 'digest' ORDER BY n.created_at`,
    [address],
  )

describe('a run', () => {
  let database: TestDatabase
  let pool: Database
  let config: DigestSettings
  const log = createLog('test', 'silent')

  beforeAll(async () => {
    database = await createDatabase()
    pool = await openPool(readEnv(postgresSettings, { DATABASE_URL: database.url, DATABASE_POOL_SIZE: '8' }))
    onCleanup(() => pool.end())
    config = readDigestConfig({ DEPLOYMENT_ENV: 'local', WEEKLY_REPORT_CLOCK: 'false' }, '/nowhere')
  })

  /** Makes what is due for these people at a time, as the service does. */
  async function run(people: number[], now: number, which: Selection['which'] = 'due'): Promise<readonly DueDigest[]> {
    const runs = people.map((person) =>
      makeDigests(config, log, pool, {
        selection: { which, person },
        page: { after: firstPage, limit: 100 },
        ifBusy: 'wait',
        now,
      }),
    )
    return (await Promise.all(runs)).flat()
  }

  async function addReader(options: { companies?: number[]; channels?: Reach[]; rhythm?: string; name?: string } = {}) {
    const address = `${unique('reader')}@example.com`
    const { companies = [], channels = [report(address)], rhythm = 'daily', name = 'Ann' } = options
    const person = await addPerson(database, { name, companies, channels })
    await addPolicy(database, person, rhythm)
    return { person, address }
  }

  test('doubled, late, concurrent, by clocks that differ: one digest a day, each news in one of them', async () => {
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

  test('what was stored late, and came before the last run, is in the next one', async () => {
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

  test('a first digest goes back for one rhythm, those after an outage to the digest before it', async () => {
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

  test('without news nothing is sent, without a channel the news wait for one', async () => {
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

  test('slots from before there were digests are not made up for', async () => {
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

  test('goes to channels for reports; to all of people who have none of those, unless strict; to the one that was chosen', async () => {
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

  test('of a bucket: its companies, for who may see it, besides that of all companies', async () => {
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

  test('what one person’s rows make impossible costs nobody else anything, and can be made up for', async () => {
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

  test('companies and people that are gone, a zone that nobody knows and a factor that is no number throw nothing', async () => {
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

  test('a funding round comes with what is known of it, a number with how it went', async () => {
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

describe('parma digests', () => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await createDatabase()
    vi.stubEnv('DATABASE_URL', database.url)
    vi.stubEnv('DEPLOYMENT_ENV', 'local')
    return () => vi.unstubAllEnvs()
  })

  const digests = <T>(...args: string[]) => runCommand<T>(commands.digests, ...args)
  type Listed = {
    person_id: number
    bucket: string | null
    rhythm: string
    at: string
    zone: string
    set: boolean
    last: string | null
  }

  test('says who gets what, changes it, shows what would be sent, and sends it once', async () => {
    const company = await addCompany(database, 'acme')
    const address = `${unique('ann')}@example.com`
    const person = await addPerson(database, { name: 'Ann', companies: [company], channels: [report(address)] })
    const listed = async () => (await digests<Listed[]>('ls')).filter(({ person_id }) => person_id === person)
    expect(await listed()).toMatchObject([
      { bucket: null, rhythm: 'weekly', at: 'monday 08:00', zone: 'UTC', set: false },
    ])

    const daily = ['--rhythm', 'daily', '--hour', '7', '--zone', 'Europe/Berlin']
    await digests('set', '--person', 'Ann', ...daily)
    expect(await listed()).toMatchObject([
      { rhythm: 'daily', at: '07:00', zone: 'Europe/Berlin', set: true, last: null },
    ])
    await expect(digests('set', '--person', 'Ann')).rejects.toThrow('Nothing to set')
    await expect(digests('set', '--person', 'Ann', '--rhythm', 'daily', '--weekday', 'friday')).rejects.toThrow(
      '--weekday is for weekly digests',
    )
    await expect(digests('set', '--person', 'Ann', '--zone', 'Mars')).rejects.toThrow('is not a time zone')
    await expect(digests('set', '--person', 'Ann', '--hour', '24')).rejects.toThrow('from 0 to 23')
    await expect(digests('set', '--person', 'Ann', '--channel', '999')).rejects.toThrow(
      'gets no messages at channel 999',
    )
    await expect(digests('set', '--person', 'Ann', '--bucket', 'Berlin')).rejects.toThrow('There is no bucket "Berlin"')

    const preview = () => digests<{ to: string[]; message: { subject: string } | null }>('preview', '--person', 'Ann')
    expect(await preview()).toMatchObject({ message: null })
    await addNews(database, company, [{ message: 'one' }, { message: 'two' }])
    const shown = { to: [`EMAIL ${address}`], message: { subject: 'Your daily report: 2 news items about acme' } }
    expect(await preview()).toMatchObject(shown)
    expect(await digests('run')).toEqual([])
    const run = (...args: string[]) => digests<{ news?: number }[]>('run', '--person', 'Ann', '--early', ...args)
    expect(await run('--dry-run')).toMatchObject([{ person_id: person, news: 2, companies: 1, channels: 1 }])
    expect(await messagesTo(database, address)).toEqual([])
    await database.query('ALTER TABLE notifier.digest_item ADD CONSTRAINT refuse CHECK (false)')
    await expect(run()).rejects.toThrow('1 of 1 digests failed: their news items wait')
    await database.query('ALTER TABLE notifier.digest_item DROP CONSTRAINT refuse')
    expect(await run()).toMatchObject([{ person_id: person, problem: null }])
    expect(await run()).toEqual([])
    expect(await messagesTo(database, address)).toHaveLength(1)
    expect(await preview()).toMatchObject({ message: null })
    expect((await listed())[0]?.last).toMatch(/^\d{4}-\d{2}-\d{2} made$/)

    await digests('rm', '--person', 'Ann')
    expect(await listed()).toMatchObject([{ rhythm: 'weekly', set: false }])
    await digests('set', '--person', 'Ann', '--rhythm', 'off')
    await expect(preview()).rejects.toThrow('gets no such digest')
  })
})

describe('the services', () => {
  let installation: Installation
  let database: TestDatabase

  beforeAll(async () => {
    installation = await createInstallation()
    database = installation.database
    await database.query("UPDATE notifier.digest_start SET since = now() - interval '1 year'")
  })

  const quick = {
    POLL_MS: '100',
    DIGEST_POLL_MS: '100',
    REPORT_POLL_MS: '100',
    SLACK_INTERVAL_MS: '0',
    SEND_TIMEOUT_MS: '5000',
    LEASE_MS: '6000',
  }

  type Delivery = { address: string; state: string; digests: number }
  /** How the digests to these addresses stand, once none is on its way. */
  async function settledTo(addresses: string[]): Promise<Delivery[]> {
    return waitFor(`the messages to ${addresses.length} addresses to be settled`, async () => {
      const rows = await database.query<Delivery & { is_open: boolean }>(
        `SELECT t.address, min(d.state) AS state, count(*)::int AS digests, bool_or(d.due_at IS NOT NULL) AS is_open
         FROM notifier.delivery d JOIN notifier.destination t USING (destination_id)
         WHERE t.address = ANY($1) GROUP BY t.address`,
        [addresses],
      )
      return rows.length === addresses.length && rows.every(({ is_open }) => !is_open) && rows
    })
  }

  /** A reader for whom a daily digest is due. */
  async function addDue(companies: number[], name = 'Ann'): Promise<{ person: number; address: string }> {
    const address = `${unique('due')}@example.com`
    const person = await addPerson(database, { name, companies, channels: [report(address)] })
    await database.query(
      `INSERT INTO notifier.digest_policy (user_id, rhythm, hour, weekday, zone, changed_at)
       VALUES ($1, 'daily', $2, 1, 'UTC', now() - interval '1 day')`,
      [person, new Date().getUTCHours()],
    )
    return { person, address }
  }

  test('GET /weekly-reports: one report for each reader and week, on every channel, in Firestore and for parma-web', async () => {
    const hostile = `<b>&"${unique('acme')}`
    const [company, other, silent] = [
      await addCompany(database, hostile),
      await addCompany(database),
      await addCompany(database),
    ]
    const [ann, bob, cyd] = ['ann', 'bob', 'cyd'].map((name) => `${unique(name)}@example.com`) as [
      string,
      string,
      string,
    ]
    const room = unique('room')
    const slack: Reach = { type: 'SLACK', destination: room, purpose: 'REPORT' }
    const person = await addPerson(database, { companies: [company, other], channels: [report(ann), slack] })
    await addPerson(database, { name: 'Bob', companies: [company], channels: [{ type: 'EMAIL', destination: bob }] })
    const nobody = await addPerson(database, { name: 'Cyd', companies: [silent], channels: [report(cyd)] })
    const ids = await addNews(database, company, [
      { message: 'Stars <rose> & fell.', severity: 'critical' },
      { message: '<!channel> click <https://evil.example|here>' },
    ])
    ids.push(...(await addNews(database, other, [{ message: 'Downloads rose.' }])))

    const [edge, ...notifiers] = await Promise.all([
      installation.start('edge'),
      installation.start('notifier', quick),
      installation.start('notifier', quick),
    ])
    for (let times = 0; times < 3; times++) expect((await fetch(`${edge.url}/weekly-reports`)).status).toBe(200)
    const settled = await settledTo([ann, bob, room])
    expect(settled.every(({ state, digests }) => state === 'sent' && digests === 1)).toBe(true)
    const [digest] = await waitFor('the digest without news', async () => {
      const rows = await digestsOf(database, nobody)
      return rows.length > 0 && rows
    })
    expect(digest?.state).toBe('empty')

    const [mail] = await mailsTo(ann)
    expect([(await mailsTo(ann)).length, (await mailsTo(bob)).length, (await mailsTo(cyd)).length]).toEqual([1, 1, 0])
    expect(mail?.subject).toBe('Your weekly report: 3 news items about 2 companies')
    expect(mail?.text).toContain(`${hostile}\n- Stars <rose> & fell. [critical]\n  Why: http`)
    expect(mail?.html).toContain('<li>Stars &lt;rose&gt; &amp; fell. <small>[critical]</small>')
    const [post, ...more] = await slackPostsIn(room)
    expect(more).toEqual([])
    const sections = (post?.blocks as SectionBlock[]).filter(({ type }) => type === 'section')
    const text = sections.map((section) => section.text?.text).join('\n')
    expect(text).toContain('- &lt;!channel&gt; click &lt;https://evil.example|here&gt;')
    expect(text).toMatch(/^&lt;b&gt;&amp;".*\n- Stars &lt;rose&gt; &amp; fell\. \[critical\] <http/)

    await waitFor('the results to be stored', async () => {
      const [{ count } = { count: 0 }] = await database.query<{ count: number }>(
        'SELECT count(*)::int AS count FROM notifier.digest WHERE result IS NOT NULL',
      )
      return count === 0
    })
    const documents = (await installation.firestore.client.collection('report').get()).docs.map((doc) => doc.data())
    expect(documents).toHaveLength(2)
    const document = documents.find(({ user_id }) => user_id === person)
    expect(document).toMatchObject({ bucket_id: 0, rhythm: 'weekly', period: digest?.period, news_count: 3 })
    expect((document?.news as string[]).toSorted()).toEqual(ids.toSorted())
    expect(document?.html).toContain('<ul><li>Downloads rose.')
    const reports = await database.query<{ company_id: number; name: string; report_file_url: string }>(
      'SELECT company_id, name, report_file_url FROM report ORDER BY company_id',
    )
    expect(reports.map(({ company_id, name }) => [company_id, name])).toEqual([
      [company, `Weekly report ${digest?.period}`],
      [other, `Weekly report ${digest?.period}`],
    ])
    expect(reports[0]?.report_file_url).toMatch(/^report\/[0-9a-f-]{36}$/)
    await Promise.all([edge, ...notifiers].map((service) => service.stop()))
  })

  test('kill -9 half-way: every reader has every news once', async () => {
    const company = await addCompany(database)
    await addNews(database, company, [{ message: 'one' }, { message: 'two' }, { message: 'three' }])
    const readers = []
    for (let count = 0; count < 30; count++) readers.push(await addDue([company], `Reader ${count}`))
    await database.query(`
      CREATE FUNCTION notifier.wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.1); RETURN NEW; END $$`)
    await database.query(
      'CREATE TRIGGER wait BEFORE INSERT ON notifier.digest FOR EACH ROW EXECUTE FUNCTION notifier.wait()',
    )
    const people = readers.map(({ person }) => person)
    const madeFor = async () =>
      (await database.query('SELECT FROM notifier.digest WHERE user_id = ANY($1)', [people])).length
    const first = await installation.start('notifier', { ...quick, DIGEST_BATCH: '4' })
    await waitFor('some of the digests', async () => (await madeFor()) > 0)
    await first.kill()
    expect(await madeFor()).toBeLessThan(30)

    await database.query('DROP TRIGGER wait ON notifier.digest')
    const others = await Promise.all([1, 2].map(() => installation.start('notifier', { ...quick, DIGEST_BATCH: '4' })))
    const settled = await settledTo(readers.map(({ address }) => address))
    expect(settled.map(({ digests }) => digests)).toEqual(Array(30).fill(1))
    const items = await database.query<{ items: number; readers: number }>(
      `SELECT count(*)::int AS items, count(DISTINCT user_id)::int AS readers FROM notifier.digest_item WHERE user_id = ANY($1)`,
      [people],
    )
    expect(items).toEqual([{ items: 90, readers: 30 }])
    for (const { address, state } of settled) {
      const mails = await mailsTo(address)
      // A mail that was under way when the process ended is not sent again.
      expect(mails.length).toBe(state === 'sent' ? 1 : Math.min(mails.length, 1))
      if (mails[0]) for (const text of ['- one', '- two', '- three']) expect(mails[0].text.split(text)).toHaveLength(2)
    }
    await Promise.all(others.map((service) => service.stop()))
  })

  test('without Firestore the digest goes out, and its result is stored once there is one', async () => {
    const company = await addCompany(database)
    await addNews(database, company, [{ message: 'one' }])
    const { person, address } = await addDue([company])
    const gone = { FIRESTORE_EMULATOR_HOST: `127.0.0.1:${await findFreePort()}`, FIRESTORE_TIMEOUT_MS: '500' }
    const first = await installation.start('notifier', { ...quick, ...gone })
    expect(await settledTo([address])).toMatchObject([{ state: 'sent', digests: 1 }])
    await waitFor('an attempt to store the result', () => first.logs().includes('"loop":"reports"'))
    const isWaiting = async () =>
      (await database.query('SELECT FROM notifier.digest WHERE user_id = $1 AND result IS NOT NULL', [person])).length
    expect(await isWaiting()).toBe(1)
    expect(await first.stop()).toBe(0)

    const second = await installation.start('notifier', quick)
    await waitFor('the result to be stored', async () => (await isWaiting()) === 0)
    const { docs } = await installation.firestore.client.collection('report').where('user_id', '==', person).get()
    expect(docs).toHaveLength(1)
    await second.stop()
  })
})
