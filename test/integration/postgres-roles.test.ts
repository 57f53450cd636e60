import { beforeAll, describe, expect, test } from 'vitest'
import pg from 'pg'
import { owners, publicTables } from '../../schemas/public-tables.ts'
import { sharedViews } from '../../schemas/views.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { createDatabase, type TestDatabase } from '../harness/database.ts'
import { runParma } from '../../deploy/local/parma.ts'
import { testEnv } from '../harness/stack.ts'

let database: TestDatabase
let client: pg.Client

beforeAll(async () => {
  database = await createDatabase()
  const env = { ...testEnv(), DATABASE_URL: database.url }
  // Twice: it is run after each migration.
  for (let time = 0; time < 2; time += 1) await runParma(env, 'roles', 'apply')
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  onCleanup(() => client.end())
})

const allowed = 'allowed'
/** What Postgres says of a statement of a role: allowed, or why not. Nothing is changed. */
async function ask(role: string, statement: string): Promise<string> {
  await client.query('BEGIN')
  try {
    await client.query(`SET LOCAL ROLE parma_${role}`)
    await client.query(statement)
    return allowed
  } catch (error) {
    // Insufficient privilege, or a view that takes no rows.
    if (!['42501', '55000'].includes((error as { code?: string }).code ?? '')) throw error
    return (error as Error).message
  } finally {
    await client.query('ROLLBACK')
  }
}

const services = owners.filter((owner) => owner !== 'cli')
const statements = (table: string) => ({
  SELECT: `SELECT * FROM ${table} LIMIT 0`,
  INSERT: `INSERT INTO ${table} SELECT * FROM ${table} WHERE false`,
  DELETE: `DELETE FROM ${table} WHERE false`,
  LOCK: `SELECT FROM ${table} LIMIT 0 FOR KEY SHARE`,
})

describe('each service, as its role', () => {
  test.each(services)('%s writes every table of its schema but the list of migrations', async (service) => {
    const tables = await database.query<{ name: string }>(
      `SELECT tablename AS name FROM pg_tables WHERE schemaname = '${service}' AND tablename <> 'migration'`,
    )
    expect(tables.length).toBeGreaterThan(0)
    for (const { name } of tables)
      for (const verb of ['SELECT', 'DELETE'] as const)
        expect([name, await ask(service, statements(`${service}."${name}"`)[verb])]).toEqual([name, allowed])
    expect(await ask(service, statements(`${service}.migration`).DELETE)).toBe('permission denied for table migration')
  })

  test.each(services)(
    '%s reads of others what schemas/views.ts says, and is told clearly of all else',
    async (service) => {
      for (const { name, readers, columns } of sharedViews) {
        const [owner, view] = name.split('.')
        if (owner === service) continue
        const found = await ask(service, `SELECT ${columns.map((one) => `"${one}"`).join(', ')} FROM ${name} LIMIT 1`)
        const refusal = new RegExp(`^permission denied for (schema ${owner}|(table|view) ${view})$`)
        if (readers.includes(service)) expect([name, found]).toEqual([name, allowed])
        else expect(found).toMatch(refusal)
        const written = await ask(service, `DELETE FROM ${name} WHERE false`)
        expect(
          written === `cannot delete from view "${view}"` ? 'permission denied for view ' + view : written,
        ).toMatch(refusal)
      }
    },
  )

  test.each(services)('%s does with the tables of parma-web what schemas/public-tables.ts says', async (service) => {
    for (const { name, readers, writers, lockers = [] } of publicTables) {
      const verbs = Object.entries(writers).find(([writer]) => writer === service)?.[1] ?? []
      const expected = {
        SELECT: readers.includes(service),
        INSERT: verbs.includes('INSERT'),
        DELETE: verbs.includes('DELETE'),
        LOCK: verbs.includes('UPDATE') || lockers.includes(service),
      }
      for (const [verb, isAllowed] of Object.entries(expected)) {
        const found = await ask(service, statements(`public."${name}"`)[verb as keyof typeof expected])
        if (isAllowed) expect([name, verb, found]).toEqual([name, verb, allowed])
        else expect(found).toMatch(new RegExp(`^permission denied for (schema public|table "?${name}"?)$`))
      }
    }
  })
})

test('the normalizer makes a month without the right to create tables, and nobody else does', async () => {
  const statement = "SELECT normalizer.create_month('2031-05-01')"
  expect(await ask('normalizer', statement)).toBe(allowed)
  expect(await ask('normalizer', 'CREATE TABLE normalizer.more ()')).toBe('permission denied for schema normalizer')
  expect(await ask('analyzer', statement)).toBe('permission denied for function create_month')
})

test('the role of commands does what all services do', async () => {
  expect(await ask('cli', 'SELECT FROM notifier.delivery LIMIT 0')).toBe(allowed)
  expect(await ask('cli', 'DELETE FROM public.scheduled_task WHERE false')).toBe(allowed)
})

test('--dry-run prints the SQL and changes nothing', async () => {
  const env = { ...testEnv(), DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' }
  expect(await runParma(env, 'roles', 'apply', '--dry-run')).toContain(
    'GRANT USAGE ON SCHEMA normalizer TO parma_analyzer;',
  )
})
