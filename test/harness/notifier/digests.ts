import { randomUUID } from 'node:crypto'
import { readDigestConfig } from '../../../services/notifier/config.ts'
import { firstPage, makeDigests } from '../../../services/notifier/digests/make.ts'
import type { DueDigest, Selection } from '../../../services/notifier/digests/policies.ts'
import { openPool } from '../../../services/runtime/postgres/database.ts'
import { readEnv } from '../../../services/runtime/process/config.ts'
import { createLog } from '../../../services/runtime/process/log.ts'
import { postgresSettings } from '../../../services/runtime/process/settings.ts'
import { onCleanup } from '../cleanup.ts'
import { createDatabase, type TestDatabase } from '../database.ts'
import { unique } from '../mailbox.ts'
import { addPerson, type Reach } from './setup.ts'

export const hour = 3_600_000
export const day = 24 * hour
export const report = (destination: string): Reach => ({ type: 'EMAIL', destination, purpose: 'REPORT' })

type NewsItem = {
  title?: string
  message?: string
  severity?: string
  factor?: number
  measurement?: number
  item?: string
}

/** News items that are stored and not due as alerts, each of a payload of its own. Returns their ids. */
export async function addNews(
  database: Pick<TestDatabase, 'query'>,
  company: number,
  news: NewsItem[],
  receivedAt = 'now()',
): Promise<string[]> {
  const ids: string[] = []
  for (const { message = 'A message', title = message, severity = 'info', ...more } of news) {
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

/** A full hour that does not begin while these tests run: what they add came before it. */
export const slot = Math.ceil(Date.now() / hour + 0.5) * hour

export async function addPolicy(database: TestDatabase, person: number, rhythm: string, bucket = 0) {
  await database.query(
    `INSERT INTO notifier.digest_policy (user_id, bucket_id, rhythm, hour, weekday, zone) VALUES ($1, $2, $3, $4, 1, 'UTC')`,
    [person, bucket, rhythm, new Date(slot).getUTCHours()],
  )
}

type Row = { user_id: number; period: string; state: string; news: number; reason: string | null }
export const digestsOf = (database: TestDatabase, person: number) =>
  database.query<Row>(
    'SELECT user_id, period, state, news, reason FROM notifier.digest WHERE user_id = $1 ORDER BY made_at, period',
    [person],
  )

type MessageRow = { subject: string; titles: string[]; details: string[][]; address: string; channel: string }
/** The messages of digests to an address. */
export const messagesTo = (database: TestDatabase, address: string) =>
  database.query<MessageRow>(
    `SELECT n.message ->> 'subject' AS subject, t.address, t.channel,
       ARRAY(SELECT line ->> 'title' FROM jsonb_array_elements(n.message -> 'lines') line) AS titles,
       (SELECT jsonb_agg(line -> 'details') FROM jsonb_array_elements(n.message -> 'lines') line) AS details
     FROM notifier.delivery d JOIN notifier.notification n USING (notification_id) JOIN notifier.destination t USING (destination_id)
     WHERE t.address = $1 AND n.kind = 'digest' ORDER BY n.created_at`,
    [address],
  )

/** A database with readers of digests, and the run that makes what is due for them. */
export async function openDigests() {
  const database = await createDatabase()
  const pool = await openPool(readEnv(postgresSettings, { DATABASE_URL: database.url, DATABASE_POOL_SIZE: '8' }))
  onCleanup(() => pool.end())
  const config = readDigestConfig({ DEPLOYMENT_ENV: 'local', WEEKLY_REPORT_CLOCK: 'false' }, '/nowhere')
  const log = createLog('test', 'silent')

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

  return { database, pool, config, log, run, addReader }
}
