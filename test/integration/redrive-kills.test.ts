import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import type { ServiceName } from '../../deploy/local/config.ts'
import { beginReplay } from '../../services/edge/letters/redrive.ts'
import { readEnv } from '#runtime/process/config.ts'
import { postgresSettings } from '#runtime/process/settings.ts'
import { openPool } from '#runtime/postgres/database.ts'
import { createCodec } from '../../schemas/codec.ts'
import { createRegistry } from '../../schemas/registry.ts'
import { topics } from '../../schemas/topics.ts'
import { createInstallation } from '../harness/installation.ts'
import { normalizerBench } from '../harness/normalizer/setup.ts'
import { asRole } from '../harness/roles.ts'
import { killInTurn, superviseService } from '../harness/supervised.ts'
import { waitFor } from '../harness/wait-for.ts'

const services: readonly ServiceName[] = ['edge', 'raw-sink', 'normalizer', 'analyzer', 'notifier', 'scheduler']
const letters = 600
/** Dead letters a second: half a minute of work, in which one service after the other dies. */
const perSecond = 20
const patienceMs = 180_000

test('kill -9 of each service in the middle of a bulk redrive: each record takes effect once', async () => {
  const installation = await createInstallation()
  const { database, env } = installation
  const bench = normalizerBench(installation)
  const running = new Map(
    await Promise.all(services.map(async (name) => [name, await superviseService(name, asRole(name, env))] as const)),
  )
  const source = await bench.addSource([{ SourceField: 'size', DataType: 'int' }])
  const companies = await Promise.all([1, 2, 3].map(() => bench.addCompany()))
  const payloads = Array.from({ length: letters }, (_, n) =>
    bench.payload(source, companies[n % 3]!, { size: n }, { observed_at: Date.UTC(2026, 0, 1) + n * 3_600_000 }),
  )
  const codec = createCodec(createRegistry(env.SCHEMA_REGISTRY_URL ?? ''))
  const name = installation.topics.prefix + topics.rawPayloads.name
  const records = await Promise.all(
    payloads.map(async (payload) => ({
      ...{ key: payload.company_id, value: await codec.encode(topics.rawPayloads, name, payload) },
      headers: { event_id: payload.event_id, '__dlq.reason': 'conflict', '__dlq.stage': 'store' },
    })),
  )
  await installation.topics.produce(`${topics.rawPayloads.name}.normalizer.dlq`, records)
  const count = async (text: string) => (await database.query<{ n: number }>(`SELECT count(*)::int AS n ${text}`))[0]!.n
  await waitFor('the dead letters', async () => (await count('FROM edge.dead_letter')) === letters, patienceMs)

  const pool = await openPool(readEnv(postgresSettings, env))
  await beginReplay(pool, { id: randomUUID(), filter: {}, actor: 'cli:test', perSecond, lease: null })
  await pool.end()
  const replayed = () => count(`FROM edge.dead_letter WHERE state = 'replayed'`)
  await killInTurn(running, replayed, { most: letters, patienceMs })
  await waitFor('the end of the redrive', async () => (await replayed()) === letters, patienceMs)

  const events = payloads.map(({ event_id }) => event_id)
  const judged = async () =>
    (
      await database.query<{ n: number }>(
        'SELECT count(*)::int AS n FROM analyzer.processed_event WHERE event_id = ANY($1)',
        [events],
      )
    )[0]!.n
  await waitFor('the analyzer', async () => (await judged()) === letters, patienceMs)
  const values = await database.query<{ number: number; event_id: string }>(
    `SELECT v.number, p.event_id FROM normalizer.value v JOIN normalizer.processed_event p USING (event_no) ORDER BY v.number`,
  )
  expect(values).toEqual(events.map((event_id, number) => ({ number, event_id })))
  expect(await count('FROM measurement_int_value')).toBe(letters)
  for (const [service, process] of running) expect(process.crashes(), service).toBe(0)
}, 600_000)
