import { z } from 'zod'
import { inSteps } from '#runtime/calls/in-steps.ts'
import { columnsOf } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { isPositional } from '../detect/item-keys.ts'
import type { Criteria } from '../judge/judge-payloads.ts'
import { judgePoint } from '../signals/judge-point.ts'
import type { SignalState } from '../signals/state.ts'
import { isCounted } from '../suspect/withheld.ts'
import { isLate, type Payload, seriesKey, seriesOf } from '../values/payload.ts'
import type { SeriesState } from '../values/series-state.ts'

/** How far back: what was before hardly counts any more. */
const mostPoints = 160
/** With fewer, nothing can be judged for a while. */
const fewestPoints = 25
/** What half a minute suffices for: a transaction that takes minutes is ended, and would never come to its end. */
const pointsOfBatch = 1_500_000
/** After so many series the process sees to its other duties, and Postgres that the transaction goes on. */
const seriesAtOnce = 100

/** Series of one measurement and subject: the items of a list, or a single one. `until`: ms since 1970. */
type Group = { company_measurement_id: number; subject_key: string; until: number; keys: string[] }

const historyRow = z.object({
  company_measurement_id: z.number(),
  subject_key: z.string(),
  item_key: z.string().nullable(),
  times: z.array(z.number()),
  numbers: z.array(z.number()),
})

/**
 * Adds what the detectors remember to the states that lack it, from the normalizer's values up to each state: those
 * that an earlier version wrote, and those of measurements that a rule no longer covers.
 */
export async function rebuildSignals(
  tx: Transaction,
  payloads: readonly Payload[],
  states: Map<string, SeriesState>,
  { rules, policy }: Pick<Criteria, 'rules' | 'policy'>,
): Promise<void> {
  if (!policy?.insight) return
  const lacking = new Map<string, Omit<Group, 'keys'>>()
  for (const payload of payloads)
    for (const [key, value] of seriesOf(payload)) {
      const state = states.get(key)
      const { company_measurement_id, item_key } = value
      if (!state || state.signal || value.number === null || (item_key !== null && isPositional(item_key))) continue
      // What is late changes no state, so that the work would be for nothing.
      if (isLate(payload, state) || rules(payload, value).rules.length > 0) continue
      lacking.set(key, { company_measurement_id, subject_key: payload.subject_key, until: state.observedAt })
    }
  if (lacking.size === 0) return
  const { series, points } = shareOut(lacking.size)
  let done = 0
  const all = groupSeries([...lacking].slice(0, series))
  for (const groups of inSteps(all, seriesAtOnce, ({ keys }) => keys.length))
    for (const { times, numbers, ...row } of await readHistories(tx, groups, points)) {
      const key = seriesKey(row, row)
      const state = lacking.has(key) ? states.get(key) : undefined
      const signal = state && follow(times, numbers, state.observedAt, points)
      if (signal) states.set(key, { ...state, signal })
      if (++done % seriesAtOnce === 0) await tx.query(sql.unsafe`SELECT 1`)
    }
}

/** How many series of a batch get back what is remembered of them, and from how many points. Others learn anew. */
export function shareOut(series: number): { series: number; points: number } {
  const points = Math.floor(Math.max(fewestPoints, Math.min(mostPoints, pointsOfBatch / series)))
  return { series: Math.min(series, Math.floor(pointsOfBatch / points)), points }
}

function groupSeries(series: readonly [key: string, Omit<Group, 'keys'>][]): Group[] {
  const groups = new Map<string, Group>()
  for (const [key, { company_measurement_id, subject_key, until }] of series) {
    const id = seriesKey({ subject_key }, { company_measurement_id, item_key: null })
    const group = groups.get(id) ?? { company_measurement_id, subject_key, until, keys: [] }
    groups.set(id, group)
    group.until = Math.max(until, group.until)
    group.keys.push(key)
  }
  return [...groups.values()]
}

/**
 * The newest values of groups. A group is read at once: in the index its items are not apart. Items that are in it no
 * longer take some of the room.
 */
function readHistories(
  tx: Transaction,
  groups: readonly Group[],
  points: number,
): Promise<readonly z.infer<typeof historyRow>[]> {
  const column = columnsOf(groups)
  return tx.any(sql.type(historyRow)`
    SELECT g.company_measurement_id, g.subject_key, v.item_key, v.times, v.numbers
    FROM unnest(
      ${column('int4', ({ company_measurement_id }) => company_measurement_id)},
      ${column('text', ({ subject_key }) => subject_key)},
      ${column('float8', ({ until }) => until / 1000)},
      ${column('int4', ({ keys }) => Math.ceil(1.5 * points * keys.length))}
    ) AS g (company_measurement_id, subject_key, until, most)
    CROSS JOIN LATERAL (
      SELECT n.item_key,
        array_agg(extract(epoch FROM n.observed_at)::float8 * 1000 ORDER BY n.observed_at, n.event_no, n.seq) AS times,
        array_agg(n.number ORDER BY n.observed_at, n.event_no, n.seq) AS numbers
      FROM (
        SELECT v.item_key, v.observed_at, v.event_no, v.seq, v.number
        FROM normalizer.value v
        WHERE v.company_measurement_id = g.company_measurement_id AND v.subject_key = g.subject_key
          AND v.observed_at <= to_timestamp(g.until) AND v.number IS NOT NULL
          AND ${isCounted}
        ORDER BY v.observed_at DESC LIMIT g.most
      ) n
      GROUP BY n.item_key
    ) v`)
}

/** The state after the newest points that are not after `until`. */
function follow(
  times: readonly number[],
  numbers: readonly number[],
  until: number,
  points: number,
): SignalState | null {
  const end = times.findLastIndex((time) => Math.round(time) <= until) + 1
  let state: SignalState | null = null
  for (let at = Math.max(0, end - points); at < end; at++)
    state = judgePoint(state, Math.round(times[at]!), numbers[at]!, { isComparable: true }).state
  return state
}
