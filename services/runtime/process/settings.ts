import { z } from 'zod'
import { recordLifeDays } from '#schemas/topics.ts'
import { isNetwork } from '../web/ip-allow-list.ts'
import { count, flag, list, port, rotatingSecret, secret } from './config.ts'
import { logFormats } from './log.ts'
import { findAddressProblem, isCertificate, sslModes } from './database-address.ts'

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
  LOG_FORMAT: z
    .enum(logFormats)
    .default('json')
    .describe('Form of log lines: json, or gcp with the severity and message that Google Cloud knows.'),
  HEALTH_PORT: port(9090).describe('Port of /livez, /readyz and /metrics.').meta({ basic: true }),
  HEALTH_HOST: z
    .string()
    .default('0.0.0.0')
    .describe('Address on which HEALTH_PORT listens. 127.0.0.1 serves this machine only.'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'Collector of OpenTelemetry that takes traces over HTTP, such as http://collector:4318. Unset: no traces.',
    ),
  OTEL_TRACES_SAMPLER_ARG: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe(
      'Share of traces that are recorded, of those that begin here. One that comes with a request or a record is recorded if its caller says so.',
    ),
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

/** What decides whether a payload can be understood (runtime/understand). */
export const understandSettings = {
  MAX_LEAVES: count(200_000).describe('Leaves (scalars) in one payload. A payload with more is refused as a whole.'),
  MAX_DEPTH: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(100)
    .describe('Levels of lists and objects in one payload. A deeper payload is refused as a whole.'),
  OLDEST_OBSERVED_AT: z.iso
    .date()
    .default('2000-01-01')
    .describe('Earliest day that a payload may be about. Each month with values is a partition of the table.'),
}

/** What a service reads that consumes topics in a group. */
export const consumerSettings = {
  CONSUME_MAX_BATCH: count(500).describe('Most records that a handler gets at once.'),
  CONSUME_CONCURRENCY: count(2).describe('Partitions that one process works on at the same time.'),
  SESSION_TIMEOUT_MS: count(10_000, 6000).describe(
    'A process that sends no heartbeat for this long loses its partitions to others.',
  ),
  MAX_DEAD_LETTERS_IN_A_ROW: count(100).describe(
    'This many dead letters in a row pause their partition, because the cause is probably not the records. The service is not ready and reports it, and the next records are tried every minute.',
  ),
}
export type ConsumerSettings = z.output<z.ZodObject<typeof consumerSettings>>

/** What a service reads that consumes topics and sends what comes of it. */
export const pipelineSettings = { ...serviceSettings, ...kafkaSettings, ...producerSettings, ...consumerSettings }

/** What a service reads that uses Postgres. */
export const postgresSettings = {
  DEPLOYMENT_ENV: serviceSettings.DEPLOYMENT_ENV,
  DATABASE_URL: z
    .string()
    .superRefine((text, context) => {
      const message = findAddressProblem(text)
      if (message !== null) context.addIssue({ code: 'custom', message })
    })
    .describe('Postgres, as postgres://user:password@host:port/database. It may end with ?sslmode=…')
    .meta({ confidential: true }),
  DATABASE_CA: z
    .string()
    .refine(isCertificate, 'not a certificate (PEM)')
    .optional()
    .describe('Certificate (PEM) of the authority that signed Postgres’ certificate. Unset: the public authorities.')
    .meta({ basic: true }),
  DATABASE_SSLMODE: z
    .enum(sslModes)
    .optional()
    .describe(
      'TLS to Postgres where DATABASE_URL has no sslmode. `disable` is plain text, `no-verify` trusts any server, `verify-ca` does not compare the server’s name, `require` and `verify-full` verify everything. Unset: `disable` in DEPLOYMENT_ENV=local without DATABASE_CA, else `verify-full`.',
    ),
  DATABASE_POOL_SIZE: count(4).describe('Connections to Postgres per process.'),
  DATABASE_QUERY_TIMEOUT_MS: count(60_000).describe(
    'Deadline of one statement in Postgres. A server that stays silent a few seconds longer counts as gone.',
  ),
  DATABASE_LOCK_TIMEOUT_MS: count(15_000).describe(
    'Time a statement in Postgres waits for a lock. Then it fails and its transaction is retried.',
  ),
  DATABASE_IDLE_TRANSACTION_TIMEOUT_MS: count(10_000, 1000).describe(
    'Time a transaction in Postgres waits for its process. Then Postgres ends it, so a process that hangs holds up no other for longer.',
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
  ALLOWED_HTTP_MODULES: list()
    .default([])
    .describe(
      'Hosts of mining modules (host or host:port, comma separated) that may be called with http://, which sends their tokens in plain text. In DEPLOYMENT_ENV=local all may.',
    ),
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
  LINK_SECRET: rotatingSecret()
    .optional()
    .describe(
      'Signs links in messages and links that sign people in. The same value in edge and notifier. Two secrets with a comma between them replace one by another: the first signs, both verify. Unset: there are no such links.',
    )
    .meta({ basic: true }),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/, normalize: true })
    .refine(isBase, 'must be without user name, ? and #')
    // In Slack's markup, `|` would end the address.
    .transform((url) => url.replaceAll('|', '%7C'))
    .optional()
    .describe('Address at which people reach the edge, for links. Unset: messages have no links.')
    .meta({ basic: true }),
}

function isBase(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && `${url.username}${url.password}${url.search}${url.hash}` === ''
}
