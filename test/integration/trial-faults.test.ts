import { beforeAll, expect, test, vi } from 'vitest'
import pg from 'pg'
import { commands } from '../../services/normalizer/commands.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { type Fed, normalizerBench, type Source } from '../harness/normalizer/setup.ts'
import { runCommand } from '../harness/run-command.ts'
import type { StartedService } from '../harness/service.ts'
import { waitFor } from '../harness/wait-for.ts'

let installation: Installation
let bench: ReturnType<typeof normalizerBench>
let normalizer: StartedService

beforeAll(async () => {
  installation = await createInstallation()
  bench = normalizerBench(installation)
  for (const [name, value] of Object.entries(installation.env)) vi.stubEnv(name, value)
  ;[normalizer] = await Promise.all([installation.start('normalizer'), installation.start('raw-sink')])
  return () => vi.unstubAllEnvs()
})

const query = <Row extends pg.QueryResultRow>(text: string, ...values: unknown[]) =>
  installation.database.query<Row>(text, values)

type Stored = { source: Source; companies: [number, number]; payloads: Fed[] }

/** A source with a map in force, and payloads of two companies in turn, stored with their documents. */
async function makeStored(count: number): Promise<Stored> {
  const [name, size] = ['name', 'size'].map((SourceField) => ({ SourceField, DataType: 'text' }))
  const source = await bench.addSource([name!, size!])
  const content = JSON.stringify({ Source: source.name, Mappings: source.mappings })
  await query(
    `INSERT INTO edge.normalization_map (data_source_id, version, content_hash, content, received_at, published_at)
     VALUES ($1, 1, 'h', $2, now(), now())`,
    ...[source.id, content],
  )
  const companies: [number, number] = [await bench.addCompany(), await bench.addCompany()]
  const payloads = Array.from({ length: count }, (_, n) =>
    bench.payload(source, companies[n % 2]!, { name: `n${n}`, size: String(n), more: n }),
  )
  await bench.feed(payloads)
  await bench.settled(payloads, 60_000)
  const { client } = installation.firestore
  const documents = payloads.map(({ event_id }) =>
    client.doc(`parma/mining/datasource/${source.name}/raw_data/${event_id}`),
  )
  await waitFor('the documents', async () => (await client.getAll(...documents)).every(({ exists }) => exists), 60_000)
  return { source, companies, payloads }
}

/** Asks for a trial of a map with one more entry. */
async function ask({ source }: Stored): Promise<string> {
  const more = { SourceField: 'more', DataType: 'int', MeasurementName: 'more' }
  const [draft] = await query<{ id: number }>(
    `INSERT INTO edge.map_draft (data_source_id, origin, actor, content_hash, content, state)
     VALUES ($1, 'upload', 'key:a', 'h', $2, 'draft') RETURNING draft_id AS id`,
    ...[source.id, JSON.stringify({ Source: source.name, Mappings: [...source.mappings, more] })],
  )
  return bench.askFor('normalizer.map.try', { source: source.id, draft: draft!.id })
}

const ended = (id: string) =>
  waitFor(
    'the end of the trial',
    async () => {
      const [row] = await query<{ state: string; message: string; report: object | null; attempts: number }>(
        `SELECT state, message, report, attempts FROM normalizer.map_trial WHERE trial_id = $1 AND state <> 'running'`,
        id,
      )
      return row
    },
    60_000,
  )

