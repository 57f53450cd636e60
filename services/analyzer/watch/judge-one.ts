import type { SubjectState } from '../detect/judge-items.ts'
import { type Criteria, judgePayloads, type Memory } from '../judge/judge-payloads.ts'
import type { Run } from '../suspect/runs.ts'
import type { Shape } from '../suspect/shapes.ts'
import type { Reading } from '../suspect/trace.ts'
import type { Withheld } from '../suspect/withheld.ts'
import { type Payload, seriesOf, subjectKey } from '../values/payload.ts'

/** A payload as the watch over runs sees it. `shapes`: what of it a broken source may have made. */
export type Watched = { run: Pick<Run, 'run_no' | 'state' | 'alike'>; reading: Reading; shapes: readonly Shape[] }

/** What is withheld of a payload. Its news items follow when they have been written: all, or those of `emptied`. */
export type Held = Omit<Withheld<SubjectState>, 'news'> & { holdsAll: boolean; emptied: ReadonlySet<number> }

/**
 * Judges one payload, and withholds what a broken source may have made of it: that changes neither `memory` nor the states
 * of the result. `watched` null: nothing is withheld. Pure but for `memory`.
 */
export function judgeOne(
  payload: Payload,
  watched: Watched | null,
  criteria: Criteria,
  memory: Memory,
  pasts: Parameters<typeof judgePayloads>[3],
): { result: ReturnType<typeof judgePayloads>; held: Held | null } {
  const isDecided = watched?.run.state === 'released' || watched?.run.state === 'unverified'
  if (!watched || isDecided) return { result: judgePayloads([payload], criteria, memory, pasts), held: null }
  const { run, reading, shapes } = watched
  const values = seriesOf(payload)
  const isDoubtful = reading.emptied.length > 0 || shapes.some(({ key, waits }) => waits || run.alike.includes(key))
  const before = new Map(isDoubtful ? [...values.keys()].map((key) => [key, memory.states.get(key)]) : [])
  const subjectBefore = memory.subjects.get(subjectKey(payload))
  const result = judgePayloads([payload], criteria, memory, pasts)
  const loud = result.judged.flatMap(({ found }) => found).filter(({ silent }) => !silent)
  const isFlagged = shapes.some(
    ({ key, waits, grade }) => run.alike.includes(key) || (waits && (grade === 'strong' || loud.length > 0)),
  )
  const doubtful = new Set(loud.length > 0 ? reading.emptied.map(({ key }) => key) : [])
  const withheld = [...result.states].filter(([key]) => isFlagged || doubtful.has(key))
  const series = withheld.map(([key, state]) => {
    const { company_measurement_id, item_key } = values.get(key)!
    return { company_measurement_id, item_key, before: before.get(key)?.eventNo ?? null, state }
  })
  const subject = result.subjects.get(subjectKey(payload))?.state ?? null
  for (const [key] of withheld) {
    result.states.delete(key)
    restore(memory.states, key, before.get(key))
  }
  if (isFlagged) {
    result.subjects.clear()
    restore(memory.subjects, subjectKey(payload), subjectBefore)
  }
  const holdsAll = isFlagged || run.state === 'suspect'
  if (!isFlagged && series.length === 0 && !(holdsAll && loud.length > 0)) return { result, held: null }
  const held = {
    ...{ payload, runNo: run.run_no, isFlagged, holdsAll, series },
    emptied: new Set(reading.emptied.map(({ value }) => value.seq)),
    ...(isFlagged ? { trace: reading.trace, subject } : { trace: null, subject: null }),
  }
  return { result, held }
}

function restore<T>(memory: Map<string, T>, key: string, before: T | undefined): void {
  if (before === undefined) memory.delete(key)
  else memory.set(key, before)
}
