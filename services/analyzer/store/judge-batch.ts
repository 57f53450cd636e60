import type { Transaction } from '#runtime/postgres/database.ts'
import type { Observation } from '#schemas/generated/types.ts'
import type { Rules } from '../rules/compile-rules.ts'
import { composeNews } from '../words/compose-news.ts'
import type { Config } from '../config.ts'
import type { Policy } from '../detect/defaults.ts'
import type { SeriesState } from '../values/series-state.ts'
import type { ItemPolicy, SubjectState } from '../judge/judge-items.ts'
import { type Found, judgePayload, longestWindow } from '../judge/judge-payload.ts'
import { isLate, type Payload, seriesOf } from '../judge/payload.ts'
import { newsCount, valuesJudged } from './metrics.ts'
import { insertNews, readParents } from './news.ts'
import { joinParts, keyOf } from './parts.ts'
import { type PastQuestion, readPast } from './past-states.ts'
import { insertRuleErrors } from './rule-errors.ts'
import { readStates, type Series, writeStates } from './series-states.ts'
import { readSubjects, subjectKeyOf, writeSubjects } from './subject-states.ts'

/** Numbers a series remembers for windows and its usual step; more where a rule of its measurement asks for more. */
export const keptValues = 32

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
  const pasts = await readPasts(tx, payloads, states, rules, keptValues)
  const subjects = await readSubjects(tx, payloads)
  const changed = new Map<string, SeriesState>()
  const changedSubjects = new Map<string, { subject: Payload; state: SubjectState }>()
  const { policy, itemPolicy } = policiesOf(config)
  const judged = payloads.map((payload) => {
    const past = pasts.get(payload) ?? new Map<string, SeriesState>()
    const key = subjectKeyOf(payload)
    const subject = subjects.get(key) ?? null
    const known = { rules, policy, itemPolicy, keptValues, states, past, subject }
    const judgement = judgePayload(payload, known)
    if (judgement.subject) {
      subjects.set(key, judgement.subject)
      changedSubjects.set(key, { subject: payload, state: judgement.subject })
    }
    for (const [key, state] of judgement.states) {
      states.set(key, state)
      changed.set(key, state)
    }
    valuesJudged.inc(payload.values.length)
    return { payload, ...judgement }
  })
  await writeStates(tx, series, changed)
  await writeSubjects(tx, [...changedSubjects.values()])
  await insertRuleErrors(tx, judged)
  return writeNews(
    tx,
    judged.filter(({ found }) => found.length > 0),
  )
}

/** Items of one list that appear or are gone at once and are told one by one; more become one news item. */
const maxItemNews = 3

/** Gone items of a list that are remembered, so that they do not appear as new when they come back. */
const maxGoneItems = 1000

/** What is news without a rule, as the settings say. */
export function policiesOf(config: Config): { policy: Policy; itemPolicy: ItemPolicy } {
  return {
    policy: {
      threshold: config.DEFAULT_PERCENT_THRESHOLD,
      steps: config.DEFAULT_STEPS,
      types: new Set(config.TELL_CHANGES_OF),
    },
    itemPolicy: {
      goneAfter: config.GONE_AFTER,
      maxItemNews,
      maxGoneItems,
    },
  }
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

type Judged = { payload: Payload } & Pick<ReturnType<typeof judgePayload>, 'found'>

async function writeNews(tx: Transaction, judged: readonly Judged[]): Promise<Map<string, string>> {
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
  await insertNews(tx, rows)
  for (const { kind, silent } of rows) newsCount.inc({ kind, silent: String(silent) })
  return gone
}

function measurementOf(one: Found): number {
  return 'items' in one ? one.items.anchor.source_measurement_id : one.value.source_measurement_id
}
