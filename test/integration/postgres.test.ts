import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { readEnv } from '../../services/runtime/process/config.ts'
import { postgresSettings } from '../../services/runtime/process/settings.ts'
import { openPool, sql, type Transaction } from '../../services/runtime/postgres/database.ts'
import { migrate } from '../../services/runtime/postgres/migrate.ts'
import { lock, tryLock } from '../../services/runtime/postgres/lock.ts'
import { classify, hasCode, retryTransient } from '../../services/runtime/calls/retry.ts'
import { column } from '../../services/runtime/postgres/column.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { createDatabase, createEmptyDatabase, type TestDatabase } from '../harness/database.ts'
import { openLink } from '../harness/edge/link.ts'
import { waitFor } from '../harness/wait-for.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase()
  await database.query('CREATE TABLE note (id int)')
})

async function openThrough(url: string) {
  const settings = { DATABASE_URL: url, DATABASE_POOL_SIZE: '1', DATABASE_QUERY_TIMEOUT_MS: '500' }
  const pool = await openPool(readEnv(postgresSettings, settings))
  onCleanup(() => pool.end())
  return pool
}

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => error,
  )

test('a server that hangs in a transaction is a transient error, and the transaction takes effect once when it is back', async () => {
  const link = await openLink(database.url)
  const pool = await openThrough(link.url)
  const work = () =>
    pool.transaction(async (tx) => {
      await tx.query(sql.unsafe`INSERT INTO note VALUES (1)`)
      if (isFirst) link.freeze()
      isFirst = false
      await tx.query(sql.unsafe`INSERT INTO note VALUES (2)`)
    })
  let isFirst = true
  const error = await failureOf(work())
  expect(classify(error)).toBe('transient')
  link.restore()
  await retryTransient(work, { signal: AbortSignal.timeout(30_000) })
  expect(await database.query('SELECT id FROM note ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }])
})

test('so is one statement outside of a transaction, and one that the server itself gives up', async () => {
  const link = await openLink(database.url)
  const pool = await openThrough(link.url)
  const slow = await failureOf(pool.query(sql.unsafe`SELECT pg_sleep(60)`))
  expect(String(slow)).toMatch('statement_timeout')
  expect(classify(slow)).toBe('transient')
  link.freeze()
  expect(classify(await failureOf(pool.query(sql.unsafe`SELECT 1`)))).toBe('transient')
  link.restore()
  const read = () => pool.oneFirst(sql.unsafe`SELECT 7 AS seven`)
  expect(await retryTransient(read, { signal: AbortSignal.timeout(30_000) })).toBe(7)
})

const frozen: [string, (tx: Transaction, freeze: () => void) => Promise<unknown>][] = [
  ['between two statements', async (_, freeze) => freeze()],
  [
    'while it reads a large answer',
    async (tx, freeze) => {
      const read = tx.query(sql.unsafe`SELECT repeat(n::text, 100000) FROM generate_series(1000, 1400) n`)
      freeze()
      await read
    },
  ],
]
test.each(frozen)('a process that freezes in a transaction %s holds nothing up for long', async (_, hang) => {
  const link = await openLink(database.url)
  const limit = { DATABASE_IDLE_TRANSACTION_TIMEOUT_MS: '1500' }
  const pool = await openPool(readEnv(postgresSettings, { DATABASE_URL: link.url, ...limit }))
  onCleanup(() => pool.end())
  const other = await openPool(readEnv(postgresSettings, { DATABASE_URL: database.url }))
  onCleanup(() => other.end())
  const { promise: isFrozen, resolve } = Promise.withResolvers<void>()
  const stuck = failureOf(
    pool.transaction(async (tx) => {
      await lock(tx, 'test.frozen')
      await hang(tx, () => {
        link.freeze()
        resolve()
      })
      await tx.query(sql.unsafe`SELECT 1`)
    }),
  )
  await isFrozen
  const start = performance.now()
  await retryTransient(() => other.transaction((tx) => lock(tx, 'test.frozen')), {
    signal: AbortSignal.timeout(30_000),
  })
  expect(performance.now() - start).toBeLessThan(6000)
  link.restore()
  expect(classify(await stuck)).toBe('transient')
})

test('a connection that was closed while its server hung fails nothing when the server ends it later', async () => {
  const uncaught: unknown[] = []
  const note = (error: unknown) => uncaught.push(error)
  process.on('uncaughtException', note)
  onCleanup(() => void process.off('uncaughtException', note))
  const link = await openLink(database.url)
  const pool = await openThrough(link.url)
  const pid = await pool.oneFirst(sql.unsafe`SELECT pg_backend_pid() AS pid`)
  link.freeze()
  await pool.end()
  await database.query('SELECT pg_terminate_backend($1)', [pid])
  await waitFor('its end', async () => {
    const [found] = await database.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM pg_stat_activity WHERE pid = $1',
      [pid],
    )
    return found?.n === 0
  })
  link.restore()
  // What the server had sent has arrived when another connection through the link has its answer.
  expect(await (await openThrough(link.url)).oneFirst(sql.unsafe`SELECT 7 AS seven`)).toBe(7)
  expect(uncaught).toEqual([])
})

test('whoever waits for a lock fails after a while, to try again', async () => {
  const limit = { DATABASE_LOCK_TIMEOUT_MS: '300' }
  const pool = await openPool(readEnv(postgresSettings, { DATABASE_URL: database.url, ...limit }))
  onCleanup(() => pool.end())
  await pool.transaction(async (tx) => {
    await lock(tx, 'test.waited-for')
    const error = await failureOf(pool.transaction((late) => lock(late, 'test.waited-for')))
    expect(hasCode(error, '55P03')).toBe(true)
    expect(classify(error)).toBe('transient')
  })
})

test('connections that are cut as soon as they are open fail their query, and nothing outside of it', async () => {
  const unhandled: unknown[] = []
  const note = (error: unknown) => unhandled.push(error)
  process.on('unhandledRejection', note)
  onCleanup(() => void process.off('unhandledRejection', note))
  const pool = await openPool(readEnv(postgresSettings, { DATABASE_URL: database.url, DATABASE_POOL_SIZE: '4' }))
  onCleanup(() => pool.end())
  const end = Date.now() + 5000
  const askUntilTheEnd = async () => {
    while (Date.now() < end) {
      const error = await failureOf(pool.query(sql.unsafe`SELECT 1`))
      if (error !== null) expect(classify(error)).toBe('transient')
    }
  }
  const cutUntilTheEnd = async () => {
    while (Date.now() < end)
      await database.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      )
  }
  await Promise.all([cutUntilTheEnd(), ...Array.from({ length: 40 }, askUntilTheEnd)])
  expect(unhandled).toEqual([])
})

