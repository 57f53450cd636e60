import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { waitFor } from '../harness/wait-for.ts'
import { openFeed } from './backlog.ts'
import { makeFlatHistory } from './flat-history.ts'
import type { Measure } from './measure.ts'
import { runService } from './run-service.ts'
import { formatNumber } from './statistics.ts'

const replicas = 2
const perBeat = 20
const beatMs = 100
const restMs = 10_000
const patienceMs = 60_000

/**
 * The longest that a payload waits while all normalizers are replaced one by one, as a rolling update with one pod more
 * does: the new one is ready before an old one is stopped. Payloads of 100 companies arrive all the while, so this is the
 * longest pause of a partition.
 */
export const rolling: Measure = async ({ serviceEnv, say }) => {
  const env: NodeJS.ProcessEnv = { ...serviceEnv(), TOPIC_PREFIX: 'bench-rolling.' }
  await using scope = new AsyncDisposableStack()
  const pool = new pg.Pool({ connectionString: env['DATABASE_URL'] })
  scope.defer(async () => {
    await pool.query('TRUNCATE normalizer.processed_event, normalizer.value')
    await pool.end()
  })
  const { payloads, map } = makeFlatHistory()
  const feed = scope.use(await openFeed(env, pool, { payloads, map: { ...map, Source: 'bench-rolling' } }))
  const old = []
  for (let n = 0; n < replicas; n++) old.push(await runService('normalizer', env))
  const feeding = new AbortController()
  let sent = 0
  const fed = (async () => {
    while (!feeding.signal.aborted) {
      sent += (await feed.send(perBeat)).length
      await delay(beatMs)
    }
  })()
  say(`rolling: ${restMs / 1000} s of payloads before`)
  await delay(restMs)
  const startedAt = Date.now()
  for (const [index, service] of old.entries()) {
    say(`rolling: replacing normalizer ${index + 1} of ${replicas}`)
    scope.use(await runService('normalizer', env))
    await service[Symbol.asyncDispose]()
  }
  const seconds = (Date.now() - startedAt) / 1000
  await delay(restMs)
  feeding.abort()
  await fed
  await waitFor(`${sent} payloads to be stored`, async () => (await countStored(pool)) === sent, patienceMs, 100)
  const { rows } = await pool.query<{ before: number; longest: number }>(
    `SELECT extract(epoch FROM max(processed_at - received_at) FILTER (WHERE processed_at < $1))::float8 AS before,
       extract(epoch FROM max(processed_at - received_at))::float8 AS longest
     FROM normalizer.processed_event WHERE received_at > $2`,
    [new Date(startedAt), new Date(startedAt - restMs / 2)],
  )
  const { before, longest } = rows[0]!
  return [
    {
      ...{ what: 'longest pause in a rolling restart', value: longest, unit: 's', below: 10 },
      detail:
        `${replicas} normalizers replaced in ${formatNumber(seconds)} s, ${formatNumber(sent)} payloads, each stored once; ` +
        `longest before: ${formatNumber(before)} s`,
    },
  ]
}

async function countStored(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ count: string }>('SELECT count(*) FROM normalizer.processed_event')
  return Number(rows[0]?.count)
}
