import type { Verdict } from '#runtime/ledger.ts'
import type { Transaction } from '#runtime/postgres.ts'
import { insertStories, type NewStory, readStories } from './drift.ts'
import { finishLedger, type LedgerRow, readLedger } from './ledger-rows.ts'
import { addToNullRates, type Arrived, countPaths, type NullRateLimits, type RisenNulls } from './null-rates.ts'
import { findParents, type Parents } from './parents.ts'
import { type Closer, findCloser, insertRefusals, type Refusal, supersedeRefusals } from './refusals.ts'
import { resolveSeries } from './series.ts'
import type { AddedSeries, SeriesCache } from './series-cache.ts'
import { leafOf, type PresentLeaves, settle } from './settle.ts'
import type { Work, Written } from './store.ts'
import { nullStory, storiesOf, type Story } from './tell.ts'
import { giveTimes } from './times.ts'
import type { PayloadProblem, PayloadRefused, Understood } from './understand.ts'
import { insertValues, readValues, type ValueRow } from './values.ts'

export type Memory = {
  series: SeriesCache
  told: ReadonlySet<string>
  limits: NullRateLimits & { MAX_DRIFT_PER_SOURCE: number; SAMPLE_LENGTH: number }
}
/** `added` and `asked` may be remembered once the transaction is committed. */
type Batch = { written: Written[]; added: AddedSeries; asked: string[] }

/** A payload in work: its own row in the ledger, and the event's first one, which gives event_no and time. */
export type Case = { payload: Work['payload']; result: Understood | PayloadRefused; row: LedgerRow; first: LedgerRow }

/** Writes everything of the batch's fresh payloads, and reads what is stored of the repeated ones. */
export async function writeBatch(
  tx: Transaction,
  batch: readonly Work[],
  verdicts: readonly Verdict[],
  memory: Memory,
): Promise<Batch> {
  const ledger = await readLedger(tx, [...new Set(batch.map(({ payload }) => payload.event_id))])
  const cases = batch.map((work, index) => openCase(work, verdicts[index] as Verdict, ledger))
  const fresh = cases.filter((one, index): one is Case => one !== null && verdicts[index] === 'fresh')

  const firsts = fresh.filter(({ row, first }) => row === first)
  const timed = firsts.filter(({ result }) => reasonOf(result) !== 'observed-at')
  const times = await giveTimes(
    tx,
    timed.map(({ payload }) => payload),
  )
  for (const { row, payload } of firsts) row.observed_at = payload.observed_at
  for (const [index, { row }] of timed.entries()) row.observed_at = times[index] as number
  for (const { row, first } of fresh) row.observed_at = first.observed_at

  const parents = await findParents(
    tx,
    fresh.map(({ row }) => Number(row.company_id)),
    fresh.map(({ row }) => row.data_source_id),
  )
  for (const one of fresh) one.result = checkParents(one, parents)
  const series = await resolveSeries(tx, fresh.flatMap(needOf), memory.series)
  const replays = fresh.filter(({ row, first }) => row !== first)
  const present = presentLeaves(
    replays,
    await readValues(
      tx,
      replays.map(({ first }) => placeOf(first)),
    ),
  )
  const settled = fresh.map((one) =>
    settle(one, series.of(Number(one.row.company_id), one.row.data_source_id), present, memory.limits.SAMPLE_LENGTH),
  )

  const closers = fresh.map(closerOf)
  await supersedeRefusals(
    tx,
    closers.filter((closer) => closer !== null),
  )
  await insertValues(
    tx,
    settled.flatMap(({ values }) => values),
  )
  await insertRefusals(
    tx,
    settled.flatMap(({ refusals }, index) => closeByLater(refusals, closers.slice(index + 1))),
  )
  await finishLedger(
    tx,
    fresh.map(({ row }) => row),
  )
  const risen = await addToNullRates(tx, countPaths(fresh.flatMap(arrivalOf)), memory.limits)
  const { stories, asked } = newStories(fresh, risen, memory.told)
  const told = await insertStories(tx, stories, memory.limits.MAX_DRIFT_PER_SOURCE)

  const freshRows = new Set(fresh.map(({ row }) => row))
  const repeated = cases.filter((one) => one !== null).filter(({ row }) => !freshRows.has(row))
  told.push(
    ...(await readStories(
      tx,
      repeated.map(({ row }) => row.event_no),
    )),
  )
  const values = Map.groupBy<string, ValueRow>(
    [
      ...settled.flatMap(({ values }) => values),
      ...(await readValues(
        tx,
        repeated.map(({ first }) => placeOf(first)),
      )),
    ],
    (value) => `${value.event_no}/${value.replay_no ?? ''}`,
  )
  const toldBy = Map.groupBy(told, ({ event_no }) => event_no)
  const written = cases.map((one, index): Written => {
    if (one === null || one.row.reason === 'conflict') return 'conflict'
    const { row, first } = one
    const stored = {
      event_no: first.event_no,
      row,
      values: values.get(`${first.event_no}/${row.replay_id === '' ? '' : row.event_no}`) ?? [],
    }
    return { stored, stories: toldBy.get(row.event_no) ?? [], fresh: verdicts[index] === 'fresh' }
  })
  return { written, added: series.added, asked }
}

