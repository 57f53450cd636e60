import type { Transaction } from '#runtime/postgres/database.ts'
import type { Observation } from '#schemas/generated/types.ts'
import type { Config } from '../config.ts'
import { type Found, longestWindow } from '../judge/judge-payload.ts'
import { type Criteria, type JudgedPayload, judgePayloads } from '../judge/judge-payloads.ts'
import { isLate, type Payload, seriesOf } from '../values/payload.ts'
import { policiesOf } from '../judge/policies.ts'
import type { Rules } from '../rules/compile-rules.ts'
import type { SeriesState } from '../values/series-state.ts'
import { composeNews } from '../words/compose-news.ts'
import { newsCount, valuesJudged } from './metrics.ts'
import { insertNews, readParents } from './news.ts'
import { joinParts, keyOf } from './parts.ts'
import { type PastQuestion, readPast } from './past-states.ts'
import { insertRuleErrors } from './rule-errors.ts'
import { readStates, type Series, writeStates } from './series-states.ts'
import { readSubjects, writeSubjects } from './subject-states.ts'

/**
 * Judges observations that take effect for the first time, and writes states and news. Returns the payloads whose news
 * items could not be written, by keyOf, with what no longer exists: the company, the source or the measurement.
 */
export async function judgeBatch(
  tx: Transaction,
  observations: readonly Observation[],
  rules: Rules,
  config: Config,
): Promise<Map<string, string>> {
  const payloads = await joinParts(tx, observations)
  const series = distinctSeries(payloads)
  const criteria = { rules, ...policiesOf(config) }
  const memory = { states: await readStates(tx, series), subjects: await readSubjects(tx, payloads) }
  const pasts = await readPasts(tx, payloads, memory.states, criteria)
  const { judged, states, subjects } = judgePayloads(payloads, criteria, memory, pasts)
  valuesJudged.inc(payloads.reduce((sum, { values }) => sum + values.length, 0))
  await writeStates(tx, series, states)
  await writeSubjects(tx, [...subjects.values()])
  await insertRuleErrors(tx, judged)
  return writeNews(
    config,
    tx,
    judged.filter(({ found }) => found.length > 0),
  )
}

function distinctSeries(payloads: readonly Payload[]): Series[] {
  const all = payloads.flatMap((payload) =>
    [...seriesOf(payload)].map(([key, { company_measurement_id, item_key }]): [string, Series] => [
      key,
      { key, company_measurement_id, subject_key: payload.subject_key, item_key },
    ]),
  )
  return [...new Map(all).values()]
}

/** For late payloads, the states of their series at that time. */
async function readPasts(
  tx: Transaction,
  payloads: readonly Payload[],
  states: ReadonlyMap<string, SeriesState>,
  { rules, keptValues }: Criteria,
) {
  const newest = new Map<string, Pick<SeriesState, 'observedAt'>>(states)
  const questions: (PastQuestion & { payload: Payload })[] = []
  for (const payload of payloads) {
    const { event_no, observed_at, subject_key } = payload
    for (const [key, value] of seriesOf(payload)) {
      const { company_measurement_id, item_key } = value
      const length = Math.max(keptValues, longestWindow(rules(payload, value).rules))
      if (isLate(payload, newest.get(key) ?? null))
        questions.push({ payload, key, company_measurement_id, subject_key, item_key, event_no, observed_at, length })
      else newest.set(key, { observedAt: observed_at })
    }
  }
  const answers = await readPast(tx, questions)
  const pasts = new Map<Payload, Map<string, SeriesState>>()
  for (const [index, { payload, key }] of questions.entries()) {
    const of = pasts.get(payload) ?? new Map<string, SeriesState>()
    pasts.set(payload, of)
    const answer = answers[index]
    if (answer) of.set(key, answer)
  }
  return pasts
}

async function writeNews(
  config: Config,
  tx: Transaction,
  judged: readonly JudgedPayload[],
): Promise<Map<string, string>> {
  const gone = new Map<string, string>()
  if (judged.length === 0) return gone
  const { companies, sources, measurements } = await readParents(
    tx,
    judged.map(({ payload, found }) => ({ ...payload, measurements: found.map(measurementOf) })),
  )
  const rows = judged.flatMap(({ payload, found }) => {
    const company = companies.get(Number(payload.company_id))
    const there = found.filter((one) => measurements.has(measurementOf(one)))
    if (company === undefined) gone.set(keyOf(payload), 'company')
    else if (!sources.has(payload.data_source_id)) gone.set(keyOf(payload), 'source')
    else if (there.length === 0) gone.set(keyOf(payload), 'measurement')
    else return composeNews(payload, there, company)
    return []
  })
  await insertNews(config, tx, rows)
  for (const { kind, silent } of rows) newsCount.inc({ kind, silent: String(silent) })
  return gone
}

function measurementOf(one: Found): number {
  return 'items' in one ? one.items.anchor.source_measurement_id : one.value.source_measurement_id
}
