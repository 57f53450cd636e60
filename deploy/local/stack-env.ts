import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Settings } from './config.ts'
import { programs } from './config.ts'
import { clusterOf, loginEnv } from './kafka-cluster.ts'
import { writeWholeFile } from './whole-file.ts'

export type StackEnv = Record<string, string>

/** What a client of the stack needs: addresses, secrets and the process ids known so far. */
export function describeStack(settings: Settings, pids: Record<string, number>): StackEnv {
  const { ports, secrets, firestoreProject } = settings
  const local = (port: number) => `http://127.0.0.1:${port}`
  const env: StackEnv = {
    EDGE_URL: local(ports.edge),
    MINER_NPM_URL: local(ports['miner-npm']),
    KAFKA_BROKERS: `127.0.0.1:${ports.kafka}`,
    // Whoever runs a command is the operator. Services have logins of their own.
    ...(settings.brokers === 3 && loginEnv(clusterOf(settings, ''), 'operator')),
    SCHEMA_REGISTRY_URL: `${local(ports.registry)}/apis/ccompat/v7`,
    DATABASE_URL: `postgres://postgres:${secrets.postgresPassword}@127.0.0.1:${ports.postgres}/parma?sslmode=disable`,
    FIRESTORE_EMULATOR_HOST: `127.0.0.1:${ports.firestore}`,
    FIRESTORE_PROJECT: firestoreProject,
    SMTP_URL: `smtp://127.0.0.1:${ports.smtp}`,
    MAILBOX_URL: local(ports.mailbox),
    SLACK_API_URL: `${local(ports.slack)}/api/`,
    SLACK_OUTBOX_URL: `${local(ports.slack)}/outbox`,
    PARMA_SHARED_SECRET_KEY: secrets.sharedSecret,
    PARMA_ANALYTICS_SECRET_KEY: secrets.analyticsSecret,
    PUBLIC_URL: local(ports.edge),
    // Elsewhere this is a secret of its own.
    LINK_SECRET: secrets.analyticsSecret,
  }
  for (const name of programs) env[`${constantCase(name)}_HEALTH_URL`] = local(ports[`${name}-health`])
  for (const [name, pid] of Object.entries(pids)) env[`${constantCase(name)}_PID`] = String(pid)
  return env
}

/** `NAME=value` lines for `sh` to source. A value with special characters is quoted. */
export function renderStackEnv(env: StackEnv): string {
  const quote = (value: string) => (/^[\w./:@%+=,-]*$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`)
  return Object.entries(env)
    .map(([name, value]) => `${name}=${quote(value)}\n`)
    .join('')
}

/** Reads what `renderStackEnv` wrote. */
export function parseStackEnv(text: string): StackEnv {
  const unquote = (value: string) => (value.startsWith("'") ? value.slice(1, -1).replaceAll(`'\\''`, "'") : value)
  return Object.fromEntries(
    [...text.matchAll(/^(\w+)=((?:'[^']*'(?:\\''[^']*')*|[^\n])*)$/gm)].map(([, name, value]) => [
      name ?? '',
      unquote(value ?? ''),
    ]),
  )
}

export function stackEnvFile(dir: string): string {
  return join(dir, 'stack.env')
}

/** Replaces `<dir>/stack.env` in one step: a reader sees the old or the new file. */
export function writeStackEnv(dir: string, env: StackEnv): void {
  writeWholeFile(stackEnvFile(dir), renderStackEnv(env), 0o600)
}

export function readStackEnv(dir: string): StackEnv {
  return parseStackEnv(readFileSync(stackEnvFile(dir), 'utf8'))
}

function constantCase(name: string): string {
  return name.replaceAll('-', '_').toUpperCase()
}
