import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import pg from 'pg'
import { type Stack, startStack } from '../../deploy/local/stack.ts'
import { startContainers } from './containers.ts'
import { templateDatabase } from './database-names.ts'
import { makeRoles } from './roles.ts'
import type {} from './stack.ts'

/**
 * Starts the servers that all tests of the run share, without services, and makes the database that tests copy. With
 * TEST_STACK=docker Kafka, the registry, Postgres and Firestore run in containers. All of it goes when the run ends,
 * however it ends.
 */
export default async function startServers(project: TestProject): Promise<() => Promise<void>> {
  const { TEST_STACK = '' } = process.env
  if (!['', 'docker'].includes(TEST_STACK)) throw new Error(`TEST_STACK is ${TEST_STACK}, it can be docker or unset`)
  const inContainers = TEST_STACK === 'docker'
  if (inContainers && project.name === 'faults')
    throw new Error(
      'The fault tests kill servers by their process id, which a container hides: run them without TEST_STACK.',
    )
  const dir = mkdtempSync(join(tmpdir(), 'parma-test-'))
  const undo: (() => void | Promise<void>)[] = [() => rmSync(dir, { recursive: true, force: true })]
  const stop = async () => {
    for (const step of undo.toReversed()) await step()
  }
  try {
    if (inContainers) undo.push(await startContainers(dir))
    const stack = await startStack({
      dir,
      ports: 'free',
      externalServers: inContainers,
      services: [],
      setup: ['public-schema', 'migrate'],
      withParent: true,
      temporary: true,
    })
    undo.push(() => stack.remove())
    await createTemplate(stack)
  } catch (error) {
    await stop()
    throw error
  }
  project.provide('stackDir', dir)
  return stop
}

/** It knows the roles of services. The template refuses connections, because Postgres does not copy a database that is in use. */
async function createTemplate(stack: Stack): Promise<void> {
  const { DATABASE_URL = '' } = stack.env()
  const url = new URL(DATABASE_URL)
  const database = url.pathname.slice(1)
  url.pathname = '/postgres'
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  try {
    await makeRoles(client, DATABASE_URL)
    await client.query(`ALTER DATABASE ${database} RENAME TO ${templateDatabase}`)
    await client.query(`ALTER DATABASE ${templateDatabase} WITH ALLOW_CONNECTIONS false`)
  } finally {
    await client.end()
  }
}
