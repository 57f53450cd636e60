import type { Log } from '#runtime/process/log.ts'
import type { Post } from './analytics.ts'
import type { Config } from './config.ts'
import { describeAt, describeToday, type RawData } from './describe.ts'
import type { Facts } from './facts.ts'
import type { HistoryMarks } from './history-marks.ts'
import type { FindFacts } from './packages.ts'
import { planHistory } from './plan-history.ts'

/** Company id → identifiers of the company, by property; `packages` is ours. */
export type Companies = Record<string, Record<string, string[]>>
export type CrawlErrors = Record<string, { error_type: string; error_description: string }>

export type Miner = { config: Config; findFacts: FindFacts; marks: HistoryMarks; log: Log }
/** One call of /companies: how to reach parma-analytics, and the source it is for. */
export type Run = { post: Post; sourceId: string }

/** Monthly snapshots fed when a package is crawled for the first time. */
const historyMonths = 12

/** Older releases are not listed. A date, because a list bound by a count would lose an item with each new one. */
const releasesSince = '2025-01-01'

/** Companies crawled at once; each feeds its payloads one after the other. */
export const companiesAtOnce = 4

/**
 * Posts every package of every company: its history if this source has none yet, then its state of today. An error
 * becomes the company's entry in the result, and the crawl goes on (contract section 4.3).
 */
export async function crawl(miner: Miner, run: Run, companies: Companies): Promise<CrawlErrors> {
  const errors: CrawlErrors = {}
  const queue = Object.entries(companies).values()
  const work = async () => {
    for (const [companyId, { packages = [], ...others }] of queue) {
      const failures = Object.keys(others).map(refuseProperty)
      for (const name of new Set(packages)) failures.push(...(await crawlPackage(miner, run, companyId, name)))
      if (failures[0]) errors[companyId] = describeFailures(failures[0].name, failures)
    }
  }
  await Promise.all(Array.from({ length: companiesAtOnce }, work))
  return errors
}

type Failure = { name: string; message: string }

function refuseProperty(property: string): Failure {
  return {
    name: 'ClientInvalidBodyError',
    message: `${property} is not an identifier of this module: it knows packages`,
  }
}

function describeFailures(type: string, failures: Failure[]): CrawlErrors[string] {
  return { error_type: type, error_description: [...new Set(failures.map(({ message }) => message))].join('; ') }
}

async function crawlPackage(
  { config, findFacts, marks, log }: Miner,
  { post, sourceId }: Run,
  companyId: string,
  name: string,
): Promise<Failure[]> {
  const facts = await findFacts(name).catch((error: Error) => error)
  if (facts instanceof Error) return [{ name: 'CrawlingError', message: facts.message }]

  const isNew = !marks.has(sourceId, companyId, name)
  const failures: Failure[] = []
  const snapshots = describeSnapshots(facts, isNew ? historyMonths : 0, releasesSince)
  for (const snapshot of snapshots) {
    const payload = { source_name: config.MINER_SOURCE_NAME, company_id: companyId, ...snapshot }
    await post('/feed-raw-data', payload).catch((error: Error) => failures.push(error))
  }
  if (isNew && failures.length === 0) await marks.set(sourceId, companyId, name)
  log.info({ company_id: companyId, package: name, fed: snapshots.length - failures.length }, 'package_fed')
  return failures
}

type Snapshot = { raw_data: RawData; observed_at?: string }

function describeSnapshots(facts: Facts, months: number, since: string): Snapshot[] {
  const history = planHistory(facts, new Date(), months).flatMap((at) => {
    const rawData = describeAt(facts, at, since)
    return rawData ? [{ raw_data: rawData, observed_at: at.toISOString() }] : []
  })
  return [...history, { raw_data: describeToday(facts, since) }]
}
