import { z } from 'zod'
import { column } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import type { Config } from '../config.ts'
import type { Payload } from '../values/payload.ts'
import type { NewsRow } from '../words/compose-news.ts'

const newsRow = z.object({
  news_id: z.string(),
  event_id: z.string(),
  replay_id: z.string(),
  event_no: z.number(),
  kind: z.string(),
  severity: z.enum(['info', 'warning', 'critical']),
  company_id: z.number(),
  data_source_id: z.number(),
  source_measurement_id: z.number(),
  company_measurement_id: z.number(),
  subject_key: z.string(),
  item_key: z.string().nullable(),
  path: z.string(),
  seq: z.number().nullable(),
  map_version: z.number(),
  title: z.string(),
  message: z.string(),
  trigger_factor: z.number().nullable(),
  previous: z.string().nullable(),
  current: z.string().nullable(),
  rule_id: z.string().nullable(),
  rule_version: z.number().nullable(),
  observed_at: z.number(),
  task_id: z.number().nullable(),
  group_index: z.number(),
  group_size: z.number(),
  dedupe_key: z.string(),
  facts: z.record(z.string(), z.string()),
  silent: z.boolean(),
  importance: z.number().nullable(),
  importance_parts: z
    .object({ score: z.number(), size: z.number(), polarity: z.number(), rarity: z.number() })
    .nullable(),
})
const columns = sql.join(
  Object.keys(newsRow.shape).map((name) => sql.identifier([name])),
  sql.fragment`, `,
)

/**
 * Two news items with these columns equal are one, even from different payloads: a change posted again in another run
 * is not new.
 */
const uniqueColumns = ['dedupe_key', 'kind', 'rule_id', 'rule_version', 'previous', 'current'] as const

/** Equal for two news items that are one. */
export function sameNewsKey(row: NewsRow): string {
  return JSON.stringify(uniqueColumns.map((name) => row[name]))
}

/**
 * Stores news items: here with all facts, and those that are not silent in `public.news` for parma-web's feed, which
 * has changes without their sign and shows `created_at` as the day of a news item. Items that are stored already, by
 * their id or by `uniqueColumns`, are left out. Those that are `withheld` are not shown, and hide no other one.
 */
export async function insertNews(
  { WRITE_PUBLIC_SILENT_NEWS: showSilent }: Pick<Config, 'WRITE_PUBLIC_SILENT_NEWS'>,
  tx: Transaction,
  news: readonly NewsRow[],
  withheld: ReadonlySet<string> = new Set(),
): Promise<void> {
  if (news.length === 0) return
  const keyOf = (row: NewsRow) => `${sameNewsKey(row)} ${withheld.has(row.news_id)}`
  const rows = [...new Map(news.toReversed().map((row) => [keyOf(row), row])).values()].reverse()
  const json = JSON.stringify(rows.map((row) => ({ ...row, observed_at: new Date(row.observed_at).toISOString() })))
  const isSame = uniqueColumns.map(
    (name) => sql.fragment`o.${sql.identifier([name])} IS NOT DISTINCT FROM n.${sql.identifier([name])}`,
  )
  await tx.query(sql.unsafe`
    WITH new AS MATERIALIZED (
      SELECT n.*, CASE WHEN (${showSilent} OR NOT n.silent) AND NOT n.news_id = ANY(${sql.array([...withheld], 'uuid')})
        THEN nextval(pg_get_serial_sequence('public.news', 'id')) END AS public_id
      FROM jsonb_populate_recordset(NULL::analyzer.news, ${json}::jsonb) n
      WHERE NOT EXISTS (SELECT FROM analyzer.news o WHERE o.news_id = n.news_id)
        AND NOT EXISTS (
          SELECT FROM analyzer.news o WHERE hashtextextended(o.dedupe_key, 0) = hashtextextended(n.dedupe_key, 0)
            AND ${sql.join(isSame, sql.fragment` AND `)}
            AND NOT EXISTS (SELECT FROM analyzer.withheld_news w WHERE w.news_id = o.news_id)
        )
    ), shown AS (
      INSERT INTO public.news (id, title, message, trigger_factor, timestamp, company_id, data_source_id,
        source_measurement_id, created_at, modified_at)
      SELECT public_id, title, message, round(abs(trigger_factor)::numeric, 2)::float8::text,
        observed_at AT TIME ZONE 'UTC', company_id, data_source_id, source_measurement_id,
        least(observed_at AT TIME ZONE 'UTC', ${utcNow}), ${utcNow}
      FROM new WHERE public_id IS NOT NULL
    )
    INSERT INTO analyzer.news (public_news_id, ${columns}) SELECT public_id, ${columns} FROM new`)
}

const readRow = newsRow.extend({ withheld: z.number() })

/** The stored news items of these payloads, in order within each, without what is withheld, which no group waits for. */
export async function readNews(tx: Transaction, eventIds: readonly string[]): Promise<readonly NewsRow[]> {
  if (eventIds.length === 0) return []
  const rows = await tx.any(sql.type(readRow)`
    SELECT ${columns}, CASE replay_id WHEN '' THEN (
        SELECT count(*) FROM analyzer.withheld_news w WHERE w.event_id = n.event_id) ELSE 0 END AS withheld
    FROM analyzer.news n
    WHERE event_id = ANY(${sql.array(eventIds, 'uuid')})
      AND NOT EXISTS (SELECT FROM analyzer.withheld_news w WHERE w.news_id = n.news_id)
    ORDER BY event_id, replay_id, group_index`)
  return rows.map(({ withheld, ...row }) => ({ ...row, group_size: row.group_size - withheld }))
}

/** News items by id, in order within each payload. */
export function readNewsById(tx: Transaction, newsIds: readonly string[]): Promise<readonly NewsRow[]> {
  return tx.any(sql.type(newsRow)`
    SELECT ${columns} FROM analyzer.news WHERE news_id = ANY(${sql.array(newsIds, 'uuid')})
    ORDER BY event_no, event_id, group_index`)
}

const foundRow = z.object({ kind: z.enum(['company', 'source', 'measurement']), id: z.number(), name: z.string() })

type Parents = Pick<Payload, 'company_id' | 'data_source_id'> & { measurements: readonly number[] }

/**
 * Which of these companies, sources and measurements exist, with their names. parma-web may delete any of them at any
 * time.
 */
export async function readParents(tx: Transaction, payloads: readonly Parents[]) {
  const measurements = new Set(payloads.flatMap((payload) => payload.measurements))
  const rows = await tx.any(sql.type(foundRow)`
    SELECT 'company' AS kind, id, name FROM public.company
    WHERE id = ANY(${column(payloads, 'int4', ({ company_id }) => Number(company_id))})
    UNION ALL
    SELECT 'source', id, source_name FROM public.data_source
    WHERE id = ANY(${column(payloads, 'int4', ({ data_source_id }) => data_source_id)})
    UNION ALL
    SELECT 'measurement', id, measurement_name FROM public.source_measurement
    WHERE id = ANY(${sql.array([...measurements], 'int4')})`)
  const of = (kind: string) => new Map(rows.filter((row) => row.kind === kind).map(({ id, name }) => [id, name]))
  return { companies: of('company'), sources: of('source'), measurements: of('measurement') }
}
