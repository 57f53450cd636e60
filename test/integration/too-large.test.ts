import { randomBytes } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import { createCodec } from '#schemas/codec.ts'
import { createRegistry } from '#schemas/registry.ts'
import { topics } from '#schemas/topics.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { normalizerBench } from '../harness/normalizer/setup.ts'
import { mailsTo, unique } from '../harness/mailbox.ts'
import { addPerson, quick } from '../harness/notifier/setup.ts'
import { addSource, finishTask, readTasks, startModule } from '../harness/scheduler/setup.ts'
import type { StartedService } from '../harness/service.ts'
import { waitFor } from '../harness/wait-for.ts'

/** No index of Postgres takes it: it cannot be compressed. */
const huge = () => randomBytes(1_500_000).toString('hex')

let installation: Installation
beforeAll(async () => {
  installation = await createInstallation()
})

/** None has ended, whatever it has read. */
async function expectAlive(services: readonly StartedService[]): Promise<void> {
  for (const { healthUrl } of services) expect((await fetch(`${healthUrl}/livez`)).status).toBe(200)
}

test('rows of parma-web with texts of 3 MB hold up nothing', { timeout: 180_000 }, async () => {
  const { database } = installation
  const bench = normalizerBench(installation)
  const [company, other] = [await bench.addCompany(), await bench.addCompany()]
  await database.query('UPDATE company SET name = $1, description = $1 WHERE id = $2', [huge(), company])
  const large = await addSource(database, {
    source_name: huge(),
    invocation_endpoint: `http://127.0.0.1:1/${huge()}`,
    is_active: false,
  })
  await database.query('UPDATE data_source SET description = $1, version = $1, additional_params = $2 WHERE id = $3', [
    huge(),
    JSON.stringify({ text: huge() }),
    large,
  ])
  await database.query(
    `INSERT INTO company_data_source_identifier (company_data_source_id, identifier_type, property, value, validity)
     SELECT id, (enum_range(NULL::identifier_type))[1], 'handle', $1, now() + interval '1 day' FROM company_data_source WHERE company_id = $2`,
    [huge(), company],
  )
  const source = await bench.addSource([{ SourceField: 'stars', DataType: 'int' }])
  const [measurement] = source.mappings
  await database.query(
    `INSERT INTO notification_rules (rule_name, source_measurement_id, threshold, notification_message, modified_at)
     VALUES ($1, $2, 10, $1, now())`,
    [huge(), measurement?.source_measurement_id],
  )
  const module = await startModule({
    discover: (_, response) => response.end('{"identifiers": {}, "validity": null}'),
    companies: ({ body }, response) =>
      void finishTask(installation, source.id, (body as { task_id: number }).task_id).then(() => response.end('{}')),
  })
  await database.query(`UPDATE data_source SET invocation_endpoint = $1, is_active = false WHERE id = $2`, [
    module.endpoint,
    source.id,
  ])
  const mail = `${unique('ann')}@example.com`
  const channels = [mail, `${huge()}@example.com`].map((destination) => ({ type: 'EMAIL' as const, destination }))
  await addPerson(database, { name: huge(), role: 'ADMIN', companies: [company, other], channels })
  await database.query('UPDATE source_measurement SET measurement_name = $1 WHERE source_module_id = $2', [
    huge(),
    source.id,
  ])

  const services = await Promise.all([
    installation.start('normalizer'),
    installation.start('analyzer'),
    installation.start('notifier', quick),
    installation.start('scheduler', {
      ...{ ALLOWED_PRIVATE_NETWORKS: '127.0.0.0/8', TICK_SECONDS: '1', MAX_ATTEMPTS: '1', DOWN_AFTER_RUNS: '1' },
      ...{ FIRST_RUN_UNMAPPED_SECONDS: '0', FIRST_RUN_QUIET_SECONDS: '0', SETTLE_SECONDS: '1', BREAKER_FAILURES: '1' },
    }),
  ])
  await database.query('UPDATE data_source SET is_active = true')

  const endOf = async (id: number) =>
    waitFor(
      `the end of a task of source ${id}`,
      async () => (await readTasks(database, id)).find(({ status }) => status === 'FAILED' || status === 'SUCCESS'),
      60_000,
    )
  expect(await endOf(large)).toMatchObject({ status: 'FAILED' })
  expect(await endOf(source.id)).toMatchObject({ status: 'SUCCESS' })

  const codec = createCodec(createRegistry(installation.env.SCHEMA_REGISTRY_URL ?? ''))
  const down = await waitFor('the event of the source that is down', async () => {
    const records = await installation.topics.read(topics.opsEvents.name)
    const events = await Promise.all(records.map(({ value }) => codec.decode(topics.opsEvents, value)))
    return events.find(({ kind }) => kind === 'source-down')
  })
  expect(down.data_source_id).toBe(large)
  expect(down.subject).toMatch(/^[0-9a-f]{3996}… \(2,996,004 more characters\)$/)

  const payloads = [1000, 2000].flatMap((stars) => [company, other].map((one) => bench.payload(source, one, { stars })))
  for (const payload of payloads) await bench.feed([payload])
  await bench.observed(payloads)
  await waitFor('a mail about the news', async () => (await mailsTo(mail)).some(({ subject }) => /rose/i.test(subject)))
  const news = await installation.topics.read(topics.news.name)
  expect(news.length).toBeGreaterThanOrEqual(2)
  for (const name of [
    'ops.events.v1.notifier.dlq',
    'insights.news.v1.notifier.dlq',
    'mining.observations.v1.analyzer.dlq',
  ])
    expect(await installation.topics.read(name)).toEqual([])
  await expectAlive(services)
})

test('a map of 100,000 entries holds up nothing', { timeout: 120_000 }, async () => {
  const bench = normalizerBench(installation)
  const mappings = Array.from({ length: 100_000 }, (_, n) => ({
    ...{ SourceField: `f${n}`, DataType: n % 2 ? 'int' : '?', source_measurement_id: n },
  }))
  const company = await bench.addCompany()
  const [wide, plain] = [
    await bench.addSource([], null),
    await bench.addSource([{ SourceField: 'a', DataType: 'int' }]),
  ]
  const services = await Promise.all(['normalizer', 'raw-sink'].map((name) => installation.start(name)))
  await bench.publishMap({ ...wide, mappings }, 1)
  const payloads = [bench.payload(wide, company, { f1: 1 }), bench.payload(plain, company, { a: 1 })]
  for (const payload of payloads) await bench.feed([payload])
  expect(await bench.settled(payloads, 60_000)).toHaveLength(2)
  const [, observed] = await bench.observed(payloads)
  expect(observed?.[0]?.value.values).toHaveLength(1)
  expect((await bench.opsEvents(wide)).length).toBeLessThanOrEqual(200)
  await expectAlive(services)
})
