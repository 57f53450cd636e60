import { createHmac, randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { createCodec } from '#schemas/codec.ts'
import type { SourcingTrigger } from '#schemas/generated/types.ts'
import { createRegistry } from '#schemas/registry.ts'
import { topics } from '#schemas/topics.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { waitFor } from '../harness/wait-for.ts'
import {
  addCompany,
  addSource,
  addTask,
  type Answer,
  crawls,
  encode,
  feedTask,
  finishTask,
  knows,
  type ModuleCall,
  readTasks,
  saysNothing,
  startModule,
} from '../harness/scheduler/setup.ts'

/** Only triggers wake it: its own clock would wait for ten minutes. */
const byTrigger = { ALLOWED_PRIVATE_NETWORKS: '127.0.0.0/8', TICK_SECONDS: '600', FIRST_RUN_UNMAPPED_SECONDS: '60' }
const byClock = { ...byTrigger, TICK_SECONDS: '1' }

/** Those of an installation of the harness. */
const partitions = [0, 1, 2]

/** One trigger on each partition, so that every replica is woken. */
async function trigger(installation: Installation, more: Partial<SourcingTrigger> = {}): Promise<void> {
  const { triggers } = topics
  const record = {
    event_id: randomUUID(),
    kind: 'schedule',
    requested_at: Date.now(),
    data_source_id: null,
    company_id: null,
    ...more,
  } as const
  const value = await encode(installation, triggers, record)
  const records = partitions.map((partition) => ({ key: 'schedule', value, partition }))
  await installation.topics.produce(triggers.name, records)
}

/** Claims of an HS256 token after its signature has been checked. */
function verify(token: string, secret: string | undefined): Record<string, unknown> {
  const [header = '', payload = '', signature] = token.split('.')
  expect(
    createHmac('sha256', secret ?? '')
      .update(`${header}.${payload}`)
      .digest('base64url'),
  ).toBe(signature)
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
}

const statusOf = async ({ database }: Installation, sourceId: number) => (await readTasks(database, sourceId))[0]

/** Waits until the first task of a source has this status. */
function becomes(installation: Installation, sourceId: number, status: string) {
  return waitFor(`the task to be ${status}`, async () => {
    const task = await statusOf(installation, sourceId)
    expect(task).toMatchObject({ status })
    return task
  })
}

test('two schedulers woken at the same moment discover and call once, and the finish makes it SUCCESS', async () => {
  const installation = await createInstallation()
  const { database, env } = installation
  const module = await startModule({
    discover: knows({ Langfuse: ['langfuse'], Aleph: ['aleph-alpha', 'aa'] }),
    companies: crawls,
  })
  const [langfuse, , aleph] = [
    await addCompany(database, 'Langfuse'),
    await addCompany(database, 'Nobody'),
    await addCompany(database, 'Aleph'),
  ]
  const replicas = await Promise.all([
    installation.start('scheduler', byTrigger),
    installation.start('scheduler', byTrigger),
  ])
  const source = await addSource(database, { invocation_endpoint: module.endpoint, max_run_seconds: 1000 })
  await trigger(installation)
  await trigger(installation)
  await waitFor('the call', () => module.bodies('companies').length > 0)

  const [task] = await readTasks(database, source)
  const taskId = task?.task_id ?? 0
  expect(task).toMatchObject({ status: 'PROCESSING', attempts: 1, schedule_type: 'REGULAR' })
  expect(module.bodies('companies')).toEqual([
    {
      task_id: taskId,
      companies: { [langfuse]: { handles: ['langfuse'] }, [aleph]: { handles: ['aleph-alpha', 'aa'] } },
    },
  ])
  const asked = module.bodies('discover').map((body) => (body as [{ name: string }]).map(({ name }) => name))
  expect(asked.toSorted()).toEqual([['Aleph'], ['Langfuse'], ['Nobody']])

  const { headers } = module.calls.find(({ route }) => route === 'companies') as ModuleCall
  expect(headers['content-type']).toBe('application/json')
  const outer = verify(headers.authorization?.replace('Bearer ', '') ?? '', env.PARMA_SHARED_SECRET_KEY)
  const inner = verify(String(outer.sourcing_id), env.PARMA_ANALYTICS_SECRET_KEY)
  expect(inner).toMatchObject({
    sourcing_id: source,
    task_id: taskId,
    exp: outer.exp,
    jti: expect.any(String) as string,
  })
  expect(Number(inner.exp) - Number(inner.iat)).toBeGreaterThan(3 * 1000)

  await feedTask(installation, taskId, 1, 2, 3, 4, 5)
  await finishTask(installation, source, taskId)
  const done = await becomes(installation, source, 'SUCCESS')
  expect(done).toMatchObject({ result_summary: '{}', ended_at: expect.any(String) as string, finish_late: false })
  await waitFor('what was fed', async () => (await statusOf(installation, source))?.fed === 5)

  // Any number of further triggers starts nothing: the next slot is tomorrow's.
  await trigger(installation)
  await waitFor('the triggers to be taken', async () => {
    const answers = await Promise.all(
      replicas.map(({ healthUrl }) => fetch(`${healthUrl}/metrics`).then((answer) => answer.text())),
    )
    const taken = answers.map((text) =>
      Number(
        /parma_messages_consumed_total\{topic="[^"]*sourcing.triggers.v1",outcome="ok"\} (\d+)/.exec(text)?.[1] ?? 0,
      ),
    )
    expect(taken.reduce((sum, one) => sum + one, 0)).toBeGreaterThanOrEqual(3 * partitions.length)
    return true
  })
  expect(module.bodies('companies')).toHaveLength(1)
  expect(module.bodies('discover')).toHaveLength(3)
  expect((await readTasks(database, source)).map(({ status }) => status)).toEqual(['SUCCESS', 'PENDING'])
})

test('a task on demand starts at once after a trigger, and nothing else does', async () => {
  const installation = await createInstallation()
  const { database } = installation
  const module = await startModule({ companies: crawls })
  const idle = await addSource(database, { source_name: 'idle', invocation_endpoint: module.endpoint })
  const planned = await addTask(database, idle, {
    schedule_type: 'REGULAR',
    scheduled_at: new Date(Date.now() + 3_600_000),
  })
  const source = await addSource(database, { source_name: 'affinity', invocation_endpoint: module.endpoint })
  await addTask(database, source, { schedule_type: 'REGULAR', scheduled_at: new Date(Date.now() + 3_600_000) })
  await installation.start('scheduler', byTrigger)
  const task = await addTask(database, source)
  await trigger(installation)
  await waitFor('the call', () => module.calls.length > 0)
  expect(module.calls).toMatchObject([{ route: 'companies', body: { task_id: task, companies: null } }])
  await finishTask(installation, source, task)
  await waitFor(
    'SUCCESS',
    async () => (await readTasks(database, source)).find((one) => one.task_id === task)?.status === 'SUCCESS',
  )
  expect(await readTasks(database, idle)).toMatchObject([{ task_id: planned, status: 'PENDING' }])
})

test('a module that never answers costs its own task its attempts, and others nothing', async () => {
  const installation = await createInstallation()
  const { database } = installation
  const silent = await startModule({ companies: saysNothing })
  const good = await startModule({ companies: crawls })
  const stuck = await addSource(database, { invocation_endpoint: silent.endpoint, max_run_seconds: 1 })
  const other = await addSource(database, { invocation_endpoint: good.endpoint })
  await installation.start('scheduler', {
    ...byClock,
    RETRY_BACKOFF_SECONDS: '1',
    MAX_ATTEMPTS: '2',
    LONGEST_RUN_SECONDS: '1',
  })
  await waitFor('the other call', () => good.bodies('companies').length === 1)
  await finishTask(installation, other, (await statusOf(installation, other))?.task_id ?? 0)
  await becomes(installation, other, 'SUCCESS')
  const failed = await becomes(installation, stuck, 'FAILED')
  expect(failed).toMatchObject({
    attempts: 2,
    ended_at: expect.any(String) as string,
    outcome: 'failed',
    reason: expect.stringMatching(/within/) as string,
  })
  expect(silent.bodies('companies')).toHaveLength(2)
  expect(good.bodies('companies')).toHaveLength(1)
})

test('every way not to answer as agreed fails the task with its reason', async () => {
  const installation = await createInstallation()
  const companies = async (answer: Answer) => (await startModule({ companies: answer })).endpoint
  const cases: [endpoint: string, reason: string][] = [
    ['http://127.0.0.1:1', 'ECONNREFUSED'],
    ['http://169.254.169.254', 'ALLOWED_PRIVATE_NETWORKS'],
    ['', 'address of a mining module'],
    [await companies((_, response) => response.writeHead(500).end('<h1>broken</h1>')), '500: <h1>broken'],
    [await companies((_, response) => response.destroy()), '/companies: '],
    [await companies((_, response) => response.writeHead(302, { location: '/' }).end()), '302'],
    [await companies((_, response) => response.end('x'.repeat(2000))), '1000 bytes'],
  ]
  const sources: number[] = []
  for (const [invocation_endpoint] of cases)
    sources.push(await addSource(installation.database, { invocation_endpoint }))
  await installation.start('scheduler', {
    ...byClock,
    LOST_CALL_GRACE_SECONDS: '0',
    MAX_ATTEMPTS: '1',
    MAX_ANSWER_BYTES: '1000',
  })
  for (const [index, [, reason]] of cases.entries())
    expect(await becomes(installation, sources[index] ?? 0, 'FAILED')).toMatchObject({
      attempts: 1,
      ended_at: expect.any(String) as string,
      outcome: 'failed',
      reason: expect.stringContaining(reason) as string,
    })
})

test('a run whose call was lost goes on while it feeds, and is SUCCESS', async () => {
  const installation = await createInstallation()
  const module = await startModule({ companies: (_, response) => response.destroy() })
  const source = await addSource(installation.database, { invocation_endpoint: module.endpoint })
  await installation.start('scheduler', { ...byClock, LOST_CALL_GRACE_SECONDS: '60', SETTLE_SECONDS: '1' })
  const lost = await waitFor('the lost call', async () => {
    const task = await statusOf(installation, source)
    return task?.call_error ? task : null
  })
  await feedTask(installation, lost.task_id, 1, 2)
  const errors = { '1': { error_type: 'CrawlingError', error_description: 'subreddits is unsupported' } }
  await finishTask(installation, source, lost.task_id, { errors, result_summary: JSON.stringify(errors) })
  await becomes(installation, source, 'SUCCESS')
  await waitFor('the outcome', async () => (await statusOf(installation, source))?.outcome)
  expect(await statusOf(installation, source)).toMatchObject({
    attempts: 1,
    fed: 2,
    outcome: 'partial',
    reason: null,
    result_summary: JSON.stringify(errors),
  })
})

test('a module that never sends a payload again is asked for just the company whose payload was refused', async () => {
  const installation = await createInstallation()
  const { database } = installation
  const [fed, refused, unknown] = [
    await addCompany(database, 'Fed'),
    await addCompany(database, 'Refused'),
    await addCompany(database, 'Unknown'),
  ]
  const error = {
    error_type: 'AnalyticsError',
    error_description: 'API request failed with status code 503,response: x',
  }
  let source = 0
  const module = await startModule({
    discover: knows({ Fed: ['fed'], Refused: ['refused'], Unknown: ['unknown'] }),
    companies: ({ body }, response) => {
      const { task_id, companies } = body as { task_id: number; companies: Record<string, unknown> }
      const errors = companies[fed] ? { [refused]: error } : {}
      const finish = () => finishTask(installation, source, task_id, { errors, result_summary: JSON.stringify(errors) })
      void feedTask(installation, task_id, companies[fed] ? fed : refused)
        .then(finish)
        .then(() => response.end('{}'))
    },
  })
  source = await addSource(database, { invocation_endpoint: module.endpoint })
  await installation.start('scheduler', { ...byClock, SETTLE_SECONDS: '1', RETRY_BACKOFF_SECONDS: '1' })
  await waitFor('the end of both runs', async () => {
    const tasks = (await readTasks(database, source)).filter(({ status }) => status === 'SUCCESS')
    expect(tasks).toMatchObject([
      { schedule_type: 'REGULAR', outcome: 'partial', fed: 1 },
      { schedule_type: 'ON_DEMAND', outcome: 'ok', fed: 1 },
    ])
    return true
  })
  const asked = module.bodies('companies').map((body) => Object.keys((body as { companies: object }).companies))
  expect(asked).toEqual([[fed, refused, unknown].map(String), [String(refused)]])
})

test('a task deleted while it runs ends its run, and a finish that names it troubles nobody', async () => {
  const installation = await createInstallation()
  const { database } = installation
  const module = await startModule({ companies: saysNothing })
  const [gone, stays] = [
    await addSource(database, { invocation_endpoint: module.endpoint }),
    await addSource(database, { invocation_endpoint: module.endpoint }),
  ]
  await installation.start('scheduler', byClock)
  await waitFor('both calls', () => module.bodies('companies').length === 2)
  const [task, other] = [await statusOf(installation, gone), await statusOf(installation, stays)]
  await database.query('DELETE FROM data_source WHERE id = $1', [gone])
  await waitFor('the run to be closed', async () => {
    const [run] = await database.query('SELECT outcome, reason FROM scheduler.run WHERE task_id = $1', [task?.task_id])
    expect(run).toEqual({ outcome: 'failed', reason: 'the task was deleted' })
    return true
  })
  await finishTask(installation, gone, task?.task_id ?? 0)
  await finishTask(installation, stays, other?.task_id ?? 0)
  await becomes(installation, stays, 'SUCCESS')
  expect(await database.query('SELECT count(*)::int FROM scheduled_task WHERE data_source_id = $1', [gone])).toEqual([
    { count: 0 },
  ])
})

test('discovery that fails for one company stops no other, and is not repeated in its back-off', async () => {
  const installation = await createInstallation()
  const { database } = installation
  const known = knows({ Good: ['good'] })
  const module = await startModule({
    companies: crawls,
    discover: (call, response) => {
      const [{ name }] = call.body as [{ name: string }]
      if (name === 'Broken') response.writeHead(500).end('br\0ken')
      else if (name === 'Cut') response.destroy()
      else if (name === 'Endless') response.end('x'.repeat(2000))
      else if (name === 'HTML') response.end('<h1>hello</h1>')
      else if (name === 'Moved') response.writeHead(302, { location: '/' }).end()
      else if (name === 'Other')
        response.end('{"identifiers":{"4711":{"handles":["x"]}},"validity":"2099-01-01T00:00:00"}')
      else known(call, response)
    },
  })
  const names = ['Broken', 'Cut', 'Endless', 'HTML', 'Moved', 'Other', 'Nobody', 'Good']
  const ids = []
  for (const name of names) ids.push(await addCompany(database, name))
  const source = await addSource(database, { invocation_endpoint: module.endpoint })
  await installation.start('scheduler', { ...byTrigger, MAX_ANSWER_BYTES: '1000' })
  await waitFor('the call', () => module.bodies('companies').length === 1)
  const companies = { [ids.at(-1) ?? 0]: { handles: ['good'] } }
  expect(module.bodies('companies')).toMatchObject([{ companies }])
  expect(module.bodies('discover')).toHaveLength(names.length)
  const misses = await database.query<{ verdict: string }>(
    'SELECT verdict FROM scheduler.discovery ORDER BY company_id',
  )
  expect(misses.map(({ verdict }) => verdict)).toEqual([...Array<string>(6).fill('failed'), 'empty'])

  await finishTask(installation, source, (await statusOf(installation, source))?.task_id ?? 0)
  await becomes(installation, source, 'SUCCESS')
  await addTask(database, source)
  await trigger(installation)
  await waitFor('the second call', () => module.bodies('companies').length === 2)
  expect(module.bodies('companies')[1]).toMatchObject({ companies })
  expect(module.bodies('discover')).toHaveLength(names.length)
})

test('a run for which every discovery failed is tried again, and not called done', async () => {
  const installation = await createInstallation()
  const { database } = installation
  let down = true
  const known = knows({ Good: ['good'] })
  const module = await startModule({
    companies: crawls,
    discover: (call, response) => void (down ? response.writeHead(503).end() : known(call, response)),
  })
  await addCompany(database, 'Good')
  const source = await addSource(database, { invocation_endpoint: module.endpoint })
  await installation.start('scheduler', { ...byClock, RETRY_BACKOFF_SECONDS: '3', DISCOVERY_FAILED_SECONDS: '1' })
  const waiting = await becomes(installation, source, 'PENDING')
  expect(waiting.reason).toMatch(/no company has identifiers: \/discover answered 503/)
  down = false
  await waitFor('the call', () => module.bodies('companies').length === 1)
  expect(await statusOf(installation, source)).toMatchObject({ status: 'PROCESSING', attempts: 2 })
})

test('stops at once with a call open, which is neither lost nor repeated', async () => {
  const installation = await createInstallation()
  const module = await startModule({ companies: saysNothing })
  const source = await addSource(installation.database, { invocation_endpoint: module.endpoint })
  const scheduler = await installation.start('scheduler', byClock)
  await waitFor('the call', () => module.calls.length === 1)
  expect(await scheduler.stop(10_000)).toBe(0)
  expect(await statusOf(installation, source)).toMatchObject({ status: 'PROCESSING', attempts: 1, call_error: null })
  await installation.start('scheduler', byClock)
  await finishTask(installation, source, (await statusOf(installation, source))?.task_id ?? 0)
  await becomes(installation, source, 'SUCCESS')
  expect(module.calls).toHaveLength(1)
})

test('what goes down and comes back is told once each; a trigger that names a company runs it alone, once', async () => {
  const installation = await createInstallation()
  const { database, env } = installation
  let down = true
  const module = await startModule({
    discover: knows({ Langfuse: ['langfuse'], Aleph: ['aleph'] }),
    companies: (call, response) => void (down ? response.writeHead(500).end('broken') : crawls(call, response)),
  })
  await addCompany(database, 'Langfuse')
  const aleph = await addCompany(database, 'Aleph')
  const own = { MAX_ATTEMPTS: '1', DOWN_AFTER_RUNS: '1', LOST_CALL_GRACE_SECONDS: '0', SETTLE_SECONDS: '0' }
  await installation.start('scheduler', { ...byClock, ...own })
  const source = await addSource(database, { invocation_endpoint: module.endpoint })
  const codec = createCodec(createRegistry(env.SCHEMA_REGISTRY_URL ?? ''))
  const told = async (count: number) =>
    waitFor(`${count} events`, async () => {
      const records = await installation.topics.read(topics.opsEvents.name)
      const events = await Promise.all(records.map(({ value }) => codec.decode(topics.opsEvents, value ?? Buffer.of())))
      expect(events).toHaveLength(count)
      return events
    })
  const health = async () => (await database.query('SELECT health_status FROM data_source WHERE id = $1', [source]))[0]

  const story = { kind: 'source-down', data_source_id: source, subject: 'github', dedupe_key: `source-down/${source}` }
  const [opened] = await told(1)
  expect(opened).toMatchObject({ ...story, resolved: false, message: expect.stringContaining('500: broken') as string })
  expect(await health()).toEqual({ health_status: 'DOWN' })

  down = false
  await trigger(installation, { data_source_id: source, company_id: String(aleph) })
  await waitFor('the second call', () => module.bodies('companies').length === 2)
  expect(module.bodies('companies')[1]).toMatchObject({ companies: { [aleph]: { handles: ['aleph'] } } })
  expect(Object.keys((module.bodies('companies')[1] as { companies: object }).companies)).toHaveLength(1)
  const [task, ...more] = await database.query<{ task_id: number }>(
    `SELECT task_id FROM scheduled_task WHERE schedule_type = 'ON_DEMAND'`,
  )
  // The same trigger was sent on each partition.
  expect(more).toEqual([])
  await finishTask(installation, source, task?.task_id ?? 0)
  const events = await told(2)
  expect(events.find(({ resolved }) => resolved)).toMatchObject(story)
  expect(await health()).toEqual({ health_status: 'UP' })
})
