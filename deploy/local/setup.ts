import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Settings } from './config.ts'
import { withClient } from './postgres.ts'
import { serviceEnv } from './servers.ts'
import type { StackEnv } from './stack-env.ts'

/** What makes fresh servers ours, in this order, between the servers' and the services' start. Each step may be repeated. */
export const setupSteps = {
  'public-schema': createPublicSchema,
  migrate: (settings: Settings, env: StackEnv) => parma(settings, env, ['migrate']),
  topics: (settings: Settings, env: StackEnv) => parma(settings, env, ['topics', 'apply']),
}
export type SetupStep = keyof typeof setupSteps

/** Makes the database `parma` when there is none; every stack has it, whatever steps follow. */
export async function createDatabase({ ports, secrets }: Settings): Promise<void> {
  await withClient(ports.postgres, secrets.postgresPassword, 'postgres', async (client) => {
    const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = 'parma'")
    if (rowCount === 0) await client.query('CREATE DATABASE parma')
  })
}

/** Creates parma-web's tables in an empty database, all or none. A database that holds any table is left alone. */
async function createPublicSchema({ ports, secrets }: Settings): Promise<void> {
  const ddl = readFileSync(join(import.meta.dirname, 'public-schema.sql'), 'utf8')
  await withClient(ports.postgres, secrets.postgresPassword, 'parma', async (client) => {
    const { rowCount } = await client.query("SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace LIMIT 1")
    if (rowCount === 0) await client.query(`BEGIN; ${ddl}; COMMIT`)
  })
}

async function parma({ root }: Settings, env: StackEnv, args: string[]): Promise<void> {
  const cli = join(root, 'services/cli/main.ts')
  try {
    await promisify(execFile)(process.execPath, [cli, ...args], { cwd: root, env: serviceEnv(env) })
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`parma ${args.join(' ')} failed:\n${stdout}${stderr}`, { cause: error })
  }
}
