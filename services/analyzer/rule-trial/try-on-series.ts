import { z } from 'zod'
import { RefusedError } from '#runtime/changes/apply-changes.ts'
import { sql, type SqlFragment, type Transaction } from '#runtime/postgres/database.ts'
import { type Basis, criteriaOf } from '../backtest/criteria.ts'
import { createCompanyMemory } from '../backtest/judge-stored.ts'
import { judgeSome } from '../backtest/run-backtest.ts'
import { readPayloadsIn } from '../backtest/stored-payloads.ts'
import type { JudgeConfig } from '../config.ts'
import type { NewsRow } from '../words/compose-news.ts'

/** A series, as analyzer.series_view names it. */
export type SeriesName = { company_measurement: number; subject: string; item: string | null }

const triedRow = z.object({
  company_id: z.number(),
  company: z.string(),
  data_source_id: z.number(),
  source: z.string(),
  source_measurement_id: z.number(),
  measurement: z.string(),
})
export type TriedSeries = z.output<typeof triedRow>

/** What a series is about. A RefusedError when it does not exist. */
export async function findTried(tx: Transaction, { company_measurement }: SeriesName): Promise<TriedSeries> {
  const found = await tx.maybeOne(sql.type(triedRow)`
    SELECT c.id AS company_id, c.name AS company, d.id AS data_source_id, d.source_name AS source,
      m.id AS source_measurement_id, m.measurement_name AS measurement
    FROM public.company_source_measurement s
    JOIN public.company c ON c.id = s.company_id
    JOIN public.source_measurement m ON m.id = s.source_measurement_id
    JOIN public.data_source d ON d.id = m.source_module_id
    WHERE s.company_measurement_id = ${company_measurement}`)
  if (!found) throw new RefusedError('This series does not exist any more.')
  return found
}

/** `most`: payloads, of which the newest count. `withinMs`: how long it may take. */
type Bounds = { most: number; withinMs: number }

/**
 * `payloads`: how many were judged; the newest has the number `newestNo` in the normalizer's ledger. `cutAt`: those that
 * were observed before this time were not judged, because there are too many; null: all were.
 */
type TrialOnSeries = { payloads: number; newestNo: number; cutAt: number | null; news: NewsRow[] }

/**
 * The news items that a rule or the detectors alone would have made of a series: those of a backtest by it, which judges
 * more than this series and takes longer. A RefusedError when it takes too long. Reads only.
 */
export async function tryOnSeries(
  config: JudgeConfig,
  tx: Transaction,
  series: SeriesName,
  tried: TriedSeries,
  basis: Basis,
  { most, withinMs }: Bounds,
): Promise<TrialOnSeries> {
  const until = performance.now() + withinMs
  await tx.query(sql.unsafe`SELECT set_config('statement_timeout', ${`${withinMs}ms`}, true)`)
  const rows = await readNumbers(tx, series, most + 1)
  const isCut = rows.length > most
  const kept = rows.slice(0, most)
  const trial: TrialOnSeries = { payloads: 0, newestNo: kept[0]?.no ?? 0, cutAt: null, news: [] }
  if (kept.length === 0) return trial
  const selection = {
    ...{ companies: null, sources: null, measurements: [tried.source_measurement_id] },
    series: {
      ...{ company_measurement_id: series.company_measurement, item_key: kept[0]!.item_key },
      payloads: kept.map(({ no }) => no),
    },
  }
  const parents = {
    companies: new Map([[tried.company_id, tried.company]]),
    sources: new Map([[tried.data_source_id, tried.source]]),
    measurements: new Map([[tried.source_measurement_id, tried.measurement]]),
  }
  // One series alone says nothing of the items of its list.
  const criteria = { ...criteriaOf(config, basis), itemPolicy: null }
  const memory = createCompanyMemory(config)
  const company = { company_id: tried.company_id, lastNo: trial.newestNo }
  await readPayloadsIn(tx, selection, [company], parents.measurements, async (_, stored) => {
    if (performance.now() > until) throw tooLong()
    trial.payloads += stored.length
    if (isCut) trial.cutAt = Math.min(trial.cutAt ?? Infinity, ...stored.map(({ payload }) => payload.observed_at))
    trial.news.push(...(await judgeSome(tx, stored, criteria, memory, parents)))
  })
  return trial
}

export const tooLong = () => new RefusedError('This series has too many values to try a rule on it here.')

const numberRow = z.object({ no: z.number(), item_key: z.string().nullable() })

/** The numbers of the payloads with values of a series in the normalizer's ledger, the last one first; and its whole item key. */
function readNumbers(tx: Transaction, { company_measurement, subject, item }: SeriesName, most: number) {
  return tx.any(sql.type(numberRow)`
    SELECT DISTINCT coalesce(v.replay_no, v.event_no) AS no, v.item_key FROM normalizer.value v
    WHERE v.company_measurement_id = ${company_measurement}
      AND ${indexed(sql.fragment`v.subject_key`)} = ${subject}
      AND ${indexed(sql.fragment`v.item_key`)} IS NOT DISTINCT FROM ${item}
    ORDER BY no DESC LIMIT ${most}`)
}

/** As values/indexable.ts writes it. */
function indexed(key: SqlFragment): SqlFragment {
  return sql.fragment`CASE WHEN octet_length(${key}) <= 1000 THEN ${key}
    ELSE 'sha256:' || encode(sha256(convert_to(${key}, 'UTF8')), 'hex') END`
}
