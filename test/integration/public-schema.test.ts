import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import pg from 'pg'
import { expect, test } from 'vitest'
import { createPublicSchema } from '../../deploy/local/setup.ts'
import { createEmptyDatabase, type TestDatabase } from '../harness/database.ts'
import { hashFacts, publicFactsHash, readPublicFacts } from '../harness/public-facts.ts'

/** parma-web's facts, one a line, where they lie beside this repository. */
const factsFile = resolve(import.meta.dirname, '../../../shared/data/public-schema.facts.txt')

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
  const facts = await readPublicFacts(await createWithPublicSchema())
  if (existsSync(factsFile)) expect(facts).toEqual(readFileSync(factsFile, 'utf8').trimEnd().split('\n'))
  else console.log(`${factsFile} is not here: only the checksum of the facts is compared, not line by line`)
  expect(hashFacts(facts)).toBe(publicFactsHash)
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
  const before = await readPublicFacts(database)
  await applyTo(database)
  expect(await readPublicFacts(database)).toEqual(before)
})

test('may be applied twice', async () => {
  const database = await createWithPublicSchema()
  await database.query(insertCompany, ['kept'])
  const before = await readPublicFacts(database)
  await applyTo(database)
  expect(await readPublicFacts(database)).toEqual(before)
  expect(await database.query('SELECT name FROM company')).toEqual([{ name: 'kept' }])
})
