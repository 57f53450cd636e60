import type pg from 'pg'
import { valuesEach } from '../harness/age/payloads.ts'
import { type Both, compare, inTurn } from './age-compare.ts'
import type { Aged } from './aged.ts'
import type { Result } from './measure.ts'
import { runUntil } from './run-service.ts'

const payloadsOfSource = 500
const rounds = 3

/** Payloads that the normalizer stores in a second, and values that the analyzer then judges in a second. */
export async function measureIngestion(both: Both<Aged>): Promise<Result[]> {
  const rates = await inTurn(both, rounds, async ({ env, pool, feeds }) => {
    const since = await readTime(pool)
    for (const feed of feeds) await feed.send(payloadsOfSource)
    const payloads = payloadsOfSource * feeds.length
    const rateOf = async (service: 'normalizer' | 'analyzer') => {
      const look = () => readLedger(pool, service, since)
      await runUntil(env, service, async () => (await look()).payloads === payloads)
      return payloads / (await look()).seconds
    }
    return { payloads: await rateOf('normalizer'), values: (await rateOf('analyzer')) * valuesEach }
  })
  const of = (value: (rate: { payloads: number; values: number }) => number) => ({
    young: rates.young.map(value),
    old: rates.old.map(value),
  })
  return [
    compare(
      'payloads stored',
      of(({ payloads }) => payloads),
      { unit: 'payloads/s', isRate: true },
    ),
    compare(
      'values judged',
      of(({ values }) => values),
      { unit: 'values/s', isRate: true },
    ),
  ]
}

async function readTime(pool: pg.Pool): Promise<Date> {
  const { rows } = await pool.query<{ now: Date }>('SELECT now()')
  return rows[0]!.now
}

/** What took effect since then, and in how many seconds. */
async function readLedger(pool: pg.Pool, service: string, since: Date) {
  const { rows } = await pool.query<{ payloads: number; seconds: number }>(
    `SELECT count(*)::int AS payloads, extract(epoch FROM max(processed_at) - min(processed_at))::float8 AS seconds
     FROM ${service}.processed_event WHERE processed_at > $1`,
    [since],
  )
  return rows[0]!
}
