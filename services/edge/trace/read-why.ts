import { z } from 'zod'
import { type Database, sql, type SqlFragment } from '#runtime/postgres/database.ts'
import { utcIso, utcTime } from '../http/time.ts'

/**
 * Where a value comes from. `document` is the path of the raw document in Firestore, which holds the module's own
 * bytes.
 */
const origin = z.object({
  observed_at: utcTime,
  event_id: z.string(),
  event_no: z.int(),
  path: z.string().nullable(),
  value: z.string().nullable(),
  map_version: z.int().nullable(),
  document: z.string(),
  task_id: z.int().nullable(),
  received_at: utcTime,
  replay_id: z.string().nullish().describe('The replay or correction that brought the value; none: its payload did.'),
  corrected_by: z.string().nullish(),
  correction_reason: z.string().nullish(),
  first_value: z.string().nullish().describe('What stood there first, where another value has taken its place.'),
})

/** Everything that led to a news item. */
export const whySchema = z.object({
  news_id: z.string(),
  kind: z.string(),
  severity: z.string(),
  title: z.string(),
  message: z.string(),
  silent: z.boolean(),
  created_at: utcTime,
  company: z.object({ id: z.int(), name: z.string().nullable() }),
  source: z.object({ id: z.int(), name: z.string().nullable() }),
  measurement: z.object({ id: z.int(), name: z.string().nullable(), type: z.string().nullable() }),
  subject_key: z.string(),
  item_key: z.string().nullable(),
  trigger_factor: z.number().nullable(),
  previous: z.string().nullable(),
  current: z.string().nullable(),
  facts: z.record(z.string(), z.string()),
  rule: z
    .object({ id: z.string(), version: z.int(), definition: z.unknown(), since: utcTime.nullable() })
    .nullable()
    .describe('Null: changes of this kind are reported without a rule.'),
  series: z
    .object({
      state: z.string(),
      kind: z.string().nullable(),
      score: z.number().nullable(),
      reason: z.string().nullable(),
    })
    .nullable()
    .describe('How the detectors judge the series now, and what they said of its newest value.'),
  now: origin.nullable().describe('The value that was judged.'),
  before: origin.nullable().describe('The value before it.'),
})

export type Why = z.output<typeof whySchema>

const newsRow = z.object({
  ...whySchema.omit({ rule: true, now: true, before: true }).shape,
  rule: whySchema.shape.rule,
  ...{ event_no: z.int(), replay_id: z.string(), seq: z.int().nullable(), path: z.string(), observed_at: utcTime },
  company_measurement_id: z.int(),
  /** The time of the value, which a replay may have moved since. */
  value_at: utcTime.nullable(),
})

const placeRow = z.object({ event_no: z.int(), seq: z.int(), path: z.string(), observed_at: utcTime })

/** SQL that is true for the news item `n` with this uuid, or this number in parma-web; null: `id` is neither. */
export function isNewsItem(id: string): SqlFragment | null {
  if (/^\d{1,9}$/.test(id)) return sql.fragment`n.public_news_id = ${Number(id)}`
  return z.guid().safeParse(id).success ? sql.fragment`n.news_id = ${id}::uuid` : null
}

