import { z } from 'zod'
import { sql } from '#runtime/postgres/database.ts'
import { cut } from '#runtime/text/shorten.ts'
import type { LineFacts } from '../message/message.ts'

/** Columns of `news_item JOIN news_group g` from which the facts of a line are made. */
export const factColumns = sql.fragment`
  news_id, group_id, g.company_id, g.data_source_id, source_measurement_id, kind, subject_key, item_key, trigger_factor,
  previous, current, score, importance, observed_at, rule_id, rule_version`

export const factsRow = z.object({
  news_id: z.string(),
  group_id: z.string(),
  company_id: z.number(),
  data_source_id: z.number(),
  source_measurement_id: z.number(),
  kind: z.string(),
  subject_key: z.string().nullable(),
  item_key: z.string().nullable(),
  trigger_factor: z.number().nullable().catch(null),
  previous: z.string().nullable(),
  current: z.string().nullable(),
  score: z.number().nullable(),
  importance: z.number().nullable(),
  observed_at: z.number(),
  rule_id: z.string().nullable(),
  rule_version: z.number().nullable(),
})

const maxValue = 600

/** What programs read of a line about a news item. */
export function factsOf(row: z.output<typeof factsRow>): LineFacts {
  const { group_id, trigger_factor, rule_id, rule_version, observed_at, previous, current, ...facts } =
    factsRow.parse(row)
  return {
    ...facts,
    previous: previous === null ? null : cut(previous, maxValue),
    current: current === null ? null : cut(current, maxValue),
    event_id: group_id,
    // JSON has no infinity.
    percent: Number.isFinite(trigger_factor) ? trigger_factor : null,
    observed_at: new Date(observed_at).toISOString(),
    rule: rule_id === null || rule_version === null ? null : { id: rule_id, version: rule_version },
  }
}
