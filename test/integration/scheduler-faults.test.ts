import { beforeAll, expect, test } from 'vitest'
import type { ServerResponse } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { waitFor } from '../harness/wait-for.ts'
import {
  addCompany,
  addSource,
  type Answer,
  feedTask,
  type finishOf,
  finishTask,
  knows,
  type ModuleCall,
  readTasks,
  saysNothing,
  startModule,
  type TaskRow,
} from '../harness/scheduler/setup.ts'

/** Deadlines so short that a test sees them pass. */
const settings = {
  ALLOWED_PRIVATE_NETWORKS: '127.0.0.0/8',
  TICK_SECONDS: '1',
  FIRST_RUN_UNMAPPED_SECONDS: '0',
  FIRST_RUN_QUIET_SECONDS: '0',
  MAX_ATTEMPTS: '1',
  LONGEST_RUN_SECONDS: '15',
  SETTLE_SECONDS: '2',
  LOST_CALL_GRACE_SECONDS: '2',
  MAX_ANSWER_BYTES: '1000',
  MODULE_RUNS_AT_ONCE: '100',
  BREAKER_FAILURES: '1000',
}

let installation: Installation
beforeAll(async () => {
  installation = await createInstallation()
})

const finish = (...finish: Parameters<typeof finishOf>) => finishTask(installation, ...finish)
const feed = (taskId: number, companyId: number) => feedTask(installation, taskId, companyId)

/** A module that writes for as long as it is listened to. */
function write(response: ServerResponse, text: string, everyMs: number): void {
  const timer = setInterval(() => response.write(text), everyMs)
  response.on('close', () => clearInterval(timer)).on('error', () => undefined)
}

type Fault = {
  name: string
  /** What becomes of `POST /companies`; undefined: there is no module. */
  answer?: (source: number, task: number, response: ServerResponse, other: number) => void | Promise<void>
  maxRunSeconds?: number
  expected: Partial<TaskRow> & Record<string, unknown>
}

const text = (part: string | RegExp) => expect.stringMatching(part) as string
const failed = (reason: string | RegExp) => ({
  status: 'FAILED',
  attempts: 1,
  ended_at: text(/./),
  outcome: 'failed',
  fed: 0,
  finish_late: false,
  reason: text(reason),
})
const done = {
  status: 'SUCCESS',
  attempts: 1,
  ended_at: text(/./),
  reason: null,
  finish_late: false,
  result_summary: '{}',
}
const errors = { '1': { error_type: 'CrawlingError', error_description: 'x' } }
const summary = JSON.stringify(errors)

