import type { Transaction } from '#runtime/postgres/database.ts'
import { type PayloadRefused, type Readable, reasonOf } from '#runtime/understand/understand.ts'
import type { Config } from '../config.ts'
import { insertLedger, type LedgerRow } from '../ledger/ledger-rows.ts'
import { matchLedger } from '../ledger/match-ledger.ts'
import { type Clocks, clocksUpdate, lockClocks } from '../ledger/observed-clock.ts'
import type { Matched, Work } from '../ledger/work.ts'
import type { ListKeyCache, ListKeys } from '../series/list-keys.ts'
import type { AddedSeries, SeriesCache } from '../series/series-cache.ts'
import { type FoundSeries, resolveSeries } from '../series/series.ts'
import { normalizeBatch } from './normalize-batch.ts'
import { type Before, readBefore } from './read-before.ts'
import { insertRefusals, type Refusal, type Replay, supersededBy, supersedeRefusals } from './refusals.ts'
import { reportIncidents } from './report-incidents.ts'
import { leafOf, type PresentLeaves, type Split, splitLeaves } from './split-leaves.ts'
import { insertValues, readValues, type ValueRow } from './values.ts'
import { widenMeasurements } from './widen.ts'
import type { Written } from './written.ts'

export type Memory = {
  series: SeriesCache
  lists: ListKeyCache
}
/** `added` and `lists` may be cached once the transaction is committed. */
type Batch = { written: Written[]; added: AddedSeries; lists: ListKeys; hasReports: boolean }

/** A batch as it is understood, before anything of it is written but series and what is learnt of lists. */
type UnderstoodBatch = {
  clocks: Clocks
  all: (Matched<Readable> | null)[]
  repeated: Matched<Readable>[]
  before: Before
  fresh: Matched[]
  lists: ListKeys
  series: FoundSeries
  /** Of each fresh payload. */
  splits: Split[]
}

/**
 * Matches the batch's payloads with the ledger and understands the fresh ones by what is stored. Which is which cannot
 * change while the transaction lasts: it holds the clock of each company and source. `readPresent`: which leaves are left
 * out.
 */
export async function understandBatch(
  { CLOCK_TOLERANCE_MS }: Pick<Config, 'CLOCK_TOLERANCE_MS'>,
  tx: Transaction,
  batch: readonly Work[],
  memory: Memory,
  readPresent: typeof readPresentLeaves = readPresentLeaves,
): Promise<UnderstoodBatch> {
  const clocks = await lockClocks(
    CLOCK_TOLERANCE_MS,
    tx,
    batch.map(({ payload }) => payload),
  )
  const all = await matchLedger(tx, batch, clocks)
  const matched = all.filter((one) => one !== null)
  const readable = matched.filter((one) => one.fresh)
  // A payload that comes twice in the batch is fresh once, and both have one row.
  const freshRows = new Set(readable.map(({ row }) => row))
  const repeated = matched.filter(({ row }) => !freshRows.has(row))

  const before = await readBefore(tx, readable)
  for (const one of readable) one.result = checkParents(one, before)
  const { fresh, lists } = await normalizeBatch(tx, readable, clocks, memory.lists)
  const series = await resolveSeries(tx, fresh.flatMap(needOf), memory.series)
  const present = await readPresent(tx, fresh)
  const splits = fresh.map((one) =>
    splitLeaves(one, series.of(Number(one.row.company_id), one.row.data_source_id), present),
  )
  return { clocks, all, repeated, before, fresh, lists, series, splits }
}

