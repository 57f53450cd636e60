import type { Transaction } from '#runtime/postgres/database.ts'
import { insertStories, type NewStory, readStories } from '../incidents/drift.ts'
import { insertLedger, type LedgerRow } from '../ledger/ledger-rows.ts'
import {
  addToNullRates,
  type Arrived,
  countPaths,
  type NullRateLimits,
  type RisenNulls,
} from '../incidents/null-rates.ts'
import { openCases } from '../ledger/match-ledger.ts'
import type { Case, Work } from '../ledger/work.ts'
import { findParents, type Parents } from '../series/parents.ts'
import { type Closer, findCloser, insertRefusals, type Refusal, supersedeRefusals } from './refusals.ts'
import { resolveSeries } from '../series/series.ts'
import type { AddedSeries, SeriesCache } from '../series/series-cache.ts'
import { leafOf, type PresentLeaves, settle } from './split-leaves.ts'
import type { Written } from './written.ts'
import { nullStory, storiesOf, type Story } from '../incidents/incidents.ts'
import { lockClocks, saveClocks } from '../ledger/observed-clock.ts'
import { type PayloadRefused, reasonOf, type Understood } from '../understand/understand.ts'
import { insertValues, readValues, type StoredValue, type ValueRow } from './values.ts'

export type Memory = {
  series: SeriesCache
  told: ReadonlySet<string>
  limits: NullRateLimits & { MAX_DRIFT_PER_SOURCE: number; SAMPLE_LENGTH: number }
}
/** `added` and `asked` may be remembered once the transaction is committed. */
type Batch = { written: Written[]; added: AddedSeries; asked: string[] }

/**
 * Writes everything of the batch's fresh payloads, and reads what is stored of the repeated ones. Which is which does not
 * change meanwhile: whoever writes an event holds the clock of its company and source.
 */
export async function writeBatch(tx: Transaction, batch: readonly Work[], memory: Memory): Promise<Batch> {
  const clocks = await lockClocks(
    tx,
    batch.map(({ payload }) => payload),
  )
  const opened = await openCases(tx, batch, clocks)
  const cases = opened.filter((one) => one !== null)
  const fresh = cases.filter((one) => one.fresh)

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
      replays.map(({ first }) => first),
    ),
  )
  const settled = fresh.map((one) =>
    settle(one, series.of(Number(one.row.company_id), one.row.data_source_id), present, memory.limits.SAMPLE_LENGTH),
  )

  await insertLedger(
    tx,
    fresh.map(({ row }) => row),
  )
  await saveClocks(tx, clocks)
  const closers = fresh.map(closerOf)
  await supersedeRefusals(
    tx,
    closers.filter((closer) => closer !== null),
  )
  await insertValues(
    tx,
    settled.map(({ brought }) => brought),
  )
  await insertRefusals(
    tx,
    settled.flatMap(({ refusals }, index) => closeByLater(refusals, closers.slice(index + 1))),
  )
  const risen = await addToNullRates(tx, countPaths(fresh.flatMap(arrivalOf)), memory.limits)
  const { stories, asked } = newStories(fresh, risen, memory.told)
  const told = await insertStories(tx, stories, memory.limits.MAX_DRIFT_PER_SOURCE)

  const values = new Map<LedgerRow, readonly ValueRow[]>(settled.map(({ row, brought }) => [row, brought.values]))
  const repeated = cases.filter(({ row }) => !values.has(row))
  const stored = Map.groupBy(
    await readValues(
      tx,
      repeated.map(({ first }) => first),
    ),
    ({ event_no, replay_no }) => `${event_no}/${replay_no ?? ''}`,
  )
  for (const { row, first } of repeated)
    values.set(row, stored.get(`${first.event_no}/${row.replay_id === '' ? '' : row.event_no}`) ?? [])
  told.push(
    ...(await readStories(
      tx,
      repeated.map(({ row }) => row.event_no),
    )),
  )
  const toldBy = Map.groupBy(told, ({ event_no }) => event_no)
  const written = opened.map((one): Written => {
    if (one === null || one.row.reason === 'conflict') return 'conflict'
    const { row, first } = one
    const stored = { event_no: first.event_no, row, values: values.get(row) ?? [] }
    return { stored, stories: toldBy.get(row.event_no) ?? [], fresh: one.fresh }
  })
  return { written, added: series.added, asked }
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
  const measurementIds = [...parents, ...values.map(({ entry }) => entry.id)]
  return [{ companyId: Number(row.company_id), dataSourceId: row.data_source_id, measurementIds }]
}

/** What is stored already of the events that are replayed. */
function presentLeaves(replays: readonly Case[], values: readonly StoredValue[]): PresentLeaves {
  const present = new Map(replays.map(({ first }) => [first.event_no, new Set<string>()]))
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
