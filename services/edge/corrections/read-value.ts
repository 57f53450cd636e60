import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'

const shown = {
  type: z.string(),
  number: z.number().nullable(),
  text: z.string().nullable(),
  date: z.number().nullable(),
  members: z.array(z.string()).nullable(),
  replay_id: z.string(),
  corrected_by: z.string().nullable(),
  correction_reason: z.string().nullable(),
}

const valueRow = z.object({
  ...shown,
  event_id: z.string(),
  seq: z.int(),
  path: z.string(),
  item_key: z.string().nullable(),
  observed_at: z.number(),
  /** Of the row of the ledger that brought it as it is now; 0: it is as it was stored first. */
  revision: z.number(),
  processed_at: z.number(),
  company_id: z.int(),
  company: z.string().nullable(),
  measurement: z.string().nullable(),
  source_name: z.string(),
})
const earlierRow = z.object({ ...shown, superseded_at: z.number() })

/** A stored value, as it is now. Times are ms since 1970. */
export type StoredValue = z.output<typeof valueRow>

/** A value that another one has taken the place of: `corrected_by` and `replay_id` are of that one. */
export type EarlierValue = z.output<typeof earlierRow>

/** A value and those that stood in its place before, the newest first. Null: there is no such value. */
export async function readStoredValue(
  database: Database,
  eventId: string,
  seq: number,
): Promise<{ value: StoredValue; earlier: readonly EarlierValue[] } | null> {
  const first = sql.fragment`
    (SELECT event_no, observed_at FROM normalizer.lineage WHERE event_id = ${eventId}::uuid ORDER BY event_no LIMIT 1)`
  const value = await database.maybeOne(sql.type(valueRow)`
    SELECT v.type, v.number, v.text, v.date, v.members, v.replay_id, v.corrected_by, v.correction_reason, v.event_id, v.seq,
      v.path, v.item_key, v.observed_at, coalesce(v.generation_no, 0) AS revision, v.processed_at, v.company_id,
      c.name AS company, m.measurement_name AS measurement, v.source_name
    FROM ${first} e
    JOIN normalizer.value_lineage v ON v.event_no = e.event_no AND v.observed_at = e.observed_at AND v.seq = ${seq}
    LEFT JOIN public.company c ON c.id = v.company_id
    LEFT JOIN public.source_measurement m ON m.id = v.source_measurement_id
    LIMIT 1`)
  if (value === null) return null
  const earlier = await database.any(sql.type(earlierRow)`
    SELECT h.type, h.number, h.text, h.date, h.members, h.replay_id, h.corrected_by, h.correction_reason, h.superseded_at
    FROM ${first} e
    JOIN normalizer.value_history h ON h.event_no = e.event_no AND h.observed_at = e.observed_at AND h.seq = ${seq}
    ORDER BY h.superseded_at DESC LIMIT 50`)
  return { value, earlier }
}

/** A value as somebody types it in a correction. */
export function typedValue({ type, number, text, date, members }: Omit<EarlierValue, 'superseded_at'>): string {
  if (members !== null) return JSON.stringify(members)
  if (date !== null) return new Date(date).toISOString()
  if (type === 'bool' && number !== null) return String(number === 1)
  return text ?? String(number ?? '')
}
