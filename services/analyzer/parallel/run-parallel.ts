import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { CompanyHistory } from '../backtest/histories.ts'
import type { Listener, Progress } from '../backtest/run-backtest.ts'
import type { Job, Judged } from './worker.ts'

/** Each has a connection to Postgres, which works as much as it does. */
const mostThreads = 4
/** With fewer values for each, a thread takes longer to start than it saves. */
const valuesPerThread = 100_000
/** Of so many parts for each thread, the last ones end at about the same time. */
const partsPerThread = 8
/** How many parts may be judged before the news items of an earlier one are written. */
const partsAhead = 8

/** In how many threads the histories of these companies are judged. */
export function countThreads(companies: readonly CompanyHistory[], cores = availableParallelism()): number {
  const worthwhile = Math.floor(countValues(companies) / valuesPerThread)
  return Math.max(1, Math.min(mostThreads, cores, companies.length, worthwhile))
}

/**
 * As runBacktest in several threads: the same news items in the same order, because no company knows of another. Progress
 * comes in parts of companies.
 */
export async function runParallel(
  job: Job,
  companies: readonly CompanyHistory[],
  threads: number,
  { onNews, onProgress }: Pick<Listener, 'onNews' | 'onProgress'>,
): Promise<Progress> {
  const parts = splitEvenly(companies, threads * partsPerThread)
  const judged = parts.map(() => Promise.withResolvers<Judged>())
  const written = parts.map(() => Promise.withResolvers<void>())
  const done = { companies: 0, payloads: 0, values: 0 }
  let next = 0

  async function judgeNext(judge: (part: CompanyHistory[]) => Promise<Judged>): Promise<void> {
    while (next < parts.length) {
      const index = next++
      await written[index - partsAhead]?.promise
      judged[index]!.resolve(await judge(parts[index]!))
    }
  }

  async function write(): Promise<void> {
    for (const [index, { promise }] of judged.entries()) {
      const part = await promise
      for (const name of ['companies', 'payloads', 'values'] as const) done[name] += part.done[name]
      if (part.news.length > 0) await onNews(part.news)
      onProgress(done)
      written[index]!.resolve()
    }
  }

  await using scope = new AsyncDisposableStack()
  const failed = Promise.withResolvers<never>()
  const workers = Array.from({ length: threads }, () => startWorker(job, scope, failed.reject))
  await Promise.race([failed.promise, Promise.all([write(), ...workers.map(judgeNext)])])
  return done
}

/** Returns what judges one part after the other. `fail` gets what the worker throws. */
function startWorker(
  job: Job,
  scope: AsyncDisposableStack,
  fail: (error: Error) => void,
): (part: CompanyHistory[]) => Promise<Judged> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: job })
  worker.on('error', fail)
  scope.defer(async () => void (await worker.terminate()))
  return async (part) => {
    worker.postMessage(part)
    const [judged] = (await once(worker, 'message')) as [Judged]
    return judged
  }
}

/** Companies that follow each other, in parts of about as many values. */
export function splitEvenly(companies: readonly CompanyHistory[], count: number): CompanyHistory[][] {
  const size = countValues(companies) / count
  const parts: CompanyHistory[][] = []
  let left = 0
  for (const one of companies) {
    if (left <= 0) {
      parts.push([])
      left = size
    }
    parts.at(-1)!.push(one)
    left -= one.values
  }
  return parts
}

function countValues(companies: readonly CompanyHistory[]): number {
  return companies.reduce((sum, { values }) => sum + values, 0)
}
