import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'

/**
 * The environment a command runs in: ours, and where it names no system to talk to, the addresses of the local stack
 * (PARMA_STACK_ENV, default .local/stack.env of this repository).
 */
export function readEnvironment(env = process.env): NodeJS.ProcessEnv {
  const { DATABASE_URL, DATABASE_URL_FILE, POSTGRES_USER, POSTGRES_USER_FILE, KAFKA_BROKERS, EDGE_URL } = env
  const isAimed = DATABASE_URL || DATABASE_URL_FILE || POSTGRES_USER || POSTGRES_USER_FILE || KAFKA_BROKERS || EDGE_URL
  const file = env.PARMA_STACK_ENV ?? resolve(import.meta.dirname, '../../.local/stack.env')
  if (isAimed || !existsSync(file)) return env
  return { DEPLOYMENT_ENV: 'local', ...parseEnv(readFileSync(file, 'utf8')), ...env }
}
