import { z } from 'zod'
import type { Database, Transaction } from '#runtime/postgres/database.ts'
import { column } from '#runtime/postgres/column.ts'
import { sql } from '#runtime/postgres/database.ts'
import { withoutEffect } from '#runtime/postgres/without-effect.ts'
import type { Config } from '../config.ts'
import { insertLedger } from '../ledger/ledger-rows.ts'
import { clocksUpdate } from '../ledger/observed-clock.ts'
import type { Matched, Work } from '../ledger/work.ts'
import { leafOf, type Split } from '../store/split-leaves.ts'
import { insertValues, readValues, type StoredValue } from '../store/values.ts'
import type { StoredPayload } from '../store/written.ts'
import { widenMeasurements } from '../store/widen.ts'
import { type Memory, understandBatch, writeRefusals } from '../store/write-batch.ts'
import { compareValues, type Comparison, effectOf, type Mode, rowsOf } from './compare-values.ts'
import { addFailure, addToReport, emptyReport, mergeReport, type Report } from './report.ts'
import { noteUnsent } from './unsent.ts'
import { supersedeValues } from './supersede.ts'

type Page = { config: Pick<Config, 'CLOCK_TOLERANCE_MS'>; mode: Mode; batch: readonly Work[]; memory: Memory }
/** One payload that is understood again. */
type Compared = { one: Matched; split: Split; comparison: Comparison }

/** `changed`: payloads whose values have changed, with what they brought. `found`: what is still to be noted. */
type Replayed = { changed: readonly StoredPayload[]; found: Report }

/**
 * Reads payloads again. Unless they are only compared, it takes effect in the same transaction as `note`, which notes what
 * was found of them. A payload that took effect in this replay before changes nothing.
 */
export async function replayPage(
  database: Database,
  page: Page,
  note: (tx: Transaction, found: Report) => Promise<void>,
): Promise<Replayed> {
  const compare = async (tx: Transaction) => {
    const [found, failed] = [emptyReport(), emptyReport()]
    const { compared, understood } = await compareAll(tx, page, failed)
    for (const { one, split, comparison } of compared)
      addToReport(found, { ...one.row, observed_at: one.first.observed_at }, comparison, split.refusals)
    return { found, failed, compared, understood }
  }
  if (page.mode === 'compare') {
    const { found, failed } = await withoutEffect(database, compare)
    mergeReport(found, failed)
    return { changed: [], found }
  }
  const { failed, understood, changed } = await database.transaction(async (tx) => {
    const { found, failed, compared, understood } = await compare(tx)
    const changed = await writeAll(tx, page.mode, compared, understood)
    await note(tx, found)
    return { failed, understood, changed }
  })
  page.memory.series.keep(understood.series.added)
  for (const [key, rows] of understood.lists.entries()) page.memory.lists.set(key, rows)
  return { changed, found: failed }
}

/** Compares what can be understood; what cannot is added to the report. */
async function compareAll(tx: Transaction, { config, mode, batch, memory }: Page, report: Report) {
  const nothing = () => Promise.resolve(new Map<number, Set<string>>())
  const understood = await understandBatch(config, tx, batch, memory, nothing)
  for (const [index, one] of understood.all.entries())
    if (one === null) addFailure(report, batch[index]!.payload.event_id, 'conflict', 'its content is another one')
  const firsts = understood.fresh.map(({ first }) => first)
  const stored = Map.groupBy(await readValues(tx, firsts), ({ event_no }) => event_no)
  const generations = [...stored.values()].flat().flatMap(({ generation_no }) => generation_no ?? [])
  const corrected = await findCorrections(tx, generations)
  const compared = understood.fresh.flatMap((one, index): Compared[] => {
    const { result, row, first } = one
    if ('reason' in result) {
      addFailure(report, row.event_id, result.reason, result.message)
      return []
    }
    const before = stored.get(first.event_no) ?? []
    const isCorrected = ({ generation_no }: StoredValue) => generation_no !== null && corrected.has(generation_no)
    const staying = mode === 'fill' ? before : before.filter(isCorrected)
    const split = withoutRefusalsOf(staying, understood.splits[index]!)
    const comparison = compareValues(before, split.brought.values, isCorrected)
    return [{ one, split, comparison }]
  })
  return { compared, understood }
}

/** A leaf whose value stays is not refused, whatever the map says. */
function withoutRefusalsOf(staying: readonly StoredValue[], split: Split): Split {
  const leaves = new Set(staying.map(leafOf))
  const refusals = split.refusals.filter(({ seq, path }) => seq === null || !leaves.has(leafOf({ seq, path })))
  return { ...split, refusals }
}

const correctedRow = z.object({ event_no: z.number() })

/** Which of these rows of the ledger are corrections. */
async function findCorrections(tx: Transaction, generations: readonly number[]): Promise<Set<number>> {
  if (generations.length === 0) return new Set()
  return new Set(
    await tx.anyFirst(sql.type(correctedRow)`
      SELECT event_no FROM normalizer.correction
      WHERE event_no = ANY(${column([...new Set(generations)], 'int8', (event_no) => event_no)})`),
  )
}

/**
 * Switches the values of each payload from those that are stored to those that it has now. Returns the payloads that have
 * changed, with what they brought.
 */
async function writeAll(
  tx: Transaction,
  mode: Mode,
  compared: readonly Compared[],
  { clocks }: Awaited<ReturnType<typeof understandBatch>>,
): Promise<StoredPayload[]> {
  const switched = compared.map(({ one, split, comparison }) => {
    const effect = effectOf(comparison, mode)
    const replayNo = one.row.event_no
    const gone = effect.flatMap(({ before }) =>
      before === null ? [] : [{ value: before, observed_at: one.first.observed_at, by: replayNo }],
    )
    return { one, split, effect, gone, brought: rowsOf(split.brought, effect, replayNo) }
  })
  const brought = switched.flatMap((one) => one.brought)
  const typesAreKept = await widenMeasurements(
    tx,
    brought.flatMap(({ values }) => values),
  )
  await insertLedger(
    tx,
    switched.map(({ one }) => one.row),
    clocksUpdate(clocks),
    typesAreKept,
  )
  await supersedeValues(
    tx,
    switched.flatMap(({ gone }) => gone),
  )
  await insertValues(tx, brought)
  await writeRefusals(
    tx,
    switched.map(({ one }) => one),
    switched.map(({ split }) => split),
  )
  const changed = switched
    .filter(({ effect }) => effect.length > 0)
    .map(({ one: { row, first }, gone, brought }): Required<StoredPayload> => ({
      ...{ event_no: first.event_no, row, hasReplaced: gone.length > 0 },
      values: brought.flatMap(({ values }) => values).toSorted((a, b) => a.seq - b.seq),
    }))
  await noteUnsent(
    tx,
    changed.map(({ row, hasReplaced }) => ({ event_no: row.event_no, has_replaced: hasReplaced })),
  )
  return changed
}
