import type { Transaction } from '#runtime/postgres.ts'
import type { Observation } from '#schemas/generated/types.ts'
import type { Rules } from './compile-rules.ts'
import { composeNews } from './compose-news.ts'
import type { Config } from './config.ts'
import type { SeriesState } from './judge.ts'
import { isLate, judgePayload, longestWindow, type Payload, seriesOf } from './judge-payload.ts'
import { newsCount, valuesJudged } from './metrics.ts'
import { insertNews, readParents } from './news.ts'
import { joinParts, keyOf } from './parts.ts'
import { type PastQuestion, readPast } from './past.ts'
import { insertRuleErrors } from './rule-errors.ts'
import { readStates, type Series, writeStates } from './states.ts'

/**
 * Judges observations that take effect for the first time, and writes what comes of them. Returns what was to be news of
 * something that is gone: what is gone, by payload.
 */
export async function judgeBatch(
  tx: Transaction,
  observations: readonly Observation[],
  rules: Rules,
  config: Config,
): Promise<Map<string, string>> {
  const payloads = await joinParts(tx, observations)
  const series = distinctSeries(payloads)
  const states = await readStates(tx, series)
  const pasts = await readPasts(tx, payloads, states, rules, config.KEPT_VALUES)
  const policy = { threshold: config.DEFAULT_PERCENT_THRESHOLD, told: new Set(config.TELL_CHANGES_OF) }
  const changed = new Map<string, SeriesState>()
  const judged = payloads.map((payload) => {
    const past = pasts.get(payload) ?? new Map<string, SeriesState>()
    const judgement = judgePayload(payload, { rules, policy, keptValues: config.KEPT_VALUES, states, past })
    for (const [key, state] of judgement.states) {
      states.set(key, state)
      changed.set(key, state)
    }
    valuesJudged.inc(payload.values.length)
    return { payload, ...judgement }
  })
  await writeStates(tx, series, changed)
  await insertRuleErrors(tx, judged)
  return writeNews(
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

/** For payloads that come late, what their series were before them. */
async function readPasts(
  tx: Transaction,
  payloads: readonly Payload[],
  states: ReadonlyMap<string, SeriesState>,
  rules: Rules,
  keptValues: number,
) {
  const newest = new Map<string, Pick<SeriesState, 'observedAt'>>(states)
  const questions: (PastQuestion & { payload: Payload })[] = []
  for (const payload of payloads) {
    const { event_no, observed_at, subject_key } = payload
    for (const [key, { company_measurement_id, item_key, source_measurement_id }] of seriesOf(payload)) {
      const length = Math.max(keptValues, longestWindow(rules.get(source_measurement_id)?.rules ?? []))
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

type Judged = { payload: Payload } & Pick<ReturnType<typeof judgePayload>, 'found'>

async function writeNews(tx: Transaction, judged: readonly Judged[]): Promise<Map<string, string>> {
  const gone = new Map<string, string>()
  if (judged.length === 0) return gone
  const { companies, sources, measurements } = await readParents(
    tx,
    judged.map(({ payload }) => payload),
  )
  const rows = judged.flatMap(({ payload, found }) => {
    const company = companies.get(Number(payload.company_id))
    const there = found.filter(({ value }) => measurements.has(value.source_measurement_id))
    if (company === undefined) gone.set(keyOf(payload), 'company')
    else if (!sources.has(payload.data_source_id)) gone.set(keyOf(payload), 'source')
    else if (there.length === 0) gone.set(keyOf(payload), 'measurement')
    else return composeNews(payload, there, company)
    return []
  })
  await insertNews(tx, rows)
  for (const { kind, silent } of rows) newsCount.inc({ kind, silent: String(silent) })
  return gone
}
