import { randomUUID } from 'node:crypto'
import { createCodec } from '../../../schemas/codec.ts'
import type { News, OpsEvent } from '../../../schemas/generated/types.ts'
import { createRegistry } from '../../../schemas/registry.ts'
import { type Topic, topics } from '../../../schemas/topics.ts'
import type { TestDatabase } from '../database.ts'
import type { Installation } from '../installation.ts'
import { mailsTo, slackPostsIn, unique } from '../mailbox.ts'
import { waitFor } from '../wait-for.ts'

/** Short waits, for a notifier that tests wait for. */
export const quick = { RETRY_FIRST_MS: '100', RETRY_MAX_MS: '200', POLL_MS: '100' }

type Purpose = 'NOTIFICATION' | 'REPORT'
export type Reach = { type: 'EMAIL' | 'SLACK' | 'WEBHOOK'; destination: string; purpose?: Purpose; secretId?: string }

export async function insertId(database: TestDatabase, text: string, values: unknown[]): Promise<number> {
  const [row] = await database.query<{ id: number }>(`${text} RETURNING id`, values)
  return row?.id ?? 0
}

export function addCompany(database: TestDatabase, name = unique('acme')): Promise<number> {
  return insertId(database, 'INSERT INTO company (name, modified_at) VALUES ($1, now())', [name])
}

export function addSource(database: TestDatabase): Promise<number> {
  const text = `INSERT INTO data_source (source_name, is_active, frequency, health_status, modified_at) VALUES ('npm', true, 'DAILY', 'UP', now())`
  return insertId(database, text, [])
}

/** A person who follows `companies` and is reached at `channels`. */
export async function addPerson(
  database: TestDatabase,
  {
    name = 'Ann',
    role = 'USER',
    companies = [],
    channels,
  }: { name?: string; role?: string; companies?: number[]; channels: Reach[] },
): Promise<number> {
  const person = await insertId(
    database,
    'INSERT INTO "user" (auth_id, name, role, modified_at) VALUES ($1, $2, $3, now())',
    [randomUUID(), name, role],
  )
  for (const company of companies)
    await database.query('INSERT INTO company_subscription (user_id, company_id, modified_at) VALUES ($1, $2, now())', [
      person,
      company,
    ])
  for (const { type, destination, purpose = 'NOTIFICATION', secretId = null } of channels) {
    if (type === 'WEBHOOK') {
      await database.query(
        `WITH added AS (INSERT INTO notifier.channel (channel_type, destination, secret_id) VALUES ($1, $2, $3) RETURNING channel_id)
         INSERT INTO notifier.channel_subscription SELECT $4, channel_id, $5 FROM added`,
        [type, destination, secretId, person, purpose],
      )
      continue
    }
    const channel = await insertId(
      database,
      'INSERT INTO notification_channel (channel_type, destination, secret_id, modified_at) VALUES ($1, $2, $3, now())',
      [type, destination, secretId],
    )
    await database.query(
      'INSERT INTO notification_subscription (user_id, channel_id, channel_purpose, modified_at) VALUES ($1, $2, $3, now())',
      [person, channel, purpose],
    )
  }
  return person
}

/** A company, followed by one person with an e-mail address and a Slack channel of their own. */
export async function addFollowed(database: TestDatabase) {
  const address = `${unique('ann')}@example.com`
  const channel = unique('room')
  const name = unique('acme')
  const company = await addCompany(database, name)
  const channels: Reach[] = [
    { type: 'EMAIL', destination: address },
    { type: 'SLACK', destination: channel },
  ]
  await addPerson(database, { companies: [company], channels })
  return { company, name, address, channel }
}

/** `count` news items of one payload. */
export function groupOf(company: number, source: number, count: number, changes: Partial<News> = {}): News[] {
  const eventId = randomUUID()
  return Array.from({ length: count }, (_, index) => ({
    news_id: randomUUID(),
    kind: 'threshold',
    severity: 'warning',
    company_id: String(company),
    data_source_id: source,
    source_measurement_id: 1,
    subject_key: '',
    item_key: null,
    title: `Stars number ${index} rose`,
    message: `Stars number ${index} rose by half.`,
    trigger_factor: 50 + index,
    previous: String(1000 + index),
    current: String(1500 + index),
    rule: null,
    observed_at: Date.UTC(2026, 10, 24, 12),
    event_id: eventId,
    task_id: 7,
    group_id: eventId,
    group_index: index,
    group_size: count,
    dedupe_key: randomUUID(),
    facts: {},
    silent: false,
    importance: null,
    ...changes,
  }))
}

export function opsEventOf(changes: Partial<OpsEvent>): OpsEvent {
  return {
    event_id: randomUUID(),
    kind: 'drift',
    service: 'normalizer',
    data_source_id: null,
    subject: 'stars',
    message: 'The path stars is new: map it.',
    resolved: false,
    dedupe_key: randomUUID(),
    at: Date.UTC(2026, 10, 24, 12),
    facts: {},
    ...changes,
  }
}

async function send<T>({ env, topics: own }: Installation, topic: Topic<T>, values: T[]): Promise<void> {
  const codec = createCodec(createRegistry(env.SCHEMA_REGISTRY_URL ?? ''))
  const encoded = await Promise.all(values.map((value) => codec.encode(topic, own.prefix + topic.name, value)))
  await own.produce(
    topic.name,
    encoded.map((value) => ({ key: '1', value })),
  )
}

export const sendNews = (installation: Installation, news: News[]) => send(installation, topics.news, news)
export const sendOps = (installation: Installation, events: OpsEvent[]) => send(installation, topics.opsEvents, events)

export type DeliveryRow = {
  channel: string
  address: string
  state: string
  reason: string | null
  reference: string | null
  is_due: boolean
}

/** How the messages about a company stand, by channel and address. */
export function deliveriesOf(database: TestDatabase, company: number): Promise<DeliveryRow[]> {
  return database.query<DeliveryRow>(
    `SELECT t.channel, t.address, d.state, d.reason, d.reference, d.due_at IS NOT NULL AS is_due
     FROM notifier.delivery d JOIN notifier.destination t USING (destination_id) JOIN notifier.notification n USING (notification_id)
     WHERE n.company_id = $1 ORDER BY n.created_at, t.channel, t.address`,
    [company],
  )
}

/** The states of all messages about a company, once none is on its way. */
export async function settledStates(database: TestDatabase, company: number, count: number): Promise<string[]> {
  return waitFor(`${count} settled messages about company ${company}`, async () => {
    const rows = await deliveriesOf(database, company)
    return rows.length === count && rows.every(({ is_due }) => !is_due) && rows.map(({ state }) => state)
  })
}

/**
 * Resolves when the notifier has worked off everything sent before: a news item about a company of its own has gone all
 * the way through the same partition. What has not arrived by then will not.
 */
export async function passThrough(installation: Installation, source: number): Promise<void> {
  const { company, address, channel } = await addFollowed(installation.database)
  await sendNews(installation, groupOf(company, source, 1))
  await waitFor(
    'the news sent after the others',
    async () => (await mailsTo(address)).length + (await slackPostsIn(channel)).length === 2,
  )
}
