import { randomUUID } from 'node:crypto'
import type { TestEdge } from './setup.ts'

const dayMs = 86_400_000

/** Observed time of the newest values. */
const newestAt = Date.parse('2026-11-20T10:00:00Z')

export const daysAgo = (days: number) => new Date(newestAt - days * dayMs).toISOString()

/** Adds rows as the services would have stored them, and returns their ids. */
export function storeFacts({ database, addCompany }: TestEdge) {
  let eventNo = 0
  const insert = async (statement: string, ...values: unknown[]): Promise<number> =>
    (await database.query<{ id: number }>(statement, values))[0]!.id

  const addUser = (name: string) =>
    insert('INSERT INTO "user" (auth_id, name, modified_at) VALUES ($1, $2, now()) RETURNING id', randomUUID(), name)

  const addMeasurement = (source: number, name: string, type = 'int') =>
    insert(
      `INSERT INTO source_measurement (source_module_id, type, measurement_name, modified_at) VALUES ($1, $2, $3, now())
       RETURNING id`,
      ...[source, type, name],
    )

  async function addBucket(title: string, owner: number, companies: readonly number[], isPublic = false) {
    const id = await insert(
      'INSERT INTO bucket (title, owner_id, is_public, modified_at) VALUES ($1, $2, $3, now()) RETURNING id',
      ...[title, owner, isPublic],
    )
    await database.query(
      `INSERT INTO company_bucket_membership (company_id, bucket_id, modified_at)
       SELECT c, $2, now() FROM unnest($1::int[]) c`,
      [companies, id],
    )
    return id
  }

  type Keys = { subject?: string; item?: string | null }

  /** A series with these values by their age in days, and its state. The id of its company measurement. */
  async function addSeries(
    company: number,
    measurement: number,
    values: Record<number, number | string>,
    { subject = '', item = null }: Keys = {},
  ): Promise<number> {
    const series =
      (
        await database.query<{ id: number }>(
          `SELECT company_measurement_id AS id FROM company_source_measurement
           WHERE company_id = $1 AND source_measurement_id = $2`,
          [company, measurement],
        )
      )[0]?.id ??
      (await insert(
        `INSERT INTO company_source_measurement (company_id, source_measurement_id) VALUES ($1, $2)
         RETURNING company_measurement_id AS id`,
        ...[company, measurement],
      ))
    const oldestFirst = Object.entries(values).toSorted(([a], [b]) => Number(b) - Number(a))
    for (const [age, value] of oldestFirst) await addValue(series, { company, measurement, age, value, subject, item })
    const last = oldestFirst.at(-1)![1]
    const state = {
      last: typeof last === 'number' ? { kind: 'number', number: last } : { kind: 'text', text: last },
      recent: oldestFirst.flatMap(([, value]) => (typeof value === 'number' ? value : [])),
    }
    await database.query(
      `INSERT INTO analyzer.series_state (company_measurement_id, subject_key, item_key, event_no, observed_at, state)
       VALUES ($1, $2, $3, $4, $5, $6)`,
      [series, subject, item ?? '', eventNo, daysAgo(Number(oldestFirst.at(-1)![0])), state],
    )
    return series
  }

  type Value = Required<Keys> & { company: number; measurement: number; age: string; value: number | string }

  async function addValue(series: number, { company, measurement, age, value, subject, item }: Value): Promise<void> {
    const at = daysAgo(Number(age))
    const [source] = await database.query<{ id: number; type: string }>(
      'SELECT source_module_id AS id, type FROM source_measurement WHERE id = $1',
      [measurement],
    )
    await database.query('SELECT normalizer.create_month($1)', [at])
    eventNo = await insert(
      `INSERT INTO normalizer.processed_event (event_id, content_hash, document, data_source_id, source_name, company_id,
         received_at, history, observed_at, map_version, subject_key, stored)
       VALUES ($1::uuid, '', 'parma/a source/raw/' || $1::uuid, $2, 'a source', $3, $4, false, $4, 1, $5, 1) RETURNING event_no::int AS id`,
      ...[randomUUID(), source!.id, String(company), at, subject],
    )
    const column = typeof value === 'number' ? 'number' : 'text'
    await database.query(
      `INSERT INTO normalizer.value (event_no, observed_at, ${column}, seq, company_measurement_id, source_measurement_id,
         company_id, data_source_id, type, path, subject_key, item_key)
       VALUES ($1, $2, $3, 0, $4, $5, $6, $7, $8, 'path', $9, $10)`,
      [eventNo, at, value, series, measurement, company, source!.id, source!.type, subject, item],
    )
  }

  type NewsItem = {
    company: number
    source: number
    measurement: number
    series: number
    age?: number
    importance?: number | null
    title?: string
    silent?: boolean
    severity?: string
    item?: string | null
  }

  async function addNewsItem(item: NewsItem): Promise<string> {
    const newsId = randomUUID()
    const { company, source, measurement, series, age = 0, importance = 0.5, title = 'News', silent = false } = item
    await database.query(
      `INSERT INTO analyzer.news (news_id, event_id, replay_id, event_no, kind, severity, company_id, data_source_id,
         source_measurement_id, company_measurement_id, subject_key, item_key, path, seq, map_version, title, message,
         observed_at, group_index, group_size, dedupe_key, facts, silent, importance, trigger_factor, previous, current)
       VALUES ($1, $1, '', 1, 'changed', $2, $3, $4, $5, $6, '', $7, 'p', 0, 1, $8, $8, $9, 0, 1, '', '{"a": "b"}', $10, $11,
         12.5, '1', '2')`,
      [
        ...[newsId, item.severity ?? 'info', company, source, measurement, series, item.item ?? null, title],
        ...[daysAgo(age), silent, importance],
      ],
    )
    return newsId
  }

  /** A digest that a person got. */
  async function addDigest(user: number, subject: string, lines: readonly object[] = []): Promise<string> {
    const id = randomUUID()
    const message = { subject, context: 'a week', lines, rest: '', topic: { kind: 'company', name: 'x' }, trace: '' }
    await database.query(
      `INSERT INTO notifier.notification (notification_id, kind, message) VALUES ($1, 'digest', $2)`,
      [id, JSON.stringify(message)],
    )
    await database.query(
      `INSERT INTO notifier.digest (user_id, bucket_id, period, digest_id, rhythm, state, news, since)
       VALUES ($1, 0, '2026-W48', $2, 'weekly', 'made', 1, now())`,
      [user, id],
    )
    return id
  }

  return { addCompany, addDigest, addUser, addMeasurement, addBucket, addSeries, addNewsItem }
}
