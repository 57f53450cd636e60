import { z } from 'zod'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import type { Criteria } from '../judge/judge-payloads.ts'
import { readOwnMeanings } from '../meaning/own-polarity.ts'
import type { WeighingSettings } from '../meaning/weigh-news.ts'
import { readPasts } from '../store/past-states.ts'
import type { Uncounted } from '../suspect/withheld.ts'
import type { Parents } from '../words/compose-for-parents.ts'
import type { NewsRow } from '../words/compose-news.ts'
import { type CompanyMemory, createCompanyMemory, judgeStored, mayBeLate } from './judge-stored.ts'
import type { CompanyHistory, Period, Selection } from './histories.ts'
import { readPayloads, type StoredPayload } from './stored-payloads.ts'

/** A news item of a backtest, with the names of what it is about. */
export type BacktestNews = NewsRow & { company: string; source: string; measurement: string }

/** How much was judged so far. `companies`: those that were begun. */
export type Progress = { companies: number; payloads: number; values: number }

/**
 * What was judged of a company: its memory, the number of its last payload in the normalizer's ledger, and what did not
 * count.
 */
export type JudgedCompany = {
  company_id: number
  memory: CompanyMemory
  lastNo: number
  uncounted: readonly Uncounted[]
}

export type Listener = {
  onNews(news: readonly BacktestNews[]): Promise<void>
  onProgress(done: Progress): void
  /** Called after the last payload of a company. */
  onCompany?(judged: JudgedCompany): Promise<void>
}

/**
 * Judges what is stored of these companies from its beginning, so that every state is what it was live, and passes the
 * news items of the period on, company by company. Writes nothing to Postgres.
 */
export async function runBacktest(
  config: WeighingSettings,
  database: Database,
  selection: Selection,
  period: Period,
  companies: readonly CompanyHistory[],
  criteria: Criteria,
  { onNews, onProgress, onCompany }: Listener,
): Promise<Progress> {
  const parents = await readAllParents(database)
  const weighing = { ...config, own: await readOwnMeanings(database) }
  const done = { companies: 0, payloads: 0, values: 0 }
  let current: JudgedCompany | null = null
  await readPayloads(database, selection, companies, parents.measurements, async (tx, stored, uncounted) => {
    const company_id = Number(stored[0]!.payload.company_id)
    if (current?.company_id !== company_id) {
      if (current) await onCompany?.(current)
      current = { company_id, memory: createCompanyMemory(weighing), lastNo: 0, uncounted }
      done.companies++
    }
    const news = await judgeSome(tx, stored, criteria, current.memory, parents)
    current.lastNo = stored.at(-1)!.rowNo
    done.payloads += stored.length
    done.values += stored.reduce((sum, { payload }) => sum + payload.values.length, 0)
    const told = namedIn(period, news, parents)
    if (told.length > 0) await onNews(told)
    onProgress(done)
  })
  if (current) await onCompany?.(current)
  return done
}

/** The news items of the period, with names. */
export function namedIn({ from, to }: Period, news: readonly NewsRow[], parents: Parents): BacktestNews[] {
  return news.filter(({ observed_at }) => observed_at >= from && observed_at < to).map((row) => addNames(row, parents))
}

/** Judges payloads of one company that follow each other. */
export async function judgeSome(
  tx: Transaction,
  stored: readonly StoredPayload[],
  criteria: Criteria,
  memory: CompanyMemory,
  parents: Parents,
): Promise<NewsRow[]> {
  const payloads = stored.map(({ payload }) => payload)
  const numbers = new Map(stored.map(({ rowNo, payload }) => [payload, rowNo]))
  const pasts = mayBeLate(payloads, memory)
    ? await readPasts(tx, payloads, memory.states, criteria, (payload) => numbers.get(payload)!)
    : new Map()
  const partly = stored.filter(({ uncounted }) => uncounted.size > 0)
  const uncounted = new Map(partly.map((one) => [one.payload, one.uncounted]))
  return judgeStored(payloads, criteria, memory, pasts, parents, uncounted)
}

function addNames(row: NewsRow, { companies, sources, measurements }: Parents): BacktestNews {
  return {
    ...row,
    company: companies.get(row.company_id) ?? '',
    source: sources.get(row.data_source_id) ?? '',
    measurement: measurements.get(row.source_measurement_id) ?? '',
  }
}

const parentRow = z.object({ kind: z.enum(['companies', 'sources', 'measurements']), id: z.number(), name: z.string() })

/** Everything that news items can be about. */
export async function readAllParents(database: Pick<Database, 'any'>): Promise<Parents> {
  const rows = await database.any(sql.type(parentRow)`
    SELECT 'companies' AS kind, id, name FROM public.company
    UNION ALL SELECT 'sources', id, source_name FROM public.data_source
    UNION ALL SELECT 'measurements', id, measurement_name FROM public.source_measurement`)
  const of = (kind: string) => new Map(rows.filter((row) => row.kind === kind).map(({ id, name }) => [id, name]))
  return { companies: of('companies'), sources: of('sources'), measurements: of('measurements') }
}
