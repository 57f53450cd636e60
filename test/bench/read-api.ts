import { runParma } from '../../deploy/local/parma.ts'
import { fund, fundValues, largeBucket, newsItems, openFund } from './growth-facts.ts'
import type { Measure, Result } from './measure.ts'
import { formatNumber } from './statistics.ts'
import { timeCalls, toResult } from './time-calls.ts'

/** How long the edge takes for what programs ask for most, over three years of a fund. */
export const readApi: Measure = async (bench) => {
  const facts = await openFund(bench)
  const { key } = JSON.parse(
    await runParma(bench.serviceEnv(), 'keys', 'create', '--name', 'bench-read', '--role', 'viewer', '--json'),
  ) as { key: string }

  const days = [7, 30, 90, 180, 365]
  const idOf = (call: number) => facts.companies[(call * 7) % facts.companies.length]!
  const measure = async (what: string, below: number, pathOf: (call: number) => string): Promise<Result> => {
    bench.say(`read API: ${what}`)
    const origin = `${bench.env().EDGE_URL}/api/v1`
    return toResult(what, below, await timeCalls(origin, { authorization: `Bearer ${key}` }, pathOf))
  }
  const fundQuery = `bucket=${facts.fundBucket}`
  return [
    await measure(`${fund.companies} companies by momentum, of ${formatNumber(fundValues)} values`, 150, (call) => {
      return `/companies?${fundQuery}&sort=momentum&days=${days[call % days.length]}`
    }),
    await measure('a company with the growth of all its series', 150, (call) => `/companies/${idOf(call)}`),
    await measure(`news items of a bucket, the best of ${formatNumber(newsItems)}`, 150, (call) => {
      return `/news?${fundQuery}&order=best&limit=${50 + call}`
    }),
    await measure(`companies of a bucket of ${formatNumber(largeBucket)}`, 300, (call) => {
      return `/companies?bucket=${facts.largeBucket}&limit=${50 + call}`
    }),
    await measure(`news items of a bucket of ${formatNumber(largeBucket)}`, 300, (call) => {
      return `/news?bucket=${facts.largeBucket}&limit=${50 + call}`
    }),
  ]
}
