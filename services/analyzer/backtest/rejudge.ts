import { isDeepStrictEqual } from 'node:util'
import type { Database, Transaction } from '#runtime/postgres/database.ts'
import type { Criteria } from '../judge/judge-payloads.ts'
import { readOwnMeanings } from '../meaning/own-polarity.ts'
import type { WeighingSettings } from '../meaning/weigh-news.ts'
import { replaceStates, type Series, writeStates } from '../store/series-states.ts'
import { writeSubjects } from '../store/subject-states.ts'
import { readUncounted, type Uncounted } from '../suspect/withheld.ts'
import type { Subject } from '../values/payload.ts'
import { countNews, type NewsCounts } from './count-news.ts'
import type { CompanyHistory, Period, Selection } from './histories.ts'
import { type CompanyMemory, createCompanyMemory } from './judge-stored.ts'
import { noteCompany, type RejudgeJob } from './rejudge-jobs.ts'
import {
  type BacktestNews,
  type JudgedCompany,
  judgeSome,
  type Listener,
  namedIn,
  type Progress,
  readAllParents,
  runBacktest,
} from './run-backtest.ts'
import { readPayloadsIn, type StoredPayload } from './stored-payloads.ts'

/** `counts` grows with the news items of the period. */
type Rejudging = {
  selection: Selection
  period: Period
  companies: readonly CompanyHistory[]
  criteria: Criteria
  /** Null: nothing is written. */
  job: RejudgeJob | null
  counts: NewsCounts
}

/**
 * Judges again what the live analyzer has judged of these companies, and puts the states that follow in place of the
 * stored ones, a company at a time. While one is replaced, the live analyzer waits with payloads of the company and judges
 * them by the new states; what it judged since the company was read is judged here first. Companies up to the job's
 * `last_company` were replaced before and are only judged.
 */
export async function rejudge(
  config: WeighingSettings,
  database: Database,
  { selection, period, companies, criteria, job, counts }: Rejudging,
  { onNews, onProgress }: Pick<Listener, 'onNews' | 'onProgress'>,
): Promise<Progress> {
  const parents = await readAllParents(database)
  const weighing = { ...config, own: await readOwnMeanings(database) }
  const add = async (news: readonly BacktestNews[]) => {
    countNews(counts, news)
    await onNews(news)
  }

  async function replace({ company_id, memory: judged, lastNo, uncounted }: JudgedCompany): Promise<void> {
    if (job === null || company_id <= job.last_company) return
    // Never repeated: the memory has changed by then.
    await database.transaction(async (tx) => {
      await replaceStates(tx, { company_id: String(company_id) })
      // What came to count since it was read, or no longer does, stands before what is judged already.
      const isChanged = !isDeepStrictEqual(upTo(lastNo, await readUncounted(tx, [company_id])), upTo(lastNo, uncounted))
      const memory = isChanged ? createCompanyMemory(weighing) : judged
      const rest = { company_id, afterNo: isChanged ? 0 : lastNo, lastNo: Number.MAX_SAFE_INTEGER }
      await readPayloadsIn(tx, selection, [rest], parents.measurements, async (_, stored) => {
        const judge = (some: readonly StoredPayload[]) => judgeSome(tx, some, criteria, memory, parents)
        await judge(stored.filter(({ rowNo }) => rowNo <= lastNo))
        await add(namedIn(period, await judge(stored.filter(({ rowNo }) => rowNo > lastNo)), parents))
      })
      await writeMemory(tx, memory)
      await noteCompany(tx, job, company_id, counts)
    }, 0)
  }

  const listener = { onNews: add, onProgress, onCompany: replace }
  return runBacktest(config, database, selection, period, companies, criteria, listener)
}

function upTo(lastNo: number, uncounted: readonly Uncounted[]): Uncounted[] {
  return uncounted.filter(({ event_no }) => event_no <= lastNo)
}

/** How many states are written at once. */
const statesAtOnce = 2000

async function writeMemory(tx: Transaction, { states, subjects }: CompanyMemory): Promise<void> {
  const series = [...states.keys()].map(readSeriesKey)
  for (let at = 0; at < series.length; at += statesAtOnce)
    await writeStates(tx, series.slice(at, at + statesAtOnce), states)
  await writeSubjects(
    tx,
    [...subjects].map(([key, state]) => ({ subject: readSubjectKey(key), state })),
  )
}

function readSeriesKey(key: string): Series {
  const [measurement, subject_key = '', item_key = ''] = key.split('\0')
  return { key, company_measurement_id: Number(measurement), subject_key, item_key }
}

function readSubjectKey(key: string): Subject {
  const [company_id = '', source, subject_key = ''] = key.split('\0')
  return { company_id, data_source_id: Number(source), subject_key }
}