/** Why a news item exists; null: it does not exist. `id` is its uuid, or its number in parma-web. */
export async function readWhy(database: Database, id: string): Promise<Why | null> {
  const isIt = isNewsItem(id)
  if (isIt === null) return null
  const news = await database.maybeOne(sql.type(newsRow)`
    SELECT n.news_id, n.kind, n.severity, n.title, n.message, n.silent, ${utcIso(sql.fragment`n.created_at`)} AS created_at,
      json_build_object('id', n.company_id, 'name', c.name) AS company,
      json_build_object('id', n.data_source_id, 'name', d.source_name) AS source,
      json_build_object('id', n.source_measurement_id, 'name', m.measurement_name, 'type', m.type) AS measurement,
      n.subject_key, n.item_key, n.trigger_factor, n.previous, n.current, n.facts,
      CASE WHEN n.rule_id IS NOT NULL THEN json_build_object('id', n.rule_id, 'version', n.rule_version,
        'definition', n.rule_definition, 'since', ${utcIso(sql.fragment`n.rule_since`)}) END AS rule,
      n.event_no, n.replay_id, n.seq, n.path, ${utcIso(sql.fragment`n.observed_at`)} AS observed_at, n.company_measurement_id,
      s.series, (SELECT ${utcIso(sql.fragment`l.observed_at`)} FROM normalizer.lineage l WHERE l.event_no = n.event_no
        ORDER BY l.replay_id = n.replay_id DESC, l.processed_at LIMIT 1) AS value_at
    FROM analyzer.news_why n
    LEFT JOIN public.company c ON c.id = n.company_id
    LEFT JOIN public.data_source d ON d.id = n.data_source_id
    LEFT JOIN public.source_measurement m ON m.id = n.source_measurement_id
    LEFT JOIN LATERAL (
      SELECT json_build_object('state', s.state, 'kind', s.kind, 'score', s.score, 'reason', s.reason) AS series
      FROM analyzer.series_view s
      WHERE s.company_measurement_id = n.company_measurement_id AND s.subject_key = n.subject_key
        AND s.item_key IS NOT DISTINCT FROM n.item_key
    ) s ON true
    WHERE ${isIt}`)
  if (news === null) return null
  const { event_no, replay_id, seq, path, observed_at, value_at, company_measurement_id, ...item } = news
  const since = news.facts['previous_observed_at']
  // The value compared may be older than the previous one: a rule may need several changes in a row.
  const isBefore = since ? sql.fragment`v.observed_at <= ${since}` : sql.fragment`v.observed_at < ${observed_at}`
  const value = sql.fragment`coalesce(v.text, v.number::text, ${utcIso(sql.fragment`v.date`)})`
  const first = (event: SqlFragment, place: SqlFragment) => sql.fragment`(
    SELECT coalesce(h.text, h.number::text, ${utcIso(sql.fragment`h.date`)}) FROM normalizer.value_history h
    WHERE h.event_no = ${event} AND h.seq = ${place} AND h.item_key IS NOT DISTINCT FROM ${news.item_key}
    ORDER BY h.superseded_at LIMIT 1) AS first_value`
  const now = await database.maybeOne(sql.type(origin)`
    SELECT ${utcIso(sql.fragment`l.observed_at`)} AS observed_at, l.event_id, l.event_no,
      coalesce(v.path, ${path}) AS path, ${value} AS value, coalesce(r.map_version, l.map_version) AS map_version, l.document, l.task_id,
      ${utcIso(sql.fragment`l.received_at`)} AS received_at, nullif(r.replay_id, '') AS replay_id, r.corrected_by,
      r.correction_reason, ${first(sql.fragment`l.event_no`, sql.fragment`${seq}`)}
    FROM normalizer.lineage l
    LEFT JOIN normalizer.value v ON v.event_no = l.event_no AND v.observed_at = ${value_at} AND v.seq = ${seq}
      AND starts_with(v.path, ${path}) AND v.item_key IS NOT DISTINCT FROM ${news.item_key}
    LEFT JOIN normalizer.value_lineage r ON r.event_no = v.event_no AND r.observed_at = ${value_at} AND r.seq = v.seq
      AND r.path = v.path
    WHERE l.event_no = ${event_no} ORDER BY l.replay_id = ${replay_id} DESC, l.processed_at LIMIT 1`)
  // First its place alone, then all about it by its time: Postgres plans each join for every month that it may touch.
  const place = await database.maybeOne(sql.type(placeRow)`
    SELECT v.event_no, v.seq, v.path, ${utcIso(sql.fragment`v.observed_at`)} AS observed_at
    FROM normalizer.value v
    WHERE v.company_measurement_id = ${company_measurement_id} AND v.subject_key = ${news.subject_key}
      AND v.item_key IS NOT DISTINCT FROM ${news.item_key} AND ${isBefore}
      AND v.event_no <> ${event_no}
    ORDER BY v.observed_at DESC, v.event_no DESC, v.seq DESC LIMIT 1`)
  if (place === null) return { ...item, now, before: null }
  const before = await database.maybeOne(sql.type(origin)`
    SELECT ${utcIso(sql.fragment`v.observed_at`)} AS observed_at, l.event_id, v.event_no, v.path,
      ${value} AS value, l.map_version, l.document, l.task_id,
      ${utcIso(sql.fragment`l.received_at`)} AS received_at, nullif(l.replay_id, '') AS replay_id, l.corrected_by,
      l.correction_reason, ${first(sql.fragment`v.event_no`, sql.fragment`v.seq`)}
    FROM normalizer.value v
    JOIN normalizer.value_lineage l USING (event_no, seq, path, observed_at, company_measurement_id)
    WHERE v.observed_at = ${place.observed_at} AND v.event_no = ${place.event_no} AND v.seq = ${place.seq}
      AND v.path = ${place.path} AND v.company_measurement_id = ${company_measurement_id}
      AND v.item_key IS NOT DISTINCT FROM ${news.item_key} LIMIT 1`)
  return { ...item, now, before }
}
