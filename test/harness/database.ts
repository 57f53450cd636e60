import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { onCleanup } from './cleanup.ts'
import { newDatabaseName, requireTestName, templateDatabase } from './database-names.ts'
import { stackEnv } from './stack.ts'

export type TestDatabase = {
  name: string
  /** The value of DATABASE_URL. */
  url: string
  /**
   * Rows of one statement. `bigint` and `numeric` come as text, times without zone as Dates in the zone of this
   * process.
   */
  query<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>
}

/**
 * A new database with all tables of parma-web and of our services, without rows. Dropped when the test has passed.
 * After a failure it stays as long as the stack runs (in watch mode), to be examined.
 */
export function createDatabase(): Promise<TestDatabase> {
  return copyDatabase(templateDatabase)
}

/** A new database without any table. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return copyDatabase('template0')
}

async function copyDatabase(template: string): Promise<TestDatabase> {
  const name = requireTestName(newDatabaseName())
  await onServer(`CREATE DATABASE ${name} TEMPLATE ${template}`)
  const url = urlOf(name)
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  // A server that a test stops ends idle connections; without a listener the event would also end this process.
  pool.on('error', () => undefined)
  onCleanup(async ({ failed }) => {
    await pool.end()
    if (failed) console.log(`database of the failed test: ${name}`)
    else await dropDatabase(name)
  })
  return { name, url, query: async (text, values) => (await pool.query(text, values)).rows }
}

/**
 * Copies a database while services use it, and returns the name of the copy: what a backup has at a point in time. The
 * services lose their connections, as in an outage of a moment.
 */
export async function backUp({ name }: TestDatabase): Promise<string> {
  const copy = requireTestName(newDatabaseName())
  onCleanup(() => dropDatabase(copy))
  let isMade = false
  // It holds up new connections, and waits for those that are there to end.
  const making = onServer(`CREATE DATABASE ${copy} TEMPLATE ${name}`).finally(() => (isMade = true))
  making.catch(() => undefined)
  while (!isMade) {
    await onServer(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`)
    await delay(50)
  }
  await making
  return copy
}

/** Makes of a database what it was when the copy was made. No service may run. */
export async function restoreBackUp({ name }: TestDatabase, copy: string): Promise<void> {
  await dropDatabase(name)
  await onServer(`CREATE DATABASE ${name} TEMPLATE ${copy}`)
}

/** Drops a test's database with all its connections. */
async function dropDatabase(name: string): Promise<void> {
  await onServer(`DROP DATABASE IF EXISTS ${requireTestName(name)} WITH (FORCE)`)
}

async function onServer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf('postgres') })
  client.on('error', () => undefined)
  await client.connect()
  await client.query(statement).finally(() => client.end())
}

function urlOf(database: string): string {
  const url = new URL(stackEnv().DATABASE_URL ?? '')
  url.pathname = `/${database}`
  return url.href
}
