import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { recordLifeDays } from '#schemas/topics.ts'
import { isNetwork } from '../web/ip-allow-list.ts'
import { formerSettings, ignored, replaced } from './legacy-env.ts'
import { weakSecrets } from './weak-secrets.ts'

export type Env = Readonly<Record<string, string | undefined>>

/**
 * What settings say of each other: one sentence for each problem. A setting that is wrong in itself is undefined here.
 */
export type Check<S extends z.ZodRawShape> = (config: Partial<z.output<z.ZodObject<S>>>) => readonly string[]

/**
 * Values of `shape` read from `env`: every name may also come as `<NAME>_FILE`, the path of a file that holds it. Where
 * a setting is not given, the predecessor's variables for it are. Empty counts as not set. Throws one ConfigError that
 * names every wrong variable at once, with what `check` finds. What `check` says of a variable that is wrong in itself
 * (its sentence begins with the name) is left out.
 */
export function readEnv<S extends z.ZodRawShape>(
  shape: S,
  env: Env = process.env,
  check: Check<S> = () => [],
): z.output<z.ZodObject<S>> {
  const problems: string[] = []
  const wrong = new Set<string>()
  const given: Record<string, string | undefined> = {}
  /** The variable a setting came from, where it is not the setting's own. */
  const origins: Record<string, string> = {}
  for (const name of Object.keys(shape)) {
    try {
      const own = readVariable(name, env)
      const older = own === undefined ? inherit(name, env) : undefined
      given[name] = own ?? older?.value
      if (older) origins[name] = older.origin
    } catch (error) {
      wrong.add(name)
      problems.push(...(error as Error).message.split('\n'))
    }
  }
  const unreadable = new Set(wrong)
  const parsed = z.object(shape).safeParse(given)
  for (const issue of parsed.error?.issues ?? []) {
    const name = String(issue.path[0])
    wrong.add(name)
    if (unreadable.has(name)) continue
    const meaning = shape[name] instanceof z.ZodType ? shape[name].description : undefined
    problems.push(
      `${origins[name] ?? name} ${given[name] === undefined ? 'is missing' : `is wrong: ${issue.message}`}. ${meaning ?? ''}`,
    )
  }
  if (given.DEPLOYMENT_ENV !== 'local') problems.push(...weakSecrets(shape, given))
  const isNew = (problem: string) => ![...wrong].some((name) => problem.startsWith(`${name} `))
  problems.push(...check(parsed.data ?? parseOthers(shape, given, wrong)).filter(isNew))
  if (problems.length > 0 || !parsed.data) throw new ConfigError(problems)
  return parsed.data
}

/** The settings that are not `wrong`. */
function parseOthers<S extends z.ZodRawShape>(
  shape: S,
  given: Record<string, string | undefined>,
  wrong: ReadonlySet<string>,
): Partial<z.output<z.ZodObject<S>>> {
  const others = Object.fromEntries(Object.entries(shape).filter(([name]) => !wrong.has(name)))
  return z.object(others).parse(given) as Partial<z.output<z.ZodObject<S>>>
}

/** Throws an Error that says what is wrong with the variable. */
function readVariable(name: string, env: Env): string | undefined {
  const file = env[`${name}_FILE`]
  if (file && env[name]) throw new Error(`${name} and ${name}_FILE are both set: keep one.`)
  try {
    return (file ? readFileSync(file, 'utf8').replace(/\r?\n$/, '') : env[name]) || undefined
  } catch (error) {
    throw new Error(`${name}_FILE cannot be read: ${(error as Error).message}.`, { cause: error })
  }
}

/** What the predecessor's variables say of a setting, and the first of them that is set. */
function inherit(name: string, env: Env): { value: string | undefined; origin: string } | undefined {
  const { variables = [], compose } = Object.hasOwn(replaced, name) ? replaced[name]! : {}
  const given = variables.flatMap((variable) => {
    const value = readVariable(variable, env)
    return value === undefined ? [] : [[variable, value] as const]
  })
  const [first] = given
  return first && compose && { value: compose(Object.fromEntries(given)), origin: first[0] }
}

/** Variables that are set and mean nothing any more, with the reason. */
export function findIgnored(env: Env = process.env): { variable: string; reason: string }[] {
  const former = Object.entries(formerSettings).map(([variable, value]) => ({
    variable,
    reason: `No longer a setting: always ${value}.`,
  }))
  return [...Object.entries(ignored).map(([variable, reason]) => ({ variable, reason })), ...former].filter(
    ({ variable }) => env[variable] || env[`${variable}_FILE`],
  )
}

