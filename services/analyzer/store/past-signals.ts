import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import { columnsOf } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { isPositional } from '../detect/item-keys.ts'
import type { Criteria } from '../judge/judge-payloads.ts'
import { judgePoint } from '../signals/judge-point.ts'
import type { SignalState } from '../signals/state.ts'
import { isLate, type Payload, seriesOf } from '../values/payload.ts'
import type { SeriesState } from '../values/series-state.ts'
import type { Series } from './series-states.ts'

/** How far back: what was before hardly counts any more. */
const mostPoints = 160
/** With fewer, nothing can be judged for a while. */
const fewestPoints = 25
/** What half a minute suffices for: a transaction that takes minutes is ended, and would never come to its end. */
const pointsOfBatch = 1_500_000
/** Read together. After them the process sees to its other duties, and Postgres that the transaction goes on. */
const seriesAtOnce = 100

const historyRow = z.object({ question: z.number(), times: z.array(z.number()), numbers: z.array(z.number()) })

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
  const lacking = new Map<string, Series & Pick<SeriesState, 'observedAt'>>()
  for (const payload of payloads)
    for (const [key, value] of seriesOf(payload)) {
      const state = states.get(key)
      const { company_measurement_id, item_key } = value
      if (state?.last.kind !== 'number' || state.signal || (item_key !== null && isPositional(item_key))) continue
      // What is late changes no state, so that the work would be for nothing.
      if (isLate(payload, state) || rules(payload, value).rules.length > 0) continue
      const { subject_key } = payload
      lacking.set(key, { key, company_measurement_id, subject_key, item_key, observedAt: state.observedAt })
    }
  const { series, points } = shareOut(lacking.size)
  const asked = [...lacking.values()].slice(0, series)
  for (let from = 0; from < asked.length; from += seriesAtOnce) {
    const some = asked.slice(from, from + seriesAtOnce)
    for (const { question, times, numbers } of await readHistories(tx, some, points)) {
      const { key } = some[question]!
      const signal = follow(times, numbers)
      if (signal) states.set(key, { ...states.get(key)!, signal })
    }
    await setImmediate()
  }
}

/** How many series of a batch get back what is remembered of them, and from how many points. Others learn anew. */
export function shareOut(series: number): { series: number; points: number } {
  const points = Math.floor(Math.max(fewestPoints, Math.min(mostPoints, pointsOfBatch / series)))
  return { series: Math.min(series, Math.floor(pointsOfBatch / points)), points }
}

function readHistories(
  tx: Transaction,
  asked: readonly (Series & Pick<SeriesState, 'observedAt'>)[],
  points: number,
): Promise<readonly z.infer<typeof historyRow>[]> {
  const column = columnsOf(asked)
  return tx.any(sql.type(historyRow)`
    SELECT q.question, v.times, v.numbers
    FROM unnest(
      ${column('int4', (_, index) => index)},
      ${column('int4', ({ company_measurement_id }) => company_measurement_id)},
      ${column('text', ({ subject_key }) => subject_key)},
      ${column('text', ({ item_key }) => item_key)},
      ${column('float8', ({ observedAt }) => observedAt / 1000)}
    ) AS q (question, series, subject_key, item_key, observed_at)
    CROSS JOIN LATERAL (
      SELECT array_agg(extract(epoch FROM n.observed_at)::float8 * 1000 ORDER BY n.observed_at, n.event_no) AS times,
        array_agg(n.number ORDER BY n.observed_at, n.event_no) AS numbers
      FROM (
        SELECT DISTINCT ON (v.observed_at, v.event_no) v.observed_at, v.event_no, v.number::float8 AS number
        FROM normalizer.value v
        WHERE v.company_measurement_id = q.series AND v.subject_key = q.subject_key
          AND v.item_key IS NOT DISTINCT FROM q.item_key AND v.observed_at <= to_timestamp(q.observed_at)
        ORDER BY v.observed_at DESC, v.event_no DESC, v.seq DESC
        LIMIT ${points}
      ) n
      WHERE n.number IS NOT NULL
    ) v
    WHERE v.times IS NOT NULL`)
}

function follow(times: readonly number[], numbers: readonly number[]): SignalState | null {
  let state: SignalState | null = null
  for (const [index, time] of times.entries())
    state = judgePoint(state, Math.round(time), numbers[index]!, { isComparable: true }).state
  return state
}
