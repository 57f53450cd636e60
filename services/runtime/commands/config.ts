type Env = Readonly<Record<string, string | undefined>>

const addresses = [
  'DATABASE_URL',
  'DATABASE_URL_FILE',
  'POSTGRES_USER',
  'POSTGRES_USER_FILE',
  'KAFKA_BROKERS',
  'EDGE_URL',
]

/** Whether an environment names a system that a command can talk to. */
export function namesSystem(env: Env = process.env): boolean {
  return addresses.some((name) => env[name])
}

/** What a command says when its environment names no system. */
export const noSystem =
  'The local stack is not running, and the environment names no other system. `make up` starts the local stack; ' +
  'deploy/SETTINGS.md lists the settings that name another system.'