export class ConfigError extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(`The configuration is not usable:\n${problems.map((problem) => `  ${problem.trim()}`).join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** The problems of the ConfigError that `read` throws; none when it returns. For a `check` of readEnv. */
export function problemsOf(read: () => unknown): readonly string[] {
  try {
    read()
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

/** A secret: never logged, and outside of DEPLOYMENT_ENV=local at least 32 bytes that are not a well-known default. */
export const secret = () => z.string().meta({ secret: true })

/** A whole number of at least `min`. */
export const count = (fallback: number, min = 1) => z.coerce.number().int().min(min).default(fallback)
export const port = (fallback: number) => z.coerce.number().int().min(0).max(65535).default(fallback)
export const flag = (fallback: boolean) =>
  z
    .enum(['true', 'false'])
    .default(fallback ? 'true' : 'false')
    .transform((text) => text === 'true')
export const list = () =>
  z.string().transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean),
  )

/** What every service reads. */
export const serviceSettings = {
  DEPLOYMENT_ENV: z
    .enum(['local', 'staging', 'prod'])
    .default('prod')
    .describe('Kind of installation. Only `local` accepts weak secrets.')
    .meta({ basic: true }),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])
    .default('info')
    .describe('Least severe log lines that are written.')
    .meta({ basic: true }),
  HEALTH_PORT: port(9090).describe('Port of /livez, /readyz and /metrics.').meta({ basic: true }),
  HEALTH_HOST: z
    .string()
    .default('0.0.0.0')
    .describe('Address the health port listens on. 127.0.0.1: only this machine can reach it.'),
  DRAIN_TIMEOUT_MS: count(25_000).describe(
    'Time a service has to stop in order after SIGTERM. Then its process exits anyway.',
  ),
}

/** What a service reads that speaks Kafka. */
export const kafkaSettings = {
  KAFKA_BROKERS: list().describe('Kafka brokers as host:port, comma separated.'),
  KAFKA_SSL: flag(false).describe('Connect to the brokers with TLS.').meta({ basic: true }),
  KAFKA_SSL_CA: z
    .string()
    .optional()
    .describe(
      'Certificate (PEM) of the authority that signed the brokers’ certificates. Unset: the public authorities.',
    ),
  KAFKA_SASL_MECHANISM: z
    .enum(['plain', 'scram-sha-256', 'scram-sha-512'])
    .optional()
    .describe('How services log in to the brokers. Unset: they do not log in.')
    .meta({ basic: true }),
  KAFKA_SASL_USERNAME: z.string().optional().describe('User name for SASL.').meta({ basic: true }),
  KAFKA_SASL_PASSWORD: z.string().optional().describe('Password for SASL.').meta({ basic: true, confidential: true }),
  SCHEMA_REGISTRY_URL: z
    .url()
    .describe('Schema registry (Confluent API), with user:password@ for basic authentication.')
    .meta({ confidential: true }),
  TOPIC_PREFIX: z
    .string()
    .regex(/^[a-zA-Z0-9._-]{0,100}$/)
    .default('')
    .describe('Text before the name of every topic and consumer group, for installations that share a cluster.'),
}
export type KafkaSettings = z.output<z.ZodObject<typeof kafkaSettings>>

/** What a service reads that sends records. */
export const producerSettings = {
  PRODUCE_MAX_PENDING_BYTES: count(64 * 1024 * 1024).describe(
    'Bytes of records that may wait to be sent. Above that, new records are rejected.',
  ),
}
export type ProducerSettings = z.output<z.ZodObject<typeof producerSettings>>

/** What a service reads that consumes topics in a group. */
export const consumerSettings = {
  CONSUME_MAX_BATCH: count(500).describe('Most records that a handler gets at once.'),
  CONSUME_CONCURRENCY: count(2).describe('Partitions that one process works on at the same time.'),
  SESSION_TIMEOUT_MS: count(10_000, 6000).describe(
    'A process that sends no heartbeat for this long loses its partitions to others.',
  ),
  MAX_DEAD_LETTERS_IN_A_ROW: count(100).describe(
    'This many dead letters in a row on one partition stop the service, because the cause is probably not the records.',
  ),
}
export type ConsumerSettings = z.output<z.ZodObject<typeof consumerSettings>>

/** What a service reads that uses Postgres. */
export const postgresSettings = {
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'not a postgres:// address')
    .describe('Postgres, as postgres://user:password@host:port/database.')
    .meta({ confidential: true }),
  DATABASE_POOL_SIZE: count(4).describe('Connections to Postgres per process.'),
  DATABASE_QUERY_TIMEOUT_MS: count(60_000).describe(
    'Deadline of one statement in Postgres. A server that stays silent a few seconds longer counts as gone.',
  ),
}
export type PostgresSettings = z.output<z.ZodObject<typeof postgresSettings>>

/** What a service reads that keeps a ledger for as long as records may come again. */
export const ledgerSettings = {
  LEDGER_DAYS: count(90, recordLifeDays).describe(
    `Days for which a service remembers which records took effect, so that each does so once. At least the ${recordLifeDays} that a record can spend on its topic and then as a dead letter.`,
  ),
}
export type LedgerSettings = z.output<z.ZodObject<typeof ledgerSettings>>

/** What a service reads that calls mining modules. */
export const moduleSettings = {
  ALLOWED_PRIVATE_NETWORKS: list()
    .refine((networks) => networks.every(isNetwork), 'not a list of networks such as 127.0.0.0/8')
    .default([])
    .describe(
      'Private networks (CIDR, comma separated) in which mining modules and webhooks may be called. All other private addresses are blocked.',
    )
    .meta({ basic: true }),
  MODULE_CA: z
    .string()
    .optional()
    .describe('Certificate (PEM) of a private authority that signed mining modules’ certificates.'),
}

/** The secrets of tokens (contract section 2). */
export const tokenSettings = {
  PARMA_SHARED_SECRET_KEY: secret().describe('Signs the outer level of tokens. Modules know it.'),
  PARMA_ANALYTICS_SECRET_KEY: secret().describe('Signs the inner level of tokens. Only edge and scheduler know it.'),
}

/** What a service reads that makes or follows links in messages (signed-links.ts). */
export const linkSettings = {
  LINK_SECRET: secret()
    .optional()
    .describe(
      'Signs links in messages: to the "why" page and to unsubscribe. The same value in edge and notifier. Unset: messages have no links.',
    )
    .meta({ basic: true }),
}