const faults: Fault[] = [
  {
    name: 'slow drip',
    answer: (_s, _t, response) => write(response, ' ', 100),
    maxRunSeconds: 3,
    expected: failed(/within/),
  },
  {
    name: 'endless body',
    answer: (_s, _t, response) => write(response, 'x'.repeat(400), 10),
    expected: failed('more than 1000 bytes'),
  },
  {
    name: 'takes four times its time, and feeds',
    answer: async (source, task, response) => {
      response.writeHead(202).end('{}')
      for (let company = 1; company <= 8; company++) {
        await feed(task, company)
        await setTimeout(1000)
      }
      await finish(source, task)
    },
    maxRunSeconds: 2,
    expected: { ...done, outcome: 'ok', fed: 8 },
  },
  {
    name: 'takes four times its time for one company, with its call open',
    answer: async (source, task, response) => {
      await setTimeout(8000)
      await feed(task, 1)
      await finish(source, task)
      response.end('{}')
    },
    maxRunSeconds: 2,
    expected: { ...done, outcome: 'ok', fed: 1 },
  },
  {
    name: '500',
    answer: (_s, _t, response) => void response.writeHead(500).end('broken'),
    expected: failed('/companies answered 500: broken'),
  },
  {
    name: '500 with what Postgres cannot store',
    answer: (_s, _t, response) => void response.writeHead(500).end('br\0ken'),
    expected: failed('/companies answered 500: br ken'),
  },
  {
    name: 'HTML',
    answer: (_s, _t, response) => void response.end('<h1>hello</h1>'),
    maxRunSeconds: 3,
    expected: failed('answered, but not finished within 3 s'),
  },
  {
    name: 'wrong JSON',
    answer: (_s, _t, response) => void response.end('{"return_mess'),
    maxRunSeconds: 3,
    expected: failed('answered, but not finished within 3 s'),
  },
  {
    name: 'redirect',
    answer: (_s, _t, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    expected: failed('302'),
  },
  {
    name: 'closed connection',
    answer: (_s, _t, response) => void response.destroy(),
    expected: failed('/companies: '),
  },
  { name: 'no module', expected: failed('ECONNREFUSED') },
  {
    name: 'closed connection, and crawls on',
    answer: async (source, task, response) => {
      response.destroy()
      await feed(task, 1)
      await finish(source, task)
    },
    expected: { ...done, outcome: 'ok', fed: 1 },
  },
  {
    name: 'finishes twice',
    answer: async (source, task, response) => {
      await feed(task, 1)
      await finish(source, task, { errors, result_summary: summary })
      await finish(source, task)
      response.end('{}')
    },
    expected: { ...done, outcome: 'ok', fed: 1 },
  },
  {
    name: 'errors and nothing fed',
    answer: async (source, task, response) => {
      await finish(source, task, { errors, result_summary: summary })
      response.end('{}')
    },
    expected: { ...failed('nothing was fed'), result_summary: summary },
  },
  {
    name: 'errors and something fed',
    answer: async (source, task, response) => {
      await feed(task, 1)
      await finish(source, task, { errors, result_summary: summary })
      response.end('{}')
    },
    expected: { ...done, outcome: 'partial', fed: 1, result_summary: summary },
  },
  {
    name: "finishes another source's task",
    answer: async (source, task, response, other) => {
      await finish(other, task)
      response.end('{}')
      expect(source).not.toBe(other)
    },
    maxRunSeconds: 3,
    expected: failed('answered, but not finished within 3 s'),
  },
  {
    name: 'finishes unknown tasks',
    answer: async (source, task, response) => {
      for (const unknown of [0, -1, 2 ** 31 - 1]) await finish(source, unknown)
      await finish(source, task)
      response.end('{}')
    },
    expected: { ...done, outcome: 'ok', fed: 0 },
  },
  {
    name: 'finishes late',
    answer: (source, task) =>
      void waitFor(
        'the deadline',
        async () => (await readTasks(installation.database, source))[0]?.status === 'FAILED',
      ).then(() => finish(source, task)),
    maxRunSeconds: 2,
    expected: { ...done, outcome: 'ok', fed: 0, finish_late: true },
  },
]

test('whatever modules answer, each task ends as the table says, and once', async () => {
  const { database } = installation
  const sources = new Map<string, number>()
  const modules = new Map<string, { bodies(route: string): unknown[] }>()
  let other = 0
  for (const { name, answer, maxRunSeconds = 60 } of faults) {
    const respond: Answer = ({ body }: ModuleCall, response) =>
      void answer?.(sources.get(name) ?? 0, (body as { task_id: number }).task_id, response, other)
    const module = answer ? await startModule({ companies: respond }) : null
    if (module) modules.set(name, module)
    // Switched on below, all at once, when everybody knows everybody.
    const columns = { source_name: name, is_active: false, max_run_seconds: maxRunSeconds }
    sources.set(
      name,
      await addSource(database, { ...columns, invocation_endpoint: module?.endpoint ?? 'http://127.0.0.1:1' }),
    )
  }
  other = await addSource(database, { source_name: 'other', is_active: false })
  const replicas = [await installation.start('scheduler', settings), await installation.start('scheduler', settings)]
  await database.query(`UPDATE data_source SET is_active = true WHERE source_name <> 'other'`)

  for (const { name, expected } of faults) {
    const final = await waitFor(`the end of ${name}`, async () => {
      const [task] = await readTasks(database, sources.get(name) ?? 0)
      expect(task).toMatchObject(expected)
      return task
    })
    expect(final.claim_token, `claims of ${name}`).toBe(1)
    expect(modules.get(name)?.bodies('companies') ?? [1], `calls of ${name}`).toHaveLength(1)
  }
  // And nothing else is there: the next slot of each, a run for each, a reason for each finish that was refused.
  const rows = await database.query(
    `SELECT source_name AS name, array_remove(array_agg(concat_ws(' ', schedule_type, status, attempts) ORDER BY task_id), '') AS tasks
     FROM data_source s LEFT JOIN scheduled_task t ON t.data_source_id = s.id GROUP BY s.id ORDER BY s.id`,
  )
  const tasks = ({ status }: Fault['expected']) => [`REGULAR ${status} 1`, 'REGULAR PENDING 0']
  expect(rows).toEqual([
    ...faults.map(({ name, expected }) => ({ name, tasks: tasks(expected) })),
    { name: 'other', tasks: [] },
  ])
  const [runs] = await database.query('SELECT count(*)::int AS all, count(outcome)::int AS settled FROM scheduler.run')
  expect(runs).toEqual({ all: faults.length, settled: faults.length })
  await waitFor('the reasons', async () => {
    const refused = await database.query(
      'SELECT reason, count(*)::int FROM scheduler.event_status WHERE reason IS NOT NULL GROUP BY reason ORDER BY reason',
    )
    expect(refused).toEqual([
      { reason: 'task of another source', count: 1 },
      { reason: 'unknown task', count: 3 },
    ])
    return true
  })
  for (const replica of replicas) expect(await replica.stop()).toBe(0)
})

test('a scheduler that freezes past its claim and thaws calls nobody, and its words change nothing', async () => {
  const { database } = installation
  await database.query('UPDATE data_source SET is_active = false')
  await addCompany(database, 'Langfuse')
  const waiting: (() => void)[] = []
  const known = knows({ Langfuse: ['langfuse'] })
  const module = await startModule({
    // The first one who asks gets its answer when it has been frozen and has thawed.
    discover: (call, response) => {
      if (waiting.length > 0) known(call, response)
      else waiting.push(() => known(call, response))
    },
    companies: (_, response) => void response.end('{}'),
  })
  const own = { ...settings, MAX_ATTEMPTS: '3', RETRY_BACKOFF_SECONDS: '1' }
  const frozen = await installation.start('scheduler', own)
  const columns = { source_name: 'frozen', invocation_endpoint: module.endpoint, max_run_seconds: 600 }
  const source = await addSource(database, columns)
  await waitFor('the first attempt to ask', () => waiting.length === 1)
  process.kill(frozen.pid, 'SIGSTOP')
  await database.query(
    `UPDATE scheduled_task SET started_at = started_at - interval '601 seconds' WHERE data_source_id = $1 AND status = 'PROCESSING'`,
    [source],
  )
  await installation.start('scheduler', own)
  await waitFor('the second attempt to call', () => module.bodies('companies').length === 1)
  const [before] = await readTasks(database, source)
  expect(before).toMatchObject({ status: 'PROCESSING', attempts: 2, claim_token: 2 })
  process.kill(frozen.pid, 'SIGCONT')
  waiting[0]?.()
  await waitFor('the frozen one to see that its claim is lost', () => frozen.logs().includes('claim_lost'))
  expect(module.bodies('companies')).toHaveLength(1)
  await finish(source, before?.task_id ?? 0)
  await waitFor('the end', async () => (await readTasks(database, source))[0]?.outcome === 'ok')
  expect((await readTasks(database, source))[0]).toMatchObject({
    status: 'SUCCESS',
    attempts: 2,
    claim_token: 2,
    call_error: null,
  })
})

test('a database that drops everybody in the middle of claims, and sources deleted in the middle of runs: no start is lost, none is double', async () => {
  const { database } = installation
  await database.query('UPDATE data_source SET is_active = false')
  const sources: number[] = []
  const answers = Array.from({ length: 30 }, (_, n): [string, Answer] => [
    `n${n}/companies`,
    ({ body }, response) => {
      void finish(sources[n] ?? 0, (body as { task_id: number }).task_id)
      response.end('{}')
    },
  ])
  const module = await startModule(Object.fromEntries(answers))
  const silent = await startModule({ companies: saysNothing })
  const add = (invocation_endpoint: string, max_run_seconds: number) =>
    addSource(database, { source_name: 'affinity', is_active: false, invocation_endpoint, max_run_seconds })
  for (let n = 0; n < answers.length; n++) sources.push(await add(`${module.endpoint}n${n}`, 15))
  const gone: number[] = []
  for (let n = 0; n < 5; n++) gone.push(await add(silent.endpoint, 600))
  const own = { ...settings, MAX_ATTEMPTS: '9', RETRY_BACKOFF_SECONDS: '1' }
  await Promise.all([installation.start('scheduler', own), installation.start('scheduler', own)])

  // A claim whose answer is lost is made again after max_run_seconds: these have 600 s, so they come before the drops.
  await database.query('UPDATE data_source SET is_active = true WHERE id = ANY($1)', [gone])
  await waitFor('the calls of sources to be deleted', () => silent.calls.length === gone.length)
  await database.query('UPDATE data_source SET is_active = true WHERE id = ANY($1)', [sources])
  let drops = 0
  await waitFor('all calls', async () => {
    // What clients see of a restart.
    if (drops++ < 20)
      await database.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      )
    expect(new Set(module.calls.map(({ route }) => route)).size).toBe(sources.length)
    return true
  })
  expect(silent.calls).toHaveLength(gone.length)
  await database.query('DELETE FROM data_source WHERE id = ANY($1)', [gone])

  for (const [n, source] of sources.entries()) {
    const [task, next, ...more] = await waitFor(`the end of run ${n}`, async () => {
      const tasks = await readTasks(database, source)
      expect(tasks).toMatchObject([{ status: 'SUCCESS', outcome: 'ok', reason: null }, { status: 'PENDING' }])
      return tasks
    })
    expect(next).toMatchObject({ attempts: 0, schedule_type: 'REGULAR' })
    expect(more).toEqual([])
    // An answer of the database that was lost costs an attempt; none calls twice.
    expect(task?.claim_token).toBe(task?.attempts)
    const calls = module.calls.filter(({ route }) => route === `n${n}/companies`)
    expect(calls.length).toBeLessThanOrEqual(task?.attempts ?? 0)
  }
  await waitFor('the runs of deleted sources to be closed', async () => {
    const runs = await database.query(
      'SELECT outcome, reason, excused FROM scheduler.run WHERE data_source_id = ANY($1) AND started_at IS NOT NULL',
      [gone],
    )
    expect(runs).toEqual(gone.map(() => ({ outcome: 'failed', reason: 'the task was deleted', excused: true })))
    return true
  })
  expect(await database.query('SELECT FROM scheduled_task WHERE data_source_id = ANY($1)', [gone])).toEqual([])
})
