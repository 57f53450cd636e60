import { createPgDriverFactory } from '@slonik/pg-driver'
import {
  createPool,
  createTypeParserPreset,
  type DatabasePool,
  type DatabaseTransactionConnection,
  type DriverFactory,
  type Interceptor,
  SchemaValidationError,
} from 'slonik'
import { createWaitMeter, measurePool } from '../observe/pool.ts'
import { readDatabaseAddress } from '../process/database-address.ts'
import type { PostgresSettings } from '../process/settings.ts'
import { classify, TransientError } from '../calls/retry.ts'
import type { ServiceContext } from '../process/service.ts'
import { explainTls } from './explain-tls.ts'
import { waitForSchema } from './schema-check.ts'

import { sql } from 'slonik'
export { sql }
export type Database = DatabasePool
export type SqlFragment = ReturnType<typeof sql.fragment>
export type Transaction = DatabaseTransactionConnection

/** Asks the server for a sign of life. */
export const sqlPing = sql.unsafe`SELECT 1`

/** Checks every row of a `sql.type(schema)` query against its schema. */
const checkRows: Interceptor = {
  name: 'check-rows',
  transformRow({ resultParser }, query, row) {
    const checked = resultParser?.['~standard'].validate(row)
    if (!checked) return row
    if (checked instanceof Promise) throw new TypeError('row schemas must not be asynchronous')
    if (checked.issues) throw new SchemaValidationError(query, row, checked.issues)
    return checked.value as typeof row
  },
}

/** Our ids and counts stay far below 2^53. Slonik gives a BigInt, which neither JSON nor a z.number() takes. */
const bigintAsNumber = { name: 'int8', parse: (text: string | null) => (text === null ? null : Number(text)) }

/**
 * A pool of connections that closes with the service. Times come back as ms since 1970 (UTC), bigint as number.
 * Readiness follows it: without Postgres the service is not ready, and still alive. Resolves when the service's schema has
 * all migrations that it needs.
 */
export async function openDatabase(settings: PostgresSettings, context: ServiceContext): Promise<Database> {
  const { scope, health, step } = context
  const pool = await step('connecting to Postgres', () => openPool(settings))
  scope.defer(() => pool.end())
  health.dependency('postgres', async () => void (await pool.query(sqlPing)))
  await waitForSchema(pool, context)
  return pool
}

/**
 * The same for commands, which close it themselves. An error that names the server when none answers there (a
 * TransientError), or when no TLS connection comes about.
 */
export async function openPool(settings: PostgresSettings): Promise<Database> {
  const { DATABASE_POOL_SIZE, DATABASE_QUERY_TIMEOUT_MS, DATABASE_IDLE_TRANSACTION_TIMEOUT_MS } = settings
  const { url, host, tls } = readDatabaseAddress(settings)
  const pool = await createPool(url, {
    ...(tls && { ssl: tls }),
    driverFactory: createDriverWithDeadlines(settings),
    statementTimeout: DATABASE_QUERY_TIMEOUT_MS,
    idleInTransactionSessionTimeout: DATABASE_IDLE_TRANSACTION_TIMEOUT_MS,
    gracefulTerminationTimeout: graceMs,
    maxPoolSize: DATABASE_POOL_SIZE,
    idleTimeout: 60_000,
    interceptors: [createWaitMeter(), checkRows],
    typeParsers: [...createTypeParserPreset().filter(({ name }) => name !== 'int8'), bigintAsNumber],
    // Slonik would send DISCARD ALL after each use; we leave nothing behind in a session.
    resetConnection: async () => undefined,
  }).catch((cause: unknown) => {
    explainTls(host, cause)
    if (classify(cause) !== 'transient') throw cause
    throw new TransientError(`Postgres at ${host} does not answer (start it, or correct DATABASE_URL)`, { cause })
  })
  measurePool(pool)
  return pool
}

const graceMs = 3000

type Client = Awaited<ReturnType<Awaited<ReturnType<DriverFactory>>['createClient']>>

/**
 * Connections with deadlines that slonik does not know. One on which nothing has come back for longer than a statement
 * may take is closed: the server, or the way to it, hangs, and its own statement_timeout cannot help. The query then
 * fails as when the connection breaks, and another one is opened.
 */
function createDriverWithDeadlines(settings: PostgresSettings): DriverFactory {
  const createDriver = createPgDriverFactory()
  const deadlineMs = settings.DATABASE_QUERY_TIMEOUT_MS + graceMs
  return async (options) => {
    const driver = await createDriver(options)
    return {
      async createClient() {
        const client = await driver.createClient()
        // Slonik takes its own listener off a client whose server did not answer at its end. An error that arrives
        // later would end the process (packages/driver/src/factories/createDriverFactory.ts, `internalDestroy`).
        client.on('error', () => undefined)
        const withDeadline: Client = {
          ...client,
          acquire: () => acquire(client),
          async query(...args) {
            const timer = setTimeout(() => void client.destroy().catch(() => undefined), deadlineMs)
            return client.query(...args).finally(() => clearTimeout(timer))
          },
        }
        await prepareSession(withDeadline, settings).catch(async (error: unknown) => {
          await client.destroy()
          throw error
        })
        return withDeadline
      },
    }
  }
}

/**
 * Has the server end what a process holds that no longer works on it. idle_in_transaction_session_timeout ends a
 * transaction between two statements; tcp_user_timeout one whose answer nobody reads; transaction_timeout (Postgres 17)
 * one whose statement never arrives as a whole. And switches off `jit`, which compiles for longer than short reads run.
 */
async function prepareSession(client: Client, settings: PostgresSettings): Promise<void> {
  const settled = {
    lock_timeout: settings.DATABASE_LOCK_TIMEOUT_MS,
    tcp_user_timeout: settings.DATABASE_IDLE_TRANSACTION_TIMEOUT_MS,
    transaction_timeout: 2 * settings.DATABASE_QUERY_TIMEOUT_MS,
    jit: 'off',
  }
  client.acquire()
  await client.query(
    `SELECT set_config(l.name, l.setting, false)
     FROM unnest($1::text[], $2::text[]) AS l (name, setting) JOIN pg_settings USING (name)`,
    [formatArray(Object.keys(settled)), formatArray(Object.values(settled))],
  )
  await client.release()
}

/** An array of Postgres of plain words and numbers. */
function formatArray(values: readonly (string | number)[]): string {
  return `{${values.join()}}`
}

/**
 * Takes a client for a query. One whose connection broke as soon as it was open fails at its query: slonik takes it where
 * nobody handles the error, so that the process would end and whoever waits for the client would wait on
 * (packages/slonik/src/factories/createConnectionPool.ts, `newConnection.acquire()`).
 */
function acquire(client: Client): void {
  const isBroken = ['PENDING_DESTROY', 'DESTROYED'].includes(client.state())
  if (!isBroken) client.acquire()
}