/** Asks for a trial and has it wait in the middle, while `meanwhile` happens. Resolves to its id. */
async function interrupt(stored: Stored, meanwhile: () => Promise<unknown>): Promise<string> {
  const other = new pg.Client({ connectionString: installation.database.url })
  await other.connect()
  try {
    await other.query('BEGIN')
    await other.query('SELECT FROM normalizer.last_observed WHERE data_source_id = $1 FOR UPDATE', [stored.source.id])
    const id = await ask(stored)
    await waitFor('the trial to wait', async () => {
      const waiting = await query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
         AND query LIKE '%normalizer.last_observed%'`,
      )
      return waiting.length > 0
    })
    await meanwhile()
    await other.query('COMMIT')
    return id
  } finally {
    await other.end()
  }
}

/** All that a trial may not touch. */
const traces = ({ id }: Source) =>
  Promise.all(
    [
      'SELECT * FROM normalizer.value WHERE data_source_id = $1 ORDER BY event_no, seq',
      'SELECT * FROM normalizer.processed_event WHERE data_source_id = $1 ORDER BY event_no',
      'SELECT * FROM source_measurement WHERE source_module_id = $1 ORDER BY id',
      `SELECT s.* FROM company_source_measurement s JOIN source_measurement m ON m.id = source_measurement_id
       WHERE source_module_id = $1 ORDER BY 1`,
    ].map((text) => query(text, id)),
  )

test('a trial whose source is deleted in its middle says so, and the next one is made', async () => {
  const [stored, other] = [await makeStored(4), await makeStored(2)]
  const id = await interrupt(stored, () => query('DELETE FROM data_source WHERE id = $1', stored.source.id))
  expect(await ended(id)).toMatchObject({ state: 'failed', report: null, message: 'The source was deleted.' })
  expect(await ended(await ask(other))).toMatchObject({ state: 'done', report: { documents: 2 } })
})

test('a trial one of whose companies is deleted in its middle refuses the documents of that one', async () => {
  const stored = await makeStored(4)
  const [, gone] = stored.companies
  const id = await interrupt(stored, () => query('DELETE FROM company WHERE id = $1', gone))
  const refused = { refused_as_a_whole: 2 }
  expect(await ended(id)).toMatchObject({ state: 'done', report: { documents: 4, before: refused, after: refused } })
})

type Replay = { state: string; message: string; done: number; problems: Record<string, number> }

/** Replays by a map with another type, and runs `meanwhile` when a part of it is done. Resolves to how it ended. */
async function replayWhile({ source }: Stored, meanwhile: () => Promise<unknown>): Promise<Replay> {
  const mappings = source.mappings.map((entry) =>
    entry.SourceField === 'size' ? { ...entry, DataType: 'int' } : entry,
  )
  await bench.publishMap({ ...source, mappings }, 2)
  const { replay } = await runCommand<{ replay: number }>(
    commands.replay,
    ...['--source', source.name, '--mode', 'replace', '--rate', '10'],
  )
  const look = async () => {
    const [row] = await query<Replay>(
      `SELECT state, message, done, report -> 'problems' AS problems FROM normalizer.replay WHERE replay_no = $1`,
      replay,
    )
    return row!
  }
  await waitFor('a part of the replay', async () => (await look()).done > 0)
  await meanwhile()
  return waitFor('its end', async () => ((await look()).state === 'running' ? false : look()), 60_000)
}

test('a replay whose source is deleted in its middle ends and says so; others go on', async () => {
  const [stored, other] = [await makeStored(40), await makeStored(2)]
  const before = await traces(other.source)
  const end = await replayWhile(stored, () => query('DELETE FROM data_source WHERE id = $1', stored.source.id))
  expect(end).toMatchObject({ state: 'failed', message: 'The source was deleted.' })
  expect(end.done).toBeLessThan(40)
  await waitFor('its observations', async () => (await query('SELECT FROM normalizer.unsent_observation')).length === 0)
  expect(await traces(other.source)).toEqual(before)
  expect((await replayWhile(other, () => Promise.resolve())).state).toBe('done')
})

test('a replay one of whose companies is deleted in its middle counts what that one has left', async () => {
  const stored = await makeStored(40)
  const [kept, gone] = stored.companies
  const { state, done, problems } = await replayWhile(stored, () => query('DELETE FROM company WHERE id = $1', gone))
  expect({ state, done }).toEqual({ state: 'done', done: 40 })
  expect(Object.keys(problems)).toEqual(['unknown-company'])
  const values = await query<{ type: string }>(
    `SELECT type FROM normalizer.value WHERE company_id = $1 AND path = 'size'`,
    kept,
  )
  expect(values).toHaveLength(20)
  for (const { type } of values) expect(type).toBe('int')
})

// Last: what starts in a test ends with it.
test('a trial whose normalizer is killed in its middle is made by the next one, and nothing of it stays', async () => {
  const stored = await makeStored(6)
  const calm = await ended(await ask(stored))
  expect(calm).toMatchObject({ state: 'done', attempts: 1, report: { documents: 6 } })
  const before = await traces(stored.source)
  const id = await interrupt(stored, async () => {
    await normalizer.kill()
    normalizer = await installation.start('normalizer')
  })
  const { report, ...end } = await ended(id)
  expect(end).toEqual({ state: 'done', message: '', attempts: 2 })
  expect(report).toEqual(calm.report)
  expect(await traces(stored.source)).toEqual(before)
}, 120_000)
