import { expect, test, vi } from 'vitest'
import type { ServiceName } from '../../deploy/local/config.ts'
import { commands } from '../../services/normalizer/commands.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { type Fed, normalizerBench, type Source } from '../harness/normalizer/setup.ts'
import { asRole } from '../harness/roles.ts'
import { runCommand } from '../harness/run-command.ts'
import { killInTurn, superviseService } from '../harness/supervised.ts'
import { waitFor } from '../harness/wait-for.ts'

const services: readonly ServiceName[] = ['edge', 'raw-sink', 'normalizer', 'analyzer', 'notifier', 'scheduler']
const payloads = 200
/** Payloads a second: a page each second, and one service dies at each of six pages. */
const rate = 20
const firstDay = Date.UTC(2026, 0, 1)
const patienceMs = 120_000

test('kill -9 of each service in the middle of a replay: the same end as without', async () => {
  const installation = await createInstallation()
  for (const [name, value] of Object.entries(asRole('cli', installation.env))) vi.stubEnv(name, value)
  const bench = normalizerBench(installation)
  const running = new Map(
    await Promise.all(
      services.map(async (name) => [name, await superviseService(name, asRole(name, installation.env))] as const),
    ),
  )
  const [calm, killed] = [await makeStored(installation, bench), await makeStored(installation, bench)]
  await runCommand(commands.replay, '--source', calm.source.name, '--mode', 'replace', '--wait')

  const args = ['--source', killed.source.name, '--mode', 'replace', '--rate', String(rate)]
  const { replay: no } = await runCommand<{ replay: number }>(commands.replay, ...args)
  const look = async () =>
    (
      await installation.database.query<{ state: string; done: number }>(
        'SELECT state, done FROM normalizer.replay WHERE replay_no = $1',
        [no],
      )
    )[0]!
  const live: Fed[] = []
  const after = async (name: string) => {
    live.push(bench.payload(killed.source, killed.company, { name, size: '1' }, { map_version: 2 }))
    await bench.feed(live.slice(-1))
  }
  const pages = async () => {
    const { state, done } = await look()
    return state === 'running' ? done : 0
  }
  await killInTurn(running, pages, { most: payloads, patienceMs, after })
  await waitFor('the end of the replay', async () => (await look()).state !== 'running', patienceMs)
  expect(await look()).toEqual({ state: 'done', done: payloads })
  await bench.settled(live, patienceMs)

  await waitFor(
    'the analyzer to have followed',
    async () => {
      expect(await endOf(installation, killed)).toEqual(await endOf(installation, calm))
      return true
    },
    patienceMs,
  )
  expect(await installation.database.query('SELECT FROM normalizer.unsent_observation')).toEqual([])
  expect(await installation.database.query(`SELECT FROM analyzer.news WHERE replay_id <> '' AND NOT silent`)).toEqual(
    [],
  )
  for (const [name, service] of running) expect(service.crashes(), name).toBe(0)
}, 400_000)

type Stored = { source: Source; company: number; events: string[] }

/** A source with payloads of one company, which all services have done with, and a second map with another type. */
async function makeStored(installation: Installation, bench: ReturnType<typeof normalizerBench>): Promise<Stored> {
  const [name, size] = ['name', 'size'].map((SourceField) => ({ SourceField, DataType: 'text' }))
  const source = await bench.addSource([name!, size!])
  const company = await bench.addCompany()
  const fed = Array.from({ length: payloads }, (_, n) =>
    bench.payload(source, company, { name: `n${n}`, size: String(n) }, { observed_at: firstDay + n * 3_600_000 }),
  )
  await bench.feed(fed)
  await bench.settled(fed, patienceMs)
  const documents = fed.map(({ event_id }) =>
    installation.firestore.client.doc(`parma/mining/datasource/${source.name}/raw_data/${event_id}`),
  )
  await waitFor(
    'the raw documents',
    async () => (await installation.firestore.client.getAll(...documents)).every(({ exists }) => exists),
    patienceMs,
  )
  const mappings = source.mappings.map((entry) =>
    entry.SourceField === 'size' ? { ...entry, DataType: 'int' } : entry,
  )
  await bench.publishMap({ ...source, mappings }, 2)
  return { source, company, events: fed.map(({ event_id }) => event_id) }
}

/** What a replay has made of the payloads, without the numbers that differ from source to source. */
async function endOf({ database }: Installation, { source, events }: Stored) {
  const select = (text: string) => database.query(text, [events])
  const [values, history, told, shown] = await Promise.all([
    select(`SELECT v.seq, v.path, v.type, v.number, v.text, v.observed_at, v.generation_no IS NOT NULL AS is_replaced
      FROM normalizer.value v JOIN normalizer.processed_event p USING (event_no)
      WHERE p.event_id = ANY($1) ORDER BY v.observed_at, v.seq`),
    select(`SELECT seq, path, type, text, observed_at FROM normalizer.value_history
      WHERE event_id = ANY($1) ORDER BY observed_at, seq`),
    select(`SELECT count(*)::int AS judged FROM analyzer.processed_event WHERE event_id = ANY($1)`),
    database.query(
      `SELECT v.value, v.timestamp FROM measurement_int_value v JOIN company_source_measurement USING (company_measurement_id)
       JOIN source_measurement m ON m.id = source_measurement_id
       WHERE m.source_module_id = $1 AND v.timestamp < '2026-06-01' ORDER BY 2, 1`,
      [source.id],
    ),
  ])
  expect(values).toHaveLength(2 * payloads)
  expect(shown).toHaveLength(payloads)
  expect(history).toHaveLength(payloads)
  return { values, history, told, shown }
}
