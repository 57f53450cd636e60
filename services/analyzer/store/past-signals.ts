import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import { columnsOf } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { isPositional } from '../detect/item-keys.ts'
import type { Criteria } from '../judge/judge-payloads.ts'
import { judgePoint } from '../signals/judge-point.ts'
import type { SignalState } from '../signals/state.ts'
import { type Payload, seriesOf } from '../values/payload.ts'
import type { SeriesState } from '../values/series-state.ts'
import type { Series } from './series-states.ts'

/** How far back: what was before hardly counts any more. */
const points = 160
/** After so many series the process sees to its other duties, such as heartbeats. */
const pauseAfter = 100

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
      if (rules(payload, value).rules.length > 0) continue
      const { subject_key } = payload
      lacking.set(key, { key, company_measurement_id, subject_key, item_key, observedAt: state.observedAt })
    }
  const asked = [...lacking.values()]
  for (const [index, signal] of await readSignals(tx, asked)) {
    const { key } = asked[index]!
    states.set(key, { ...states.get(key)!, signal })
  }
}

async function readSignals(
  tx: Transaction,
  asked: readonly (Series & Pick<SeriesState, 'observedAt'>)[],
): Promise<Map<number, SignalState>> {
  const signals = new Map<number, SignalState>()
  if (asked.length === 0) return signals
  const column = columnsOf(asked)
  const rows = await tx.any(sql.type(historyRow)`
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
  for (const [done, { question, times, numbers }] of rows.entries()) {
    const signal = follow(times, numbers)
    if (signal) signals.set(question, signal)
    if (done % pauseAfter === pauseAfter - 1) await setImmediate()
  }
  return signals
}

function follow(times: readonly number[], numbers: readonly number[]): SignalState | null {
  let state: SignalState | null = null
  for (const [index, time] of times.entries())
    state = judgePoint(state, Math.round(time), numbers[index]!, { isComparable: true }).state
  return state
}
