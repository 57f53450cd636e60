import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { openFirestore } from '../../services/runtime/firestore/firestore.ts'
import { readPayloads } from '../../services/runtime/firestore/read-payload.ts'
import { readFirestoreAccess } from '../../services/runtime/firestore/settings.ts'
import { runParma } from '../../deploy/local/parma.ts'
import { waitFor } from '../harness/wait-for.ts'
import { type Feed, openFeed } from './backlog.ts'
import { makeFlatHistory } from './flat-history.ts'
import type { Measure } from './measure.ts'
import { runService, runUntil } from './run-service.ts'
import { formatNumber } from './statistics.ts'

/** Stored payloads, unless told. The emulator of Firestore takes some hundreds a second, so there are not more of them. */
const usually = 12_000
/** So many rows of other times stand in parma-web's tables beside each one that is replayed. */
const othersEach = 9
const pageSize = 200
const triedDocuments = 1000
const liveBeats = 100
const beatMs = 100
const patienceMs = 1_800_000

/**
 * Stored payloads whose values all differ from what is stored: compared, replaced, and filled when nothing is missing, each as
 * a share of the normalizer's own rate in the same run, also beside many rows of others; how fast the documents alone are
 * read; and by how much live payloads take longer meanwhile.
 */
export const replay: Measure = async ({ serviceEnv, payloads: asked, say }) => {
  const stored = asked ?? usually
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
  const triedMs = await measureTrial(env, history.map)
  say('replay: documents alone')
  const reading = await measureReading(env, pool)
  await falsify(pool)
  scope.use(await runService('normalizer', env))
  const begin = async (mode: string) => {
    await runParma(env, 'replay', '--source', history.map.Source, '--mode', mode)
    return waitForBegin(pool)
  }
  const run = async (mode: string) => {
    say(`replay: ${mode}, alone`)
    return waitForEnd(pool, stored, await begin(mode))
  }
  const compared = await run('compare')
  say('replay: live payloads alone')
  const alone = await measureLive(pool, feed)
  say('replay: live payloads beside a replay')
  const begun = await begin('replace')
  const beside = await measureLive(pool, feed)
  const shared = await waitForEnd(pool, stored, begun)
  await falsify(pool)
  const replaced = await run('replace')
  const filled = await run('fill')
  await falsify(pool)
  say('replay: rows of others')
  const others = await addOthers(pool)
  const crowded = await run('replace')
  const from = `${formatNumber(stored)} flat payloads, from the emulator`
  const rows = [
    { mode: 'compare', rate: compared, detail: 'all values differ' },
    { mode: 'replace', rate: replaced, detail: 'all values differ' },
    { mode: 'replace beside live payloads', rate: shared, detail: `a live payload each ${beatMs} ms` },
    {
      mode: 'replace beside rows of others',
      rate: crowded,
      detail: `${formatNumber(others)} of them in parma-web's tables`,
    },
    { mode: 'fill', rate: filled, detail: 'nothing is missing' },
  ]
  return [
    { what: 'normalizer, the same payloads', value: own, unit: 'payloads/s', below: null, detail: 'from Kafka, alone' },
    {
      ...{
        what: `dry run of a map on ${formatNumber(triedDocuments)} documents`,
        value: triedMs / 1000,
        unit: 's',
        below: 10,
      },
      detail: 'npx parma maps try, with its start and the news items it would make',
    },
    { what: 'reading documents alone', value: reading, unit: 'payloads/s', below: null, detail: from },
    ...rows.flatMap(({ mode, rate, detail }) => [
      { what: `replay, ${mode}`, value: rate, unit: 'payloads/s', below: null, detail: `${from}; ${detail}` },
      {
        ...{ what: '  share of the normalizer', value: (100 * rate) / own, unit: '%', below: null, above: 50 },
        detail: `${formatNumber((100 * rate) / reading)} % of reading alone`,
      },
    ]),
    {
      ...{ what: '  live p99, more beside it', value: beside - alone, unit: 'ms', below: 1000 },
      detail: `${formatNumber(alone)} ms alone, ${formatNumber(beside)} ms beside it; ${liveBeats} payloads`,
    },
  ]
}

const countPayloads = 'SELECT count(*) FROM normalizer.processed_event'
const written = ['processed_event', 'value', 'superseded_value', 'replay'].map((table) => `normalizer.${table}`)

async function countDocuments(healthUrl: string): Promise<number> {
  const metrics = await (await fetch(`${healthUrl}/metrics`)).text()
  const counter = /^parma_messages_consumed_total\{topic="[^"]*mining\.raw-payloads\.v1",outcome="ok"\} (\d+)/m
  return Number(counter.exec(metrics)?.[1] ?? 0)
}

