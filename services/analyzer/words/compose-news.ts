import { v5 as uuidv5 } from 'uuid'
import { isoDay } from '#runtime/text/format.ts'
import { innermostList } from '#runtime/text/value-path.ts'
import type { News, Severity } from '#schemas/generated/types.ts'
import { type ItemsFound, newsKindOf } from '../detect/judge-items.ts'
import type { Found } from '../judge/judge-payload.ts'
import type { ValueFound } from '../judge/merge-firings.ts'
import type { Parts } from '../meaning/importance.ts'
import { severityByImportance } from '../meaning/models.ts'
import { openWeighing, plainWeighing, type Weighing, weighNews } from '../meaning/weigh-news.ts'
import type { Payload } from '../values/payload.ts'
import { describeAlso } from './describe-also.ts'
import { describeFiring, type Description, percentToSay } from './describe-firing.ts'
import { describeItems } from './describe-items.ts'
import { nameItemsStory, nameStory } from './name-story.ts'

/** A row of analyzer.news: everything about a news item. Times in ms since 1970. */
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
  /** Null if there is no value, as for a gone item. */
  seq: number | null
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
  /** 0 to 1: the product of `importance_parts`. Null for news items stored before there was one. */
  importance: number | null
  importance_parts: Parts | null
}

/**
 * The news items of a payload, which are one group. The same firing of the same payload always has the same id.
 * `weighing`: by default with the built-in table, as if there had been no news items before.
 */
export function composeNews(
  payload: Payload,
  found: readonly Found[],
  company: string,
  weighing: Weighing = openWeighing(plainWeighing),
): NewsRow[] {
  const { event_id, event_no, data_source_id, subject_key, map_version, observed_at, task_id } = payload
  const day = isoDay(observed_at)
  return found.map((one, index) => {
    const composed = 'items' in one ? composeItems(payload, one.items, company) : composeValue(payload, one, company)
    const { company_measurement_id, source_measurement_id, item_key } = composed.content
    const { isWorthTelling, ...weighed } = weighNews(payload, one, weighing)
    return {
      ...composed.content,
      ...weighed,
      severity: composed.severity ?? severityByImportance(weighed.importance),
      news_id: uuidv5(JSON.stringify([company_measurement_id, subject_key, item_key ?? '', composed.what]), event_id),
      ...{ event_id, replay_id: payload.replay_id ?? '', event_no, company_id: Number(payload.company_id) },
      ...{ data_source_id, subject_key, map_version, observed_at, task_id, silent: one.silent || !isWorthTelling },
      group_index: index,
      group_size: found.length,
      dedupe_key: [payload.company_id, source_measurement_id, subject_key, item_key ?? '', composed.story, day].join(
        '/',
      ),
    }
  })
}

type Content = Pick<
  NewsRow,
  | 'kind'
  | 'source_measurement_id'
  | 'company_measurement_id'
  | 'item_key'
  | 'path'
  | 'seq'
  | 'trigger_factor'
  | 'rule_id'
  | 'rule_version'
> &
  Description

/** `severity`: null if it follows the importance. `what`: unique among the news items of one series and payload. */
type Composed = { content: Content; severity: Severity | null; what: string; story: string }

function composeValue(payload: Payload, { firing, value, also }: ValueFound, company: string): Composed {
  const { kind, rule } = firing
  const { source_measurement_id, company_measurement_id, measurement_name, item_key, path, seq } = value
  const item = item_key === null ? null : (value.item_label ?? item_key)
  const list = innermostList(path)
  const names = { company, source: payload.source_name, measurement: measurement_name, item, list }
  return {
    content: {
      ...{ kind, source_measurement_id, company_measurement_id, item_key, path, seq },
      ...describeAlso(describeFiring(firing, payload.observed_at, names), also),
      ...{ trigger_factor: percentToSay(firing), rule_id: rule?.id ?? null, rule_version: rule?.version ?? null },
    },
    severity: rule?.severity ?? null,
    what: rule?.id ?? kind,
    story: nameStory(firing),
  }
}

function composeItems({ source_name, observed_at }: Payload, found: ItemsFound, company: string): Composed {
  const { kind, list, items, values } = found
  const { source_measurement_id, company_measurement_id } = found.anchor
  const [only] = items.length === 1 ? items : []
  return {
    content: {
      ...{ kind: newsKindOf(found), source_measurement_id, company_measurement_id },
      ...{ item_key: only?.key ?? null, path: list, seq: values[0]?.seq ?? null },
      ...describeItems(found, observed_at, { company, source: source_name }),
      ...{ trigger_factor: null, rule_id: null, rule_version: null },
    },
    severity: null,
    what: `${kind} ${list}`,
    story: nameItemsStory(found),
  }
}

/** The record for the topic. */
export function newsOf(row: NewsRow): News {
  const {
    replay_id: _replay,
    event_no: _no,
    company_measurement_id: _series,
    path: _path,
    seq: _seq,
    map_version: _map,
    importance_parts: _parts,
    ...rest
  } = row
  const { rule_id, rule_version, company_id, ...news } = rest
  const rule = rule_id === null || rule_version === null ? null : { id: rule_id, version: rule_version }
  return { ...news, company_id: String(company_id), group_id: row.event_id, rule }
}
