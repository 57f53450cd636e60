import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { runParma } from '../../deploy/local/parma.ts'
import { waitFor } from '../harness/wait-for.ts'
import { type Feed, openFeed } from './backlog.ts'
import { makeFlatHistory } from './flat-history.ts'
import type { Measure } from './measure.ts'
import { runService } from './run-service.ts'
import { formatNumber } from './statistics.ts'

/** Stored payloads. The emulator of Firestore takes and gives some hundreds a second, so there are not more of them. */
const stored = 6000
const liveBeats = 100
const beatMs = 100
const patienceMs = 300_000

/**
 * Stored payloads whose values all differ from what is stored, replaced, as a share of the normalizer's own rate in the same
 * run; and by how much live payloads take longer meanwhile.
 */
export const replay: Measure = async ({ serviceEnv, say }) => {
  const env: NodeJS.ProcessEnv = { ...serviceEnv(), TOPIC_PREFIX: 'bench-replay.' }
  await using scope = new AsyncDisposableStack()
  const pool = new pg.Pool({ connectionString: env['DATABASE_URL'] })
  scope.defer(async () => {
    await pool.query(`TRUNCATE ${written.join(', ')}`)
    await pool.end()
  })
  const { payloads, map } = makeFlatHistory()
  const history = { payloads, map: { ...map, Source: 'bench-replay' } }
  const feed = scope.use(await openFeed(env, pool, history))
  say(`replay: ${stored} payloads and their documents`)
  await feed.send(stored)
  await runUntil(env, 'normalizer', async () => (await selectNumber(pool, countPayloads)) === stored)
  await runUntil(env, 'raw-sink', async (healthUrl) => (await countDocuments(healthUrl)) >= stored)
  const own = await selectNumber(
    pool,
    `SELECT count(*) / extract(epoch FROM max(processed_at) - min(processed_at)) FROM normalizer.processed_event`,
  )
  await falsify(pool)
  scope.use(await runService('normalizer', env))
  say('replay: live payloads alone')
  const alone = await measureLive(pool, feed)
  say('replay: live payloads beside a replay')
  await runParma(env, 'replay', '--source', history.map.Source, '--mode', 'replace')
  const beside = await measureLive(pool, feed)
  await waitFor('the end', async () => (await readReplay(pool)).state !== 'running', patienceMs, 50)
  const { state, seconds, done, changed } = await readReplay(pool)
  if (state !== 'done' || done < stored || changed < stored)
    throw new Error(`the replay is ${state}: ${done} payloads read, ${changed} values changed`)
  const rate = done / seconds
  const detail = `${formatNumber(done)} flat payloads, from the emulator`
  return [
    { what: 'normalizer, the same payloads', value: own, unit: 'payloads/s', below: null, detail: 'from Kafka, alone' },
    { what: 'replay, all values replaced', value: rate, unit: 'payloads/s', below: null, detail },
    { what: '  share of the normalizer', value: (100 * rate) / own, unit: '%', below: null, above: 50, detail },
    {
      ...{ what: '  live p99, more beside it', value: beside - alone, unit: 'ms', below: 1000 },
      detail: `${formatNumber(alone)} ms alone, ${formatNumber(beside)} ms beside it; ${liveBeats} payloads`,
    },
  ]
}

const countPayloads = 'SELECT count(*) FROM normalizer.processed_event'
const written = ['processed_event', 'value', 'superseded_value', 'replay'].map((table) => `normalizer.${table}`)

/** Runs a service until it has done its work. */
async function runUntil(env: NodeJS.ProcessEnv, name: string, isDone: (healthUrl: string) => Promise<boolean>) {
  await using service = await runService(name, env)
  await waitFor(`${name} to be done`, () => isDone(service.healthUrl), patienceMs, 100)
}

async function countDocuments(healthUrl: string): Promise<number> {
  const metrics = await (await fetch(`${healthUrl}/metrics`)).text()
  const counter = /^parma_messages_consumed_total\{topic="mining\.raw-payloads\.v1",outcome="ok"\} (\d+)/m
  return Number(counter.exec(metrics)?.[1] ?? 0)
}

async function selectNumber(pool: pg.Pool, text: string): Promise<number> {
  const { rows } = await pool.query({ text, rowMode: 'array' })
  return Number(rows[0]?.[0] ?? 0)
}

/** Other numbers in the place of those that were stored, also where parma-web reads them. */
async function falsify(pool: pg.Pool): Promise<void> {
  await pool.query('UPDATE normalizer.value SET number = number + 1 WHERE number IS NOT NULL')
  await pool.query('UPDATE public.measurement_int_value SET value = value + 1')
  await pool.query('UPDATE public.measurement_float_value SET value = value + 1')
  await pool.query('VACUUM ANALYZE')
}

async function readReplay(pool: pg.Pool) {
  const { rows } = await pool.query<{ state: string; seconds: number; done: number; changed: number }>(`
    SELECT state, extract(epoch FROM finished_at - asked_at)::float8 AS seconds, done, (report ->> 'changed')::int AS changed
    FROM normalizer.replay`)
  return rows[0]!
}

/** The p99, in ms, from sending a payload until its values can be read. */
async function measureLive(pool: pg.Pool, feed: Feed): Promise<number> {
  const open = new Map<string, number>()
  const took: number[] = []
  const look = async () => {
    const { rows } = await pool.query<{ event_id: string }>(
      'SELECT event_id FROM normalizer.processed_event WHERE event_id = ANY($1)',
      [[...open.keys()]],
    )
    for (const { event_id } of rows) {
      took.push(performance.now() - open.get(event_id)!)
      open.delete(event_id)
    }
  }
  for (let beat = 0; beat < liveBeats; beat++) {
    const at = performance.now()
    for (const id of await feed.send(1)) open.set(id, at)
    while (performance.now() < at + beatMs) {
      await look()
      await delay(10)
    }
  }
  await waitFor('the live payloads', async () => look().then(() => open.size === 0), patienceMs, 10)
  took.sort((a, b) => a - b)
  return took[Math.ceil(took.length * 0.99) - 1]!
}
