import type { Transaction } from '#runtime/postgres/database.ts'
import type { Config } from '../config.ts'
import type { SubjectState } from '../detect/judge-items.ts'
import type { Criteria, JudgedPayload, judgePayloads, Memory } from '../judge/judge-payloads.ts'
import { insertEvidence } from '../suspect/evidence.ts'
import { evidenceOf, minCompanies } from '../suspect/alike.ts'
import { continues, departs } from '../suspect/numbers.ts'
import { findRuns } from '../suspect/runs.ts'
import { findShapes } from '../suspect/shapes.ts'
import { identify, numbersOf, readPayload } from '../suspect/trace.ts'
import {
  findForeign,
  findSmallSources,
  type KnownTrace,
  readNumbers,
  readTraces,
  writeTraces,
} from '../suspect/traces.ts'
import { indexable } from '../values/indexable.ts'
import { type Payload, type Subject, subjectKey } from '../values/payload.ts'
import type { SeriesState } from '../values/series-state.ts'
import { type Held, judgeOne } from './judge-one.ts'

/** `mark`: what of the payload looks wrong, where no other companies can show whether it is the source. */
export type JudgedWatched = JudgedPayload & { held: Held | null; mark: string | null }

type Judged = {
  judged: JudgedWatched[]
  states: Map<string, SeriesState>
  subjects: Map<string, { subject: Payload; state: SubjectState }>
}

/**
 * Judges payloads in order as judgePayloads does, and withholds what a broken source may have made: later payloads are
 * judged by the states before it. Of a source with few companies nothing is withheld.
 */
export async function judgeWatched(
  config: Pick<Config, 'SUSPECT_WINDOW_SECONDS'>,
  tx: Transaction,
  payloads: readonly Payload[],
  criteria: Criteria,
  memory: Memory,
  pasts: Parameters<typeof judgePayloads>[3],
): Promise<Judged> {
  const traces = await readTraces(tx, distinct(payloads.map(storedSubject)))
  const live = payloads.filter(({ replay_id, history }) => replay_id === null && !history)
  const runs = await findRuns(tx, live, config.SUSPECT_WINDOW_SECONDS)
  const small = await findSmallSources(tx, live, minCompanies)
  const foreign = await findForeign(
    tx,
    live.flatMap((payload) => nameIfNew(payload, traces)),
  )
  for (const key of await findStrays(tx, live, traces)) foreign.add(key)
  const changed = new Map<string, KnownTrace & { subject: Subject }>()
  const evidence: Parameters<typeof insertEvidence>[1][number][] = []
  const all: Judged = { judged: [], states: new Map(), subjects: new Map() }
  for (const payload of payloads) {
    const subject = storedSubject(payload)
    const key = subjectKey(subject)
    const known = traces.get(key) ?? null
    const isLate = known !== null && payload.observed_at < known.observedAt
    const reading =
      payload.replay_id === null && !isLate ? readPayload(payload, known?.trace ?? null, memory.states) : null
    const run = runs.get(payload)
    const watched = reading &&
      run && { run, reading, shapes: findShapes(reading, known?.trace ?? null, foreign.has(key)) }
    const isSmall = small.has(payload.data_source_id)
    const { result, held } = judgeOne(payload, (!isSmall && watched) || null, criteria, memory, pasts)
    const doubt = isSmall && watched ? watched.shapes.find(({ waits }) => waits) : undefined
    const mark = doubt ? `${doubt.seen} (too few companies to compare)` : null
    all.judged.push(...result.judged.map((one) => ({ ...one, held, mark })))
    for (const [series, state] of result.states) all.states.set(series, state)
    for (const [one, state] of result.subjects) all.subjects.set(one, state)
    if (watched)
      evidence.push({
        runNo: watched.run.run_no,
        subjectKey: subject.subject_key,
        evidence: evidenceOf(payload, watched.reading, watched.shapes, known?.trace ?? null),
      })
    if (!reading || held?.trace) continue
    const now = { observedAt: payload.observed_at, trace: reading.trace }
    traces.set(key, now)
    changed.set(key, { ...now, subject })
  }
  await writeTraces(tx, [...changed.values()])
  await insertEvidence(tx, evidence)
  return all
}

/** The subject with what it says of itself, if that is not what it said last. */
function nameIfNew(payload: Payload, traces: ReadonlyMap<string, KnownTrace>) {
  const subject = storedSubject(payload)
  const identity = identify(payload)
  return identity === null || identity === traces.get(subjectKey(subject))?.trace.identity
    ? []
    : [{ subject, identity }]
}

/** The subjects of which a payload has numbers that are far from their last ones, and continue those of another company. */
async function findStrays(
  tx: Transaction,
  payloads: readonly Payload[],
  traces: ReadonlyMap<string, KnownTrace>,
): Promise<string[]> {
  const departed = payloads.filter((payload) => {
    const known = traces.get(subjectKey(storedSubject(payload)))
    return known && departs(numbersOf(payload), known.trace.numbers)
  })
  const strays: string[] = []
  for (const [source, some] of Map.groupBy(departed, ({ data_source_id }) => data_source_id)) {
    const others = await readNumbers(tx, source)
    for (const payload of some) {
      const own = numbersOf(payload)
      const isStray = others.some(
        (other) => String(other.company_id) !== payload.company_id && continues(own, other.numbers),
      )
      if (isStray) strays.push(subjectKey(storedSubject(payload)))
    }
  }
  return strays
}

function storedSubject({ company_id, data_source_id, subject_key }: Subject): Subject {
  return { company_id, data_source_id, subject_key: indexable(subject_key) }
}

function distinct(subjects: readonly Subject[]): Subject[] {
  return [...new Map(subjects.map((one) => [subjectKey(one), one])).values()]
}
