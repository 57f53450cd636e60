import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import pg from 'pg'
import { expect, test } from 'vitest'
import { createPublicSchema } from '../../deploy/local/setup.ts'
import { createEmptyDatabase, type TestDatabase } from '../harness/database.ts'

/** parma-web's facts, one a line, where they lie beside this repository. */
const factsFile = resolve(import.meta.dirname, '../../../shared/data/public-schema.facts.txt')
/** sha256 of those lines, sorted. */
const factsHash = '6e74449772c388b2d8b907be72ad4bcb02b54dc10e3129dc1fbb417fc30e017f'

/** Every column, key, index, enum, trigger and function of schema `public` as a line of text; names of keys and indexes are left out. */
const factsQuery = `
  SELECT concat_ws(' ', 'column', table_name || '.' || column_name, udt_name, is_nullable,
           coalesce(column_default, '-'), coalesce(datetime_precision::text, '')) AS fact
    FROM information_schema.columns WHERE table_schema = 'public'
  UNION ALL
  SELECT concat_ws(' ', 'constraint', conrelid::regclass, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
  UNION ALL
  SELECT concat_ws(' ', 'index', tablename, regexp_replace(indexdef, 'INDEX [^ ]+ ON', 'INDEX ON'))
    FROM pg_indexes WHERE schemaname = 'public'
  UNION ALL
  SELECT concat_ws(' ', 'enum', typname, string_agg(enumlabel, ',' ORDER BY enumsortorder))
    FROM pg_type JOIN pg_enum ON enumtypid = pg_type.oid WHERE typnamespace = 'public'::regnamespace GROUP BY typname
  UNION ALL
  SELECT concat_ws(' ', 'trigger', event_object_table, trigger_name, action_timing, event_manipulation, action_orientation)
    FROM information_schema.triggers WHERE trigger_schema = 'public'
  UNION ALL
  SELECT concat_ws(' ', 'function', proname) FROM pg_proc WHERE pronamespace = 'public'::regnamespace`

async function factsOf(database: TestDatabase): Promise<string[]> {
  return (await database.query<{ fact: string }>(factsQuery)).map(({ fact }) => fact).sort()
}

/** As `make up` does it. */
async function applyTo({ url }: TestDatabase): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await createPublicSchema(client).finally(() => client.end())
}

async function createWithPublicSchema(): Promise<TestDatabase> {
  const database = await createEmptyDatabase()
  await applyTo(database)
  return database
}

const insertCompany = `INSERT INTO company (name, modified_at) VALUES ($1, now()) RETURNING id`
const insertSource = `INSERT INTO data_source (source_name, is_active, frequency, health_status, modified_at)
  VALUES ($1, $2, 'DAILY', 'UP', now()) RETURNING id`
const links = `SELECT name, source_name, l.is_data_source_active AS active, l.health_status AS health,
    abs(extract(epoch FROM l.modified_at - now() AT TIME ZONE 'UTC')) < 60 AS dated
  FROM company_data_source l JOIN company ON company.id = company_id JOIN data_source ON data_source.id = data_source_id
  ORDER BY l.id`

test('has the facts of parma-web’s schema, and no others', async () => {
  const facts = await factsOf(await createWithPublicSchema())
  if (existsSync(factsFile)) expect(facts).toEqual(readFileSync(factsFile, 'utf8').trimEnd().split('\n'))
  else console.log(`${factsFile} is not here: only the checksum of the facts is compared, not line by line`)
  expect(createHash('sha256').update(facts.join('\n')).digest('hex')).toBe(factsHash)
})

test('links a new company to every data source, active or not', async () => {
  const database = await createWithPublicSchema()
  await database.query(insertSource, ['github', true])
  await database.query(insertSource, ['crunchbase', false])
  await database.query(insertCompany, ['one'])
  const link = { name: 'one', active: true, health: 'UP', dated: true }
  expect(await database.query(links)).toEqual([
    { ...link, source_name: 'github' },
    { ...link, source_name: 'crunchbase' },
  ])
})

test('links a new data source to every company', async () => {
  const database = await createWithPublicSchema()
  await database.query(insertCompany, ['one'])
  await database.query(insertCompany, ['two'])
  await database.query(insertSource, ['github', false])
  const link = { source_name: 'github', active: true, health: 'UP', dated: true }
  expect(await database.query(links)).toEqual([
    { ...link, name: 'one' },
    { ...link, name: 'two' },
  ])
})

test('leaves a database alone that holds any table', async () => {
  const database = await createEmptyDatabase()
  await database.query('CREATE TABLE something (n int)')
  const before = await factsOf(database)
  await applyTo(database)
  expect(await factsOf(database)).toEqual(before)
})

test('may be applied twice', async () => {
  const database = await createWithPublicSchema()
  await database.query(insertCompany, ['kept'])
  const before = await factsOf(database)
  await applyTo(database)
  expect(await factsOf(database)).toEqual(before)
  expect(await database.query('SELECT name FROM company')).toEqual([{ name: 'kept' }])
})
