import { randomUUID } from 'node:crypto'
import { beforeEach } from 'vitest'
import { createLog } from '#runtime/process/log.ts'
import type { Delivery } from '#runtime/consume/outcome.ts'
import { type Database, openPool } from '#runtime/postgres/database.ts'
import type { CrawlFinished } from '#schemas/generated/types.ts'
import { type Claim, claimDue } from '../../../services/scheduler/claims.ts'
import { type Config, readConfig } from '../../../services/scheduler/config.ts'
import { countFeeds } from '../../../services/scheduler/inbox/raw-payloads.ts'
import { takeFinishes } from '../../../services/scheduler/inbox/crawl-finished.ts'
import { readSources } from '../../../services/scheduler/sources.ts'
import { onCleanup } from '../cleanup.ts'
import { createDatabase, type TestDatabase } from '../database.ts'
import { testEnv } from '../stack.ts'
import { readTasks } from './setup.ts'

/** Each test of a file that imports this has a database and settings of its own. */
export let tables: TestDatabase
export let database: Database
export let config: Config
beforeEach(async () => {
  tables = await createDatabase()
  config = readConfig({
    ...testEnv(),
    DATABASE_URL: tables.url,
    DATABASE_POOL_SIZE: '8',
    FIRST_RUN_UNMAPPED_SECONDS: '60',
  })
  database = await openPool(config)
  onCleanup(() => database.end())
})

export function configure(settings: Partial<Config>): void {
  config = { ...config, ...settings }
}

export const look = () => readSources(config, database)
export const claim = async (limit = 1000) => claimDue(config, database, await look(), limit)
export const idsOf = (claims: readonly Claim[]) => claims.map(({ task_id }) => task_id)
export const only = async (sourceId: number) => (await readTasks(tables, sourceId))[0]

/** Moves a task and its run into the past, as if `seconds` had gone by since. */
export async function age(taskId: number, seconds: number): Promise<void> {
  await tables.query(
    `UPDATE scheduled_task SET started_at = started_at - $2 * interval '1 second' WHERE task_id = $1`,
    [taskId, seconds],
  )
  await tables.query(
    `UPDATE scheduler.run SET call_seen_at = call_seen_at - $2 * interval '1 second', call_ended_at = call_ended_at - $2 * interval '1 second', retry_at = retry_at - $2 * interval '1 second',
       last_fed_at = last_fed_at - $2 * interval '1 second', finished_at = finished_at - $2 * interval '1 second' WHERE task_id = $1`,
    [taskId, seconds],
  )
}

export function delivery<T>(value: T, headers: Record<string, string> = {}): Delivery<T> {
  return { topic: 't', partition: 0, offset: '0', key: 'k', timestamp: 0, value, headers }
}

const errors = { '1': { error_type: 'CrawlingError', error_description: null } }
export const wrong = { errors, result_summary: JSON.stringify(errors) }

export async function finish(...records: CrawlFinished[]) {
  const handle = takeFinishes(config, { log: createLog('test', 'silent') }, database, () => undefined)
  return handle(records.map((record) => delivery(record)))
}

export async function feed(...headers: Record<string, string>[]) {
  return countFeeds(config, database)(headers.map((one) => delivery(undefined, one)))
}

/** One payload of a run about this company. */
export async function feedOf(taskId: number, companyId: number, observedAt?: number): Promise<void> {
  const observed: Record<string, string> = observedAt === undefined ? {} : { observed_at: String(observedAt) }
  const headers = { event_id: randomUUID(), task_id: String(taskId), ...observed }
  await countFeeds(config, database)([{ ...delivery(undefined, headers), key: String(companyId) }])
}

/** Gives a source a policy. */
export async function setPolicy(sourceId: number, columns: Record<string, unknown>): Promise<void> {
  const names = Object.keys(columns)
  await tables.query(
    `INSERT INTO scheduler.source_policy (data_source_id, ${names.join(', ')})
     VALUES ($1, ${names.map((_, index) => `$${index + 2}`).join(', ')})`,
    [sourceId, ...Object.values(columns)],
  )
}
