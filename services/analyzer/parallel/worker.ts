// A thread of runParallel: judges the histories of companies that it is sent, and answers with the news items.
import { parentPort, workerData } from 'node:worker_threads'
import { openCommandPool } from '#runtime/commands/command-database.ts'
import type { PostgresSettings } from '#runtime/process/settings.ts'
import { type Basis, criteriaOf } from '../backtest/criteria.ts'
import type { CompanyHistory, Period, Selection } from '../backtest/histories.ts'
import { type BacktestNews, type Progress, runBacktest } from '../backtest/run-backtest.ts'
import type { JudgeConfig } from '../config.ts'

/** What all threads of a backtest know. */
export type Job = { config: JudgeConfig & PostgresSettings; basis: Basis; selection: Selection; period: Period }

/** What comes of one part of the companies. */
export type Judged = { news: BacktestNews[]; done: Progress }

const { config, basis, selection, period } = workerData as Job
const database = await openCommandPool({ ...config, DATABASE_POOL_SIZE: 1 })
const criteria = criteriaOf(config, basis)

async function judge(companies: readonly CompanyHistory[]): Promise<Judged> {
  const news: BacktestNews[] = []
  const listener = {
    onNews: async (some: readonly BacktestNews[]) => void news.push(...some),
    onProgress: () => undefined,
  }
  const done = await runBacktest(config, database, selection, period, companies, criteria, listener)
  return { news, done }
}

// A rejection ends the thread with its error, as it should.
parentPort!.on(
  'message',
  (companies: CompanyHistory[]) => void judge(companies).then((one) => parentPort!.postMessage(one)),
)
