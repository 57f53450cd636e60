import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import type { Settings } from './config.ts'
import { clusterOf, connectAs, loginEnv } from './kafka-cluster.ts'
import { allowUsers, clusterAdmin, waitForBrokers } from './kafka-users.ts'
import { runParma } from './parma.ts'
import { withClient } from './postgres.ts'
import { serviceEnv } from './servers.ts'
import type { StackEnv } from './stack-env.ts'

type Step = { what: string; run(settings: Settings, env: StackEnv): Promise<unknown> }

/** What prepares fresh servers, in this order, before the services start. Each step may be repeated. */
export const setupSteps = {
  'public-schema': {
    what: "creating parma-web's tables",
    run: ({ ports, secrets }) => withClient(ports.postgres, secrets.postgresPassword, 'parma', createPublicSchema),
  },
  migrate: { what: "migrating the services' tables", run: (_, env) => runParma(serviceEnv(env), 'migrate') },
  topics: { what: 'creating the topics', run: applyTopics },
} satisfies Record<string, Step>
export type SetupStep = keyof typeof setupSteps

/** On a cluster each user is first allowed what it needs; then the user for it makes the topics, on all brokers. */
async function applyTopics(settings: Settings, env: StackEnv): Promise<void> {
  if (settings.brokers === 1) return void (await runParma(serviceEnv(env), 'topics', 'apply'))
  const cluster = clusterOf(settings, '')
  const administrator = connectAs(cluster, clusterAdmin)
  await waitForBrokers(administrator, settings.brokers)
  await allowUsers(administrator, '')
  const setup = { ...loginEnv(cluster, 'setup'), TOPIC_REPLICAS: String(settings.brokers) }
  await runParma({ ...serviceEnv(env), ...setup }, 'topics', 'apply')
}

/** Creates the database `parma` unless it exists. Every stack has it. */
export async function createDatabase({ ports, secrets }: Settings): Promise<void> {
  await withClient(ports.postgres, secrets.postgresPassword, 'postgres', async (client) => {
    const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = 'parma'")
    if (rowCount === 0) await client.query('CREATE DATABASE parma')
  })
}

/** Creates parma-web's tables, all or none. Leaves a database alone that has any table in `public`. */
export async function createPublicSchema(client: Pick<pg.Client, 'query'>): Promise<void> {
  const ddl = readFileSync(join(import.meta.dirname, 'public-schema.sql'), 'utf8')
  const { rowCount } = await client.query("SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace LIMIT 1")
  if (rowCount === 0) await client.query(`BEGIN; ${ddl}; COMMIT`)
}
