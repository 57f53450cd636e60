import pg from 'pg'
import { runParma } from '../../deploy/local/parma.ts'
import { fillFund, fund, largeBucket, newsItems } from './growth-facts.ts'
import type { Measure, Result } from './measure.ts'
import { formatNumber } from './statistics.ts'

const calls = 50

/** How long the edge takes for what people look at most, over three years of a fund. */
export const readApi: Measure = async (bench) => {
  const { companies, sources, numbers, weeks } = fund
  const values = companies * sources * numbers * weeks
  const pool = new pg.Pool({ connectionString: bench.serviceEnv()['DATABASE_URL'] })
  bench.say(`read API: ${formatNumber(values)} values of ${companies} companies, which takes minutes to store`)
  const buckets = await fillFund(pool)
  const { rows } = await pool.query<{ id: number }>(
    `SELECT id FROM company WHERE name LIKE 'Fund company %' ORDER BY id`,
  )
  await pool.end()
  const { key } = JSON.parse(
    await runParma(bench.serviceEnv(), 'keys', 'create', '--name', 'bench-read', '--role', 'viewer', '--json'),
  ) as { key: string }

  const days = [7, 30, 90, 180, 365]
  const idOf = (call: number) => rows[(call * 7) % rows.length]!.id
  const measure = async (what: string, below: number, pathOf: (call: number) => string): Promise<Result> => {
    bench.say(what)
    const times: number[] = []
    for (let call = 0; call < calls; call++) {
      const startedAt = performance.now()
      const response = await fetch(`${bench.env().EDGE_URL}/api/v1${pathOf(call)}`, {
        headers: { authorization: `Bearer ${key}` },
      })
      const text = await response.text()
      times.push(performance.now() - startedAt)
      if (response.status !== 200) throw new Error(`${pathOf(call)}: ${response.status} ${text}`)
    }
    const sorted = times.toSorted((a, b) => a - b)
    const at = (share: number) => sorted[Math.ceil(share * calls) - 1]!
    const detail = `p95 of ${calls} calls, p50 ${formatNumber(at(0.5))}, first ${formatNumber(times[0]!)}`
    return { what, value: at(0.95), unit: 'ms', detail, below }
  }
  const fundQuery = `bucket=${buckets.fundBucket}`
  return [
    await measure(`${companies} companies by momentum, of ${formatNumber(values)} values`, 150, (call) => {
      return `/companies?${fundQuery}&sort=momentum&days=${days[call % days.length]}`
    }),
    await measure('a company with the growth of all its series', 150, (call) => `/companies/${idOf(call)}`),
    await measure(`news items of a bucket, the best of ${formatNumber(newsItems)}`, 150, (call) => {
      return `/news?${fundQuery}&order=best&limit=${50 + call}`
    }),
    await measure(`companies of a bucket of ${formatNumber(largeBucket)}`, 300, (call) => {
      return `/companies?bucket=${buckets.largeBucket}&limit=${50 + call}`
    }),
    await measure(`news items of a bucket of ${formatNumber(largeBucket)}`, 300, (call) => {
      return `/news?bucket=${buckets.largeBucket}&limit=${50 + call}`
    }),
  ]
}
