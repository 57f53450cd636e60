import { v5 as uuidv5 } from 'uuid'
import type { News, Severity } from '#schemas/generated/types.ts'
import { severityOf } from './defaults.ts'
import { describe } from './describe.ts'
import type { Found, Payload } from './judge-payload.ts'
import { numberOf } from './value.ts'

/** A row of analyzer.news, all that is told of a news. Times in ms since 1970. */
export type NewsRow = {
  news_id: string
  event_id: string
  replay_id: string
  event_no: number
  kind: string
  severity: Severity
  company_id: number
  data_source_id: number
  source_measurement_id: number
  company_measurement_id: number
  subject_key: string
  item_key: string | null
  path: string
  seq: number
  map_version: number
  title: string
  message: string
  trigger_factor: number | null
  previous: string | null
  current: string | null
  rule_id: string | null
  rule_version: number | null
  observed_at: number
  task_id: number | null
  group_index: number
  group_size: number
  dedupe_key: string
  facts: Record<string, string>
  silent: boolean
}

/** The news of a payload, which are one group. The same firing of the same payload has the same id, always. */
export function composeNews(payload: Payload, found: readonly Found[], company: string): NewsRow[] {
  const { event_id, event_no, data_source_id, source_name, subject_key, map_version, observed_at, task_id } = payload
  return found.map(({ firing, value, silent }, index) => {
    const { kind, rule, percent } = firing
    const { source_measurement_id, company_measurement_id, measurement_name, item_key, path, seq } = value
    const item = item_key === null ? null : (value.item_label ?? item_key)
    const names = { company, source: source_name, measurement: measurement_name, item }
    const series = [company_measurement_id, subject_key, item_key ?? '']
    const day = new Date(observed_at).toISOString().slice(0, 10)
    return {
      news_id: uuidv5(JSON.stringify([...series, rule?.id ?? kind]), event_id),
      ...{ event_id, replay_id: payload.replay_id ?? '', event_no, kind, severity: severityOf(percent) },
      ...{ company_id: Number(payload.company_id), data_source_id, source_measurement_id, company_measurement_id },
      ...{ subject_key, item_key, path, seq, map_version, observed_at, task_id, silent },
      ...describe(firing, observed_at, names),
      trigger_factor: percent,
      rule_id: rule?.id ?? null,
      rule_version: rule?.version ?? null,
      group_index: index,
      group_size: found.length,
      dedupe_key: [
        payload.company_id,
        source_measurement_id,
        subject_key,
        item_key ?? '',
        directionOf(firing),
        day,
      ].join('/'),
    }
  })
}

/** What goes to the topic. */
export function newsOf(row: NewsRow): News {
  const {
    replay_id: _replay,
    event_no: _no,
    company_measurement_id: _series,
    path: _path,
    seq: _seq,
    map_version: _map,
    ...rest
  } = row
  const { rule_id, rule_version, company_id, ...news } = rest
  const rule = rule_id === null || rule_version === null ? null : { id: rule_id, version: rule_version }
  return { ...news, company_id: String(company_id), group_id: row.event_id, rule }
}

function directionOf({ before, now }: Found['firing']): 'up' | 'down' | 'changed' {
  const [a, b] = [numberOf(before), numberOf(now)]
  return a === null || b === null ? 'changed' : b > a ? 'up' : 'down'
}