test('a server that is not there is named, with what to do, and without the password', async () => {
  const gone = 'postgres://parma:hidden@127.0.0.1:1/parma'
  const error = await failureOf(openPool(readEnv(postgresSettings, { DATABASE_URL: gone })))
  expect(error).toMatchObject({
    message: 'Postgres at 127.0.0.1:1 does not answer (start it, or correct DATABASE_URL)',
    cause: { code: 'ECONNREFUSED' },
  })
  expect(classify(error)).toBe('transient')
})

test('arrays arrive as they were sent', async () => {
  const pool = await openThrough(database.url)
  const rows = [
    { text: 'NULL', number: 0.1 },
    { text: '', number: -1e300 },
    { text: null, number: null },
    { text: '{"a":"\\u0000, \\\\"}\n\t\'%$1', number: 2 ** 53 },
    { text: 'مرحبا 𝒳 \u2028', number: 5e-324 },
  ]
  const read = await pool.any(sql.unsafe`
    SELECT text, number
    FROM unnest(${column(rows, 'text', ({ text }) => text)}, ${column(rows, 'float8', ({ number }) => number)})
      AS n (text, number)`)
  expect(read).toEqual(rows)
})

test('a lock is held until its transaction ends, by its name, its number or for one of many', async () => {
  const pool = await openPool(readEnv(postgresSettings, { DATABASE_URL: database.url, DATABASE_POOL_SIZE: '2' }))
  onCleanup(() => pool.end())
  const tryFrom = (name: string | number, of?: number) => pool.transaction((tx) => tryLock(tx, name, of))
  await pool.transaction(async (tx) => {
    await lock(tx, 'test.lock')
    await lock(tx, 4711)
    await lock(tx, 'test.source', 7)
    const taken = [await tryFrom('test.lock'), await tryFrom(4711), await tryFrom('test.source', 7)]
    expect(taken).toEqual([false, false, false])
    expect(await tryFrom('test.source', 8)).toBe(true)
  })
  expect([await tryFrom('test.lock'), await tryFrom(4711), await tryFrom('test.source', 7)]).toEqual([true, true, true])
})

test('a migration whose name comes before one that has run already runs too, time-stamped ones last', async () => {
  const { url, query } = await createEmptyDatabase()
  const dir = await mkdtemp(join(tmpdir(), 'migrations-'))
  onCleanup(() => rm(dir, { recursive: true }))
  const add = (...names: string[]) =>
    Promise.all(names.map((name) => writeFile(join(dir, `${name}.sql`), `-- Up Migration\nSELECT 1;\n`)))
  const settings = readEnv(postgresSettings, { DATABASE_URL: url })

  await add('0001_one', '0004_four', '20261129T0310_stamped')
  const first = ['0001_one', '0004_four', '20261129T0310_stamped']
  expect(await migrate(settings, 'test', dir, false)).toEqual(first)
  const later = ['0002_gap', '0011_eleven', '20261128T1200_earlier-branch', '20261129T1010_later']
  await add(...later.toReversed())
  expect(await migrate(settings, 'test', dir, true)).toEqual(later)
  expect(await migrate(settings, 'test', dir, false)).toEqual(later)
  expect(await migrate(settings, 'test', dir, false)).toEqual([])
  expect(
    (await query<{ name: string }>('SELECT name FROM test.migration ORDER BY id')).map(({ name }) => name),
  ).toEqual([...first, ...later])
})
