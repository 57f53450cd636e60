import type { SeriesState } from '../values/series-state.ts'
import type { SubjectState } from '../detect/judge-items.ts'
import { type Judged, judgePayload, type Knowledge } from './judge-payload.ts'
import { type Payload, subjectKey } from '../values/payload.ts'

/** What all payloads are judged by. */
export type Criteria = Pick<Knowledge, 'rules' | 'policy' | 'itemPolicy' | 'keptValues'>

/** The state of series, by seriesKey, and of subjects, by subjectKey. */
export type Memory = { states: Map<string, SeriesState>; subjects: Map<string, SubjectState> }

export type JudgedPayload = { payload: Payload } & Pick<Judged, 'found' | 'problems'>

/** `states` and `subjects`: those that changed, by the keys of Memory; a subject with one of its payloads. */
type JudgedPayloads = {
  judged: JudgedPayload[]
  states: Map<string, SeriesState>
  subjects: Map<string, { subject: Payload; state: SubjectState }>
}

/**
 * Judges payloads in order, each by what those before it left in `memory`, which is updated. `pasts`: for late
 * payloads, the state of their series at that time, by seriesKey.
 */
export function judgePayloads(
  payloads: readonly Payload[],
  criteria: Criteria,
  memory: Memory,
  pasts: ReadonlyMap<Payload, ReadonlyMap<string, SeriesState | null>> = new Map(),
): JudgedPayloads {
  const changed: JudgedPayloads = { judged: [], states: new Map(), subjects: new Map() }
  for (const payload of payloads) {
    const key = subjectKey(payload)
    const { found, problems, states, subject } = judgePayload(payload, {
      ...criteria,
      states: memory.states,
      past: pasts.get(payload) ?? new Map<string, SeriesState | null>(),
      subject: memory.subjects.get(key) ?? null,
    })
    changed.judged.push({ payload, found, problems })
    if (subject) {
      memory.subjects.set(key, subject)
      changed.subjects.set(key, { subject: payload, state: subject })
    }
    for (const [series, state] of states) {
      memory.states.set(series, state)
      changed.states.set(series, state)
    }
  }
  return changed
}