/** Writes everything of the batch's fresh payloads, and reads what is stored of the repeated ones. */
export async function writeBatch(
  config: Config,
  tx: Transaction,
  batch: readonly Work[],
  memory: Memory,
): Promise<Batch> {
  const { clocks, all, repeated, before, fresh, lists, series, splits } = await understandBatch(
    config,
    tx,
    batch,
    memory,
  )
  const brought = splits.map((split) => split.brought)
  const typesAreKept = await widenMeasurements(
    tx,
    brought.flatMap(({ values }) => values),
  )
  const rows = fresh.map(({ row }) => row)
  await insertLedger(tx, rows, clocksUpdate(clocks), typesAreKept)
  await insertValues(tx, brought)
  await writeRefusals(tx, fresh, splits)
  const hasReports = await reportIncidents(config, tx, fresh, before.hasOpenIncidents)

  const values = new Map([
    ...splits.map(({ row, brought }) => [row, brought.values] as const),
    ...(await readRepeated(tx, repeated)),
  ])
  const written = all.map((one): Written => {
    if (one === null || one.row.reason === 'conflict') return 'conflict'
    const { row, first } = one
    const stored = { event_no: first.event_no, row, values: values.get(row) ?? [] }
    return { stored, fresh: one.fresh }
  })
  return { written, added: series.added, lists, hasReports }
}

/** Refuses a payload whose company or data source does not exist. */
function checkParents(
  { payload, result, row }: Matched<Readable>,
  { companies, sources }: Before,
): Readable | PayloadRefused {
  if ('reason' in result) return result
  const { mapVersion } = result
  if (!sources.has(row.data_source_id))
    return { reason: 'unknown-source', message: 'the data source does not exist', sample: '', mapVersion }
  if (!companies.has(Number(row.company_id)))
    return { reason: 'unknown-company', message: 'the company does not exist', sample: payload.company_id, mapVersion }
  return result
}

function needOf({ result, row }: Matched) {
  if ('reason' in result) return []
  const { parents, values } = result.normalized
  const measurementIds = [...parents, ...values.map(({ entry }) => entry.id)]
  return [{ companyId: Number(row.company_id), dataSourceId: row.data_source_id, measurementIds }]
}

/** The leaves that are stored already, for events that are replayed. */
async function readPresentLeaves(tx: Transaction, fresh: readonly Matched[]): Promise<PresentLeaves> {
  const replayed = fresh.filter(({ row, first }) => row !== first).map(({ first }) => first)
  const present = new Map(replayed.map(({ event_no }) => [event_no, new Set<string>()]))
  for (const value of await readValues(tx, replayed)) present.get(value.event_no)?.add(leafOf(value))
  return present
}

/** Closes the refusals that these payloads decide again, and stores their own. */
export async function writeRefusals(
  tx: Transaction,
  fresh: readonly Matched[],
  splits: readonly Pick<Split, 'refusals'>[],
): Promise<void> {
  const replays = fresh.map(replayOf)
  await supersedeRefusals(
    tx,
    replays.filter((replay) => replay !== null),
  )
  await insertRefusals(
    tx,
    splits.flatMap(({ refusals }, index) =>
      refusals.length === 0 ? [] : supersedeByLater(refusals, replays.slice(index + 1)),
    ),
  )
}

/** A replay that is refused as a whole decides nothing about leaves; one with other content decides nothing. */
function replayOf({ result, row, first }: Matched): Replay | null {
  const reason = reasonOf(result)
  if (row === first || reason === 'conflict') return null
  return { event_no: first.event_no, replay_no: row.event_no, leaves_too: reason === null }
}

function supersedeByLater(refusals: readonly Refusal[], later: readonly (Replay | null)[]): readonly Refusal[] {
  const replays = later.filter((replay) => replay !== null).filter(({ event_no }) => event_no === refusals[0]?.event_no)
  if (replays.length === 0) return refusals
  return refusals.map((refusal) => ({ ...refusal, superseded_by: supersededBy(refusal, replays) }))
}

/** The values of payloads that took effect before, by their row in the ledger. */
async function readRepeated(tx: Transaction, repeated: readonly Matched<Readable>[]) {
  const values = await readValues(
    tx,
    repeated.map(({ first }) => first),
  )
  const stored = Map.groupBy(values, ({ event_no, replay_no }) => `${event_no}/${replay_no ?? ''}`)
  return repeated.map(({ row, first }): [LedgerRow, readonly ValueRow[]] => [
    row,
    stored.get(`${first.event_no}/${row.replay_id === '' ? '' : row.event_no}`) ?? [],
  ])
}
