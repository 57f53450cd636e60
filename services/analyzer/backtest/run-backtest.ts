import { z } from 'zod'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import type { Criteria } from '../judge/judge-payloads.ts'
import type { WeighingSettings } from '../meaning/weigh-news.ts'
import { readPasts } from '../store/past-states.ts'
import type { Parents } from '../words/compose-for-parents.ts'
import type { NewsRow } from '../words/compose-news.ts'
import { type CompanyMemory, createCompanyMemory, judgeStored, mayBeLate } from './judge-stored.ts'
import type { CompanyHistory, Period, Selection } from './histories.ts'
import { readPayloads, type StoredPayload } from './stored-payloads.ts'

/** A news item of a backtest, with the names of what it is about. */
type BacktestNews = NewsRow & { company: string; source: string; measurement: string }

/** How much was judged so far. `companies`: those that were begun. */
export type Progress = { companies: number; payloads: number; values: number }

export type Listener = { onNews(news: readonly BacktestNews[]): Promise<void>; onProgress(done: Progress): void }

/**
 * Judges what is stored of these companies from its beginning, so that every state is what it was live, and passes the
 * news items of the period on, company by company. Writes nothing to Postgres.
 */
export async function runBacktest(
  database: Database,
  selection: Selection,
  period: Period,
  companies: readonly CompanyHistory[],
  criteria: Criteria,
  { onNews, onProgress }: Listener,
  weighing?: WeighingSettings,
): Promise<Progress> {
  const parents = await readAllParents(database)
  const done = { companies: 0, payloads: 0, values: 0 }
  let current: { company: string; memory: CompanyMemory } | null = null
  await readPayloads(database, selection, companies, parents.measurements, async (tx, stored) => {
    const company = stored[0]!.payload.company_id
    if (current?.company !== company) {
      current = { company, memory: createCompanyMemory(weighing) }
      done.companies++
    }
    const news = await judgeSome(tx, stored, criteria, current.memory, parents)
    done.payloads += stored.length
    done.values += stored.reduce((sum, { payload }) => sum + payload.values.length, 0)
    const inPeriod = news.filter(({ observed_at }) => observed_at >= period.from && observed_at < period.to)
    if (inPeriod.length > 0) await onNews(inPeriod.map((row) => addNames(row, parents)))
    onProgress(done)
  })
  return done
}

/** Judges payloads of one company that follow each other. */
async function judgeSome(
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
  return judgeStored(payloads, criteria, memory, pasts, parents)
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
async function readAllParents(database: Pick<Database, 'any'>): Promise<Parents> {
  const rows = await database.any(sql.type(parentRow)`
    SELECT 'companies' AS kind, id, name FROM public.company
    UNION ALL SELECT 'sources', id, source_name FROM public.data_source
    UNION ALL SELECT 'measurements', id, measurement_name FROM public.source_measurement`)
  const of = (kind: string) => new Map(rows.filter((row) => row.kind === kind).map(({ id, name }) => [id, name]))
  return { companies: of('companies'), sources: of('sources'), measurements: of('measurements') }
}
