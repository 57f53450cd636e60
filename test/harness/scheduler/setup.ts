import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { createCodec } from '#schemas/codec.ts'
import type { CrawlFinished } from '#schemas/generated/types.ts'
import { createRegistry } from '#schemas/registry.ts'
import { type Topic, topics } from '#schemas/topics.ts'
import { createDatabase, type TestDatabase } from '../database.ts'
import type { Installation } from '../installation.ts'
import { serve } from '../serve.ts'

export type ModuleCall = { route: string; headers: IncomingHttpHeaders; body: unknown }
export type Answer = (call: ModuleCall, response: ServerResponse) => void

export type FakeModule = {
  endpoint: string
  calls: ModuleCall[]
  /** Bodies of all calls of a route so far. */
  bodies(route: string): unknown[]
}

/** A mining module over HTTP, below a path prefix; routes without an answer answer 404, as a module that lacks them does. */
export async function startModule(answers: Record<string, Answer>): Promise<FakeModule> {
  const calls: ModuleCall[] = []
  const url = await serve(async (request, response) => {
    const route = request.url?.replace('/prefix/', '') ?? ''
    const call = { route, headers: request.headers, body: (await json(request)) as unknown }
    calls.push(call)
    const answer = answers[route]
    if (answer) answer(call, response)
    else response.writeHead(404).end()
  })
  return {
    endpoint: `${url}/prefix/`,
    calls,
    bodies: (route) => calls.filter((call) => call.route === route).map(({ body }) => body),
  }
}

/** Answers /discover with `handles` by company name; a name that is not in it is unknown. */
export function knows(handles: Record<string, string[]>): Answer {
  return ({ body }, response) => {
    const [company] = body as [{ company_id: string; name: string }]
    const identifiers = { [company.company_id]: { handles: handles[company.name] ?? [] } }
    response.end(JSON.stringify({ identifiers, validity: '2099-01-01T00:00:00.123456' }))
  }
}

export const crawls: Answer = (_, response) => response.end('{"return_message":"Notified about crawling finished"}')
export const saysNothing: Answer = () => undefined

type SourceColumns = Partial<{
  source_name: string
  is_active: boolean
  frequency: string
  max_run_seconds: number
  invocation_endpoint: string
}>

/** A data source that was registered an hour ago; parma-web's trigger links it to all companies. */
export async function addSource(database: TestDatabase, columns: SourceColumns = {}): Promise<number> {
  const { source_name = 'github', is_active = true, frequency = 'DAILY', max_run_seconds = 300 } = columns
  const [row] = await database.query<{ id: number }>(
    `INSERT INTO data_source (source_name, is_active, frequency, health_status, max_run_seconds, invocation_endpoint, created_at, modified_at)
     VALUES ($1, $2, $3::frequency, 'UP', $4, $5, now() - interval '1 hour', now() - interval '1 hour') RETURNING id`,
    [source_name, is_active, frequency, max_run_seconds, columns.invocation_endpoint ?? ''],
  )
  return row?.id ?? 0
}

export async function addCompany(database: TestDatabase, name: string): Promise<number> {
  const [row] = await database.query<{ id: number }>(
    'INSERT INTO company (name, modified_at) VALUES ($1, now()) RETURNING id',
    [name],
  )
  return row?.id ?? 0
}

/** A task as parma-web makes it when somebody presses "Schedule"; or any other, with `more`. */
export async function addTask(
  database: TestDatabase,
  sourceId: number,
  more: Record<string, unknown> = {},
): Promise<number> {
  const columns: Record<string, unknown> = { data_source_id: sourceId, schedule_type: 'ON_DEMAND', ...more }
  const names = Object.keys(columns)
  const places = names.map((_, index) => `$${index + 1}`)
  const [row] = await database.query<{ task_id: number }>(
    `INSERT INTO scheduled_task (${names.join(', ')}) VALUES (${places.join(', ')}) RETURNING task_id`,
    Object.values(columns),
  )
  return row?.task_id ?? 0
}

export type TaskRow = { task_id: number; status: string; attempts: number; schedule_type: string } & Record<
  string,
  unknown
>

/** The tasks of a source, oldest first, with their runs; times as UTC text. */
export function readTasks(database: TestDatabase, sourceId: number): Promise<TaskRow[]> {
  return database.query<TaskRow>(
    `SELECT t.task_id, t.status, t.attempts, t.schedule_type, t.max_run_seconds, t.result_summary, t.scheduled_at::text,
       t.started_at::text, t.ended_at::text, r.outcome, r.reason, r.fed::int, r.finish_late, r.call_error, r.claim_token::int
     FROM scheduled_task t LEFT JOIN scheduler.run r USING (task_id) WHERE t.data_source_id = $1 ORDER BY t.task_id`,
    [sourceId],
  )
}

/**
 * A database whose now() is what `set` says (ms since 1970): it looks for functions in a schema of ours first. Only
 * connections that are opened from now on see it. It does not wait for the disk, on which nothing of it is wanted.
 */
export async function createDatabaseInTime(
  at: number,
): Promise<{ tables: TestDatabase; set(at: number): Promise<void> }> {
  const tables = await createDatabase()
  await tables.query(`
    CREATE SCHEMA sim;
    CREATE TABLE sim.clock (at timestamptz NOT NULL);
    INSERT INTO sim.clock VALUES (to_timestamp(${at / 1000}));
    CREATE FUNCTION sim.now() RETURNS timestamptz STABLE LANGUAGE sql AS 'SELECT at FROM sim.clock';
    ALTER DATABASE ${tables.name} SET search_path = sim, pg_catalog, public;
    ALTER DATABASE ${tables.name} SET synchronous_commit = off`)
  const set = async (at: number) => void (await tables.query('UPDATE sim.clock SET at = to_timestamp($1)', [at / 1000]))
  return { tables, set }
}

/** The bytes of a record as a service of the installation would send it. */
export function encode<T>({ env, topics: { prefix } }: Installation, topic: Topic<T>, value: T): Promise<Buffer> {
  return createCodec(createRegistry(env.SCHEMA_REGISTRY_URL ?? '')).encode(topic, prefix + topic.name, value)
}

/** A finish record, without errors. */
export function finishOf(sourceId: number, taskId: number, more: Partial<CrawlFinished> = {}): CrawlFinished {
  const record = { event_id: randomUUID(), data_source_id: sourceId, task_id: taskId, received_at: Date.now() }
  return { ...record, result_summary: '{}', errors: {}, ...more }
}

/** A module finishes a task. */
export async function finishTask(
  installation: Installation,
  ...[sourceId, taskId, more]: Parameters<typeof finishOf>
): Promise<void> {
  const value = await encode(installation, topics.crawlFinished, finishOf(sourceId, taskId, more))
  await installation.topics.produce(topics.crawlFinished.name, [{ key: String(sourceId), value }])
}

/** Payloads of a run, one of each company, as the scheduler sees them: it must not look into them. */
export async function feedTask(
  { topics: { produce } }: Installation,
  taskId: number,
  ...companies: number[]
): Promise<void> {
  const records = companies.map((company) => ({
    key: String(company),
    value: 'not for the scheduler',
    headers: { event_id: randomUUID(), task_id: String(taskId) },
  }))
  await produce(topics.rawPayloads.name, records)
}
