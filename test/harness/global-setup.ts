import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import pg from 'pg'
import { type Stack, startStack } from '../../deploy/local/stack.ts'
import { templateDatabase } from './database-names.ts'
import type {} from './stack.ts'

/**
 * Starts the servers that all tests of the run share, without services, and makes the database that tests copy. All of
 * it goes when the run ends, however it ends.
 */
export default async function startServers(project: TestProject): Promise<() => Promise<void>> {
  const dir = mkdtempSync(join(tmpdir(), 'parma-test-'))
  const stack = await startStack({
    dir,
    ports: 'free',
    services: [],
    setup: ['public-schema', 'migrate'],
    withParent: true,
    temporary: true,
  }).catch((error: unknown) => {
    rmSync(dir, { recursive: true, force: true })
    throw error
  })
  try {
    await createTemplate(stack)
  } catch (error) {
    await stack.remove()
    throw error
  }
  project.provide('stackDir', dir)
  return () => stack.remove()
}

/** Nobody may connect to the template: Postgres does not copy a database that is in use. */
async function createTemplate(stack: Stack): Promise<void> {
  const url = new URL(stack.env().DATABASE_URL ?? '')
  const database = url.pathname.slice(1)
  url.pathname = '/postgres'
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  try {
    await client.query(`ALTER DATABASE ${database} RENAME TO ${templateDatabase}`)
    await client.query(`ALTER DATABASE ${templateDatabase} WITH ALLOW_CONNECTIONS false`)
  } finally {
    await client.end()
  }
}