async function selectNumber(pool: pg.Pool, text: string): Promise<number> {
  const { rows } = await pool.query({ text, rowMode: 'array' })
  return Number(rows[0]?.[0] ?? 0)
}

/** How long the command takes for a map that lacks an entry, in ms. */
async function measureTrial(
  env: NodeJS.ProcessEnv,
  map: { Source: string; Mappings: readonly object[] },
): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'map-'))
  const file = join(dir, 'map.json')
  writeFileSync(file, JSON.stringify({ ...map, Mappings: map.Mappings.slice(1) }))
  try {
    const begun = performance.now()
    const printed = await runParma(
      env,
      'maps',
      'try',
      file,
      '--source',
      map.Source,
      '--last',
      String(triedDocuments),
      '--json',
    )
    const { documents } = JSON.parse(printed) as { documents: number }
    if (documents !== triedDocuments) throw new Error(`the map was tried on ${documents} documents`)
    return performance.now() - begun
  } finally {
    rmSync(dir, { recursive: true })
  }
}

/** Other numbers in the place of those that were stored, also where parma-web reads them. */
async function falsify(pool: pg.Pool): Promise<void> {
  await pool.query('UPDATE normalizer.value SET number = number + 1 WHERE number IS NOT NULL')
  await pool.query('UPDATE public.measurement_int_value SET value = value + 1')
  await pool.query('UPDATE public.measurement_float_value SET value = value + 1')
  await pool.query('VACUUM ANALYZE')
}

/** Rows of the same series at other times, as parma-web's tables have them after years. Resolves to their number. */
async function addOthers(pool: pg.Pool): Promise<number> {
  let count = 0
  for (const table of ['int', 'float', 'text', 'link', 'date'].map((name) => `public.measurement_${name}_value`)) {
    const { rowCount } = await pool.query(`
      INSERT INTO ${table} (company_measurement_id, value, timestamp, created_at, modified_at)
      SELECT company_measurement_id, value, timestamp - n * interval '1 year', created_at, modified_at
      FROM ${table}, generate_series(1, ${othersEach}) n`)
    count += rowCount ?? 0
  }
  await pool.query('VACUUM ANALYZE')
  return count
}

/** Waits until a normalizer takes the last replay: it looks each two seconds. Resolves to when that was, in seconds since 1970. */
function waitForBegin(pool: pg.Pool): Promise<number> {
  const read = () =>
    selectNumber(
      pool,
      `SELECT extract(epoch FROM now()) FROM normalizer.replay
       WHERE runner IS NOT NULL AND replay_no = (SELECT max(replay_no) FROM normalizer.replay)`,
    )
  return waitFor('the replay to begin', read, patienceMs, 20)
}

/** Waits for the end of the last replay, which began at `begun`. Resolves to payloads a second. */
async function waitForEnd(pool: pg.Pool, stored: number, begun: number): Promise<number> {
  const read = async () => {
    const { rows } = await pool.query<Ended>(
      `
      SELECT state, mode, extract(epoch FROM finished_at)::float8 - $1 AS seconds, done,
        (report ->> 'changed')::int AS changed
      FROM normalizer.replay ORDER BY replay_no DESC LIMIT 1`,
      [begun],
    )
    return rows[0]!.state !== 'running' && rows[0]!
  }
  const { state, mode, seconds, done, changed } = await waitFor('the end', read, patienceMs, 50)
  if (state !== 'done' || done < stored || (mode !== 'fill' && changed < stored))
    throw new Error(`the replay (${mode}) is ${state}: ${done} payloads read, ${changed} values changed`)
  return done / seconds
}

type Ended = { state: string; mode: string; seconds: number; done: number; changed: number }

/** What the emulator gives when nobody stores what it gives, in payloads a second. */
async function measureReading(env: NodeJS.ProcessEnv, pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ document: string }>('SELECT document FROM normalizer.processed_event')
  // The client reads it itself.
  process.env['FIRESTORE_EMULATOR_HOST'] = env['FIRESTORE_EMULATOR_HOST']
  const firestore = openFirestore(readFirestoreAccess(env)!)
  try {
    const begun = performance.now()
    for (let at = 0; at < rows.length; at += pageSize)
      await readPayloads(
        firestore,
        rows.slice(at, at + pageSize).map(({ document }) => document),
      )
    return (rows.length * 1000) / (performance.now() - begun)
  } finally {
    await firestore.terminate()
  }
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
