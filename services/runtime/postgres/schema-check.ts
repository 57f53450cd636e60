import { readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import { classify, hasCode } from '../calls/retry.ts'
import type { ServiceContext } from '../process/service.ts'

const services = resolve(import.meta.dirname, '../..')

const pollMs = 1000

const nameRow = z.object({ name: z.string() })

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const undefinedTable = '42P01'
const forbidden = '42501'

/**
 * What the schema of a service lacks, as a sentence with the command that mends it; null: nothing. It needs every file
 * of `services/<service>/migrations`; a schema that has more, from a later version, is fine.
 */
async function findProblem(database: DatabasePool, service: string, needed: readonly string[]): Promise<string | null> {
  const missing = await findMissing(database, service, needed)
  const last = missing.at(-1)
  if (last === undefined) return null
  const others = missing.length > 1 ? `, and ${missing.length - 1} before it` : ''
  return `Postgres lacks the migration ${last} of ${service}${others}: run \`npx parma migrate\`.`
}

async function findMissing(
  database: DatabasePool,
  service: string,
  needed: readonly string[],
): Promise<readonly string[]> {
  const table = sql.identifier([service.replaceAll('-', '_'), 'migration'])
  try {
    return await database.anyFirst(sql.type(nameRow)`
      SELECT name FROM unnest(${sql.array([...needed], 'text')}) WITH ORDINALITY AS n (name, nr)
      WHERE NOT EXISTS (SELECT FROM ${table} m WHERE m.name = n.name) ORDER BY nr`)
  } catch (error) {
    if (hasCode(error, undefinedTable)) return needed
    throw error
  }
}

/** The migrations of a service in the order in which they run. */
function readNeeded(service: string): string[] {
  return readdirSync(resolve(services, service, 'migrations'))
    .map((name) => name.replace(/\.sql$/, ''))
    .sort()
}

/**
 * Keeps the service not ready while its schema is older than its code. Found complete once, it is not looked at again.
 * Returns what says whether it is: the problem, or null.
 */
function watchSchema(database: DatabasePool, { name, log, health }: ServiceContext): () => Promise<string | null> {
  const needed = readNeeded(name)
  let isComplete = false
  async function find(): Promise<string | null> {
    if (isComplete) return null
    try {
      const problem = await findProblem(database, name, needed)
      isComplete = problem === null
      return problem
    } catch (error) {
      if (!hasCode(error, forbidden)) throw error
      // A role of least privilege. What is missing shows when it is used.
      log.warn({ error }, 'schema_not_checked')
      isComplete = true
      return null
    }
  }
  health.ready('schema', async () => {
    const problem = await find().catch((error: unknown) => {
      // The check of Postgres is for that.
      if (classify(error) === 'transient') return null
      throw error
    })
    if (problem !== null) throw new Error(problem)
  })
  return find
}

/** Resolves when the schema has what the service needs. */
export async function waitForSchema(database: DatabasePool, context: ServiceContext): Promise<void> {
  const { log, stopping, step } = context
  const find = watchSchema(database, context)
  let told: string | null = null
  await step('waiting for the schema', async (goesOn) => {
    for (;;) {
      const problem = await find()
      if (problem === null) return
      if (problem !== told) log.warn({ problem }, 'schema_too_old')
      told = problem
      goesOn()
      await delay(pollMs, undefined, { signal: stopping })
    }
  })
}
