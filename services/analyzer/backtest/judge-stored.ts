import type { Found } from '../judge/judge-payload.ts'
import { type Criteria, type JudgedPayload, judgePayloads, type Memory } from '../judge/judge-payloads.ts'
import { openWeighing, type Weighing, type WeighingSettings } from '../meaning/weigh-news.ts'
import { sameNewsKey } from '../store/news.ts'
import { type Payload, seriesKey, seriesOf } from '../values/payload.ts'
import type { SeriesState } from '../values/series-state.ts'
import { composeForParents, type Parents } from '../words/compose-for-parents.ts'
import type { NewsRow } from '../words/compose-news.ts'

/** What the judging of a company's history remembers. `newest`: the newest observed time of each source. */
export type CompanyMemory = Memory & { newest: Map<number, number>; told: Set<string>; weighing: Weighing }

/** News items are weighed by those before them of the company, as if other companies had none. */
export function createCompanyMemory(settings: WeighingSettings): CompanyMemory {
  const judged = { states: new Map(), subjects: new Map(), newest: new Map(), told: new Set<string>() }
  return { ...judged, weighing: openWeighing(settings) }
}

/** For late payloads, the states of their late series at that time, by seriesKey. */
export type Pasts = ReadonlyMap<Payload, ReadonlyMap<string, SeriesState | null>>

/** Whether a payload may be late: others of its source with a newer time came before it. Updates `newest`. */
export function mayBeLate(payloads: readonly Payload[], { newest }: Pick<CompanyMemory, 'newest'>): boolean {
  let isLate = false
  for (const { data_source_id, observed_at } of payloads) {
    const last = newest.get(data_source_id) ?? -Infinity
    isLate ||= observed_at < last
    newest.set(data_source_id, Math.max(last, observed_at))
  }
  return isLate
}

/** The keys of the series of payloads that do not count. */
export type UncountedSeries = ReadonlyMap<Payload, ReadonlySet<string>>

/**
 * Judges payloads as the live analyzer did, and returns the news items that it would have stored. They are silent as if
 * each payload had come in its time: history is not silent, but late payloads, replays and flapping are.
 */
export function judgeStored(
  payloads: readonly Payload[],
  criteria: Criteria,
  memory: CompanyMemory,
  pasts: Pasts,
  parents: Parents,
  uncounted: UncountedSeries = new Map(),
): NewsRow[] {
  const judged =
    uncounted.size === 0
      ? judgePayloads(payloads, criteria, memory, pasts).judged
      : payloads.flatMap((one) => judgeCounted(one, criteria, memory, pasts, uncounted.get(one) ?? new Set()))
  return judged.flatMap(({ payload, found }) => {
    if (found.length === 0) return []
    const inTime = found.map((one) => ({ ...one, silent: isSilent(payload, one, pasts.get(payload)) }))
    const composed = composeForParents(payload, inTime, parents, memory.weighing)
    return 'gone' in composed ? [] : composed.rows.filter((row) => isFirst(row, memory))
  })
}

/** The series that do not count are neither told nor remembered. */
function judgeCounted(
  payload: Payload,
  criteria: Criteria,
  { states, subjects }: Memory,
  pasts: Pasts,
  uncounted: ReadonlySet<string>,
): JudgedPayload[] {
  const before = [...uncounted].map((key) => [key, states.get(key)] as const)
  const { judged } = judgePayloads([payload], criteria, { states, subjects }, pasts)
  for (const [key, state] of before)
    if (state) states.set(key, state)
    else states.delete(key)
  const counts = (one: Found) => 'items' in one || !uncounted.has(seriesKey(payload, one.value))
  return judged.map((one) => ({ ...one, found: one.found.filter(counts) }))
}

function isSilent(payload: Payload, one: Found, past: ReadonlyMap<string, unknown> | undefined): boolean {
  if (payload.replay_id !== null) return true
  if ('items' in one) return false
  if (one.firing.held || !past) return one.firing.held
  return [...seriesOf(payload)].some(([key, value]) => value === one.value && past.has(key))
}

/** The analyzer stores a news item once, although it is made again. */
function isFirst(row: NewsRow, { told }: CompanyMemory): boolean {
  const keys = [row.news_id, sameNewsKey(row)]
  const isKnown = keys.some((key) => told.has(key))
  if (!isKnown) for (const key of keys) told.add(key)
  return !isKnown
}
