import type { Transaction } from '#runtime/postgres/database.ts'
import type { Observation } from '#schemas/generated/types.ts'
import type { JudgeConfig } from '../config.ts'
import { type Payload, seriesKey, seriesOf, subjectKey } from '../values/payload.ts'
import { policiesOf } from '../judge/policies.ts'
import { readOwnMeanings } from '../meaning/own-polarity.ts'
import { countedOf, openWeighing } from '../meaning/weigh-news.ts'
import { addDueFeeds } from '../rhythm/due-feeds.ts'
import { findLeftSeries } from '../detect/find-totals.ts'
import type { SubjectState } from '../detect/judge-items.ts'
import type { Rules } from '../rules/compile-rules.ts'
import { insertWithheld, type Traces, type Withheld } from '../suspect/withheld.ts'
import type { NewsRow } from '../words/compose-news.ts'
import { composeForParents, measurementOf } from '../words/compose-for-parents.ts'
import { addForecasts } from './expected-numbers.ts'
import type { Held } from '../watch/judge-one.ts'
import { type JudgedWatched, judgeWatched } from '../watch/judge-watched.ts'
import { newsCount, valuesJudged } from './metrics.ts'
import { insertNews, readParents } from './news.ts'
import { joinParts, keyOf } from './parts.ts'
import { readPastNews } from './past-news.ts'
import { rebuildSignals } from './past-signals.ts'
import { followReplaced, readPasts } from './past-states.ts'
import { insertRuleErrors } from './rule-errors.ts'
import { keepStates, readStates, type Series, writeStates } from './series-states.ts'
import { readSubjects, writeSubjects } from './subject-states.ts'

/**
 * Judges observations that take effect for the first time, and writes states and news. Returns the payloads whose news
 * items could not be written, by keyOf, with what no longer exists: the company, the source or the measurement.
 */
export async function judgeBatch(
  tx: Transaction,
  observations: readonly Observation[],
  rules: Rules,
  config: JudgeConfig,
  traces?: Traces,
): Promise<Map<string, string>> {
  await keepStates(tx, observations)
  const payloads = await joinParts(tx, observations)
  const series = distinct(seriesIn(payloads))
  const criteria = { rules, ...policiesOf(config) }
  const known = await readSubjects(tx, payloads)
  const left = criteria.policy?.insight ? seriesLeft(payloads, known) : []
  const memory = { states: await readStates(tx, distinct([...left, ...series])), subjects: known }
  await rebuildSignals(tx, payloads, memory.states, criteria)
  const pasts = await readPasts(tx, payloads, memory.states, criteria)
  const { judged, states, subjects } = await judgeWatched(config, tx, payloads, criteria, memory, pasts)
  valuesJudged.inc(payloads.reduce((sum, { values }) => sum + values.length, 0))
  await writeStates(tx, series, states)
  await writeSubjects(tx, [...subjects.values()])
  await followReplaced(tx, payloads, criteria)
  await insertRuleErrors(tx, judged)
  await addDueFeeds(tx, payloads)
  return writeNews(
    config,
    tx,
    judged.filter(({ found, held }) => found.length > 0 || held !== null),
    traces,
  )
}

function seriesIn(payloads: readonly Payload[]): Series[] {
  return payloads.flatMap((payload) =>
    [...seriesOf(payload)].map(([key, { company_measurement_id, item_key }]) => ({
      ...{ key, company_measurement_id, subject_key: payload.subject_key, item_key },
    })),
  )
}

function distinct(series: readonly Series[]): Series[] {
  return [...new Map(series.map((one) => [one.key, one])).values()]
}

/** The series of items that the payloads no longer have. */
function seriesLeft(payloads: readonly Payload[], subjects: ReadonlyMap<string, SubjectState>): Series[] {
  return payloads.flatMap((payload) =>
    findLeftSeries(payload, subjects.get(subjectKey(payload)) ?? null).map((one) => ({
      ...one,
      ...{ key: seriesKey(payload, one), subject_key: payload.subject_key },
    })),
  )
}

async function writeNews(
  config: JudgeConfig,
  tx: Transaction,
  judged: readonly JudgedWatched[],
  traces?: Traces,
): Promise<Map<string, string>> {
  const gone = new Map<string, string>()
  if (judged.length === 0) return gone
  const parents = await readParents(
    tx,
    judged.map(({ payload, found }) => ({ ...payload, measurements: found.map(measurementOf) })),
  )
  const told = judged.filter(({ found }) => found.length > 0)
  const past = await readPastNews(
    tx,
    told.flatMap(({ payload, found }) => found.map((one) => countedOf(payload, one))),
  )
  const weighing = openWeighing({ ...config, own: await readOwnMeanings(tx) }, past)
  const rows = told.flatMap(({ payload, found, mark }) => {
    const composed = composeForParents(payload, found, parents, weighing)
    if (!('gone' in composed))
      return mark === null
        ? composed.rows
        : composed.rows.map((row) => ({ ...row, facts: { ...row.facts, suspect: mark } }))
    gone.set(keyOf(payload), composed.gone)
    return []
  })
  const withheld = withhold(judged, rows)
  await insertNews(
    config,
    tx,
    await addForecasts(tx, rows),
    new Set(withheld.flatMap(({ news }) => news.map(({ newsId }) => newsId))),
  )
  await insertWithheld(tx, withheld, traces)
  for (const { kind, silent } of rows) newsCount.inc({ kind, silent: String(silent) })
  return gone
}

/** What is withheld of these payloads, with the news items. */
function withhold(judged: readonly { held: Held | null }[], rows: readonly NewsRow[]): Withheld<SubjectState>[] {
  const byEvent = Map.groupBy(rows, ({ event_id }) => event_id)
  return judged.flatMap(({ held }) => {
    if (held === null) return []
    const { holdsAll, emptied, ...rest } = held
    const isEmptied = ({ seq }: NewsRow) => seq !== null && emptied.has(seq)
    const own = (byEvent.get(held.payload.event_id) ?? []).filter(
      ({ silent, replay_id }) => !silent && replay_id === '',
    )
    const news = own
      .filter((row) => holdsAll || isEmptied(row))
      .map((row) => ({ newsId: row.news_id, isFlagged: held.isFlagged || isEmptied(row) }))
    return [{ ...rest, news }]
  })
}