/** Null where the row in the ledger is of other content. A replay must have the content of what it replays. */
function openCase({ payload, result }: Work, verdict: Verdict, ledger: Map<string, LedgerRow[]>): Case | null {
  const rows = ledger.get(payload.event_id) ?? []
  const [first] = rows
  const row = rows.find(({ replay_id }) => replay_id === (payload.replay?.replay_id ?? ''))
  if (verdict === 'conflict' || !first || !row) return null
  if (first.content_hash === row.content_hash) return { payload, result, row, first }
  const conflict = { reason: 'conflict' as const, message: 'the event has other content', sample: '', mapVersion: null }
  return { payload, result: conflict, row, first }
}

function checkParents({ payload, result, row }: Case, { companies, sources }: Parents): Understood | PayloadRefused {
  if ('reason' in result) return result
  const { mapVersion } = result
  if (!sources.has(row.data_source_id))
    return { reason: 'unknown-source', message: 'the data source does not exist', sample: '', mapVersion }
  if (!companies.has(Number(row.company_id)))
    return { reason: 'unknown-company', message: 'the company does not exist', sample: payload.company_id, mapVersion }
  return result
}

function needOf({ result, row }: Case) {
  if ('reason' in result) return []
  const { parents, values } = result.normalized
  const measurementIds = new Set([...parents, ...values.map(({ entry }) => entry.id)])
  return [{ companyId: Number(row.company_id), dataSourceId: row.data_source_id, measurementIds }]
}

/** What is stored already of the events that are replayed. */
function presentLeaves(replays: readonly Case[], values: readonly ValueRow[]): PresentLeaves {
  const present: PresentLeaves = new Map(replays.map(({ first }) => [first.event_no, new Set()]))
  for (const value of values) present.get(value.event_no)?.add(leafOf(value))
  return present
}

/** One that was refused as a whole has not come to the leaves; one of other content has judged nothing. */
function closerOf({ result, row, first }: Case): Closer | null {
  const reason = reasonOf(result)
  if (row === first || reason === 'conflict') return null
  return { event_no: first.event_no, replay_no: row.event_no, leaves_too: reason === null }
}

function closeByLater(refusals: readonly Refusal[], later: readonly (Closer | null)[]): readonly Refusal[] {
  const replays = later.filter((closer) => closer !== null).filter(({ event_no }) => event_no === refusals[0]?.event_no)
  if (replays.length === 0) return refusals
  return refusals.map((refusal) => ({ ...refusal, superseded_by: findCloser(refusal, replays) }))
}

function reasonOf(result: Case['result']): PayloadProblem | null {
  return 'reason' in result ? result.reason : null
}

function placeOf({ event_no, observed_at }: LedgerRow) {
  return { event_no, observed_at: observed_at ?? 0 }
}

/** History tells nothing about how a source is today, and neither does what is replayed. */
function arrivalOf({ payload, result, row, first }: Case): Arrived[] {
  if ('reason' in result || row !== first || row.history) return []
  return [{ ...row, received_at: payload.received_at, normalized: result.normalized }]
}

function newStories(
  fresh: readonly Case[],
  risen: readonly RisenNulls[],
  told: ReadonlySet<string>,
): { stories: NewStory[]; asked: string[] } {
  const stories = new Map<string, NewStory>()
  const add = (story: Story, { row }: Case) => {
    const key = JSON.stringify([row.data_source_id, story.kind, story.subject])
    if (!told.has(key) && !stories.has(key))
      stories.set(key, { ...story, event_no: row.event_no, data_source_id: row.data_source_id })
  }
  for (const one of fresh) for (const story of storiesOf(one.payload, one.result)) add(story, one)
  for (const rise of risen) {
    const shown = fresh.find((one) => one.row.data_source_id === rise.data_source_id && arrivalOf(one).length > 0)
    if (shown) add(nullStory(shown.payload, rise), shown)
  }
  return { stories: [...stories.values()], asked: [...stories.keys()] }
}
