import { z } from 'zod'
import {
  count,
  type Env,
  flag,
  kafkaSettings,
  moduleSettings,
  port,
  postgresSettings,
  readEnv,
  serviceSettings,
  tokenSettings,
} from '#runtime/config.ts'

export const settings = {
  ...serviceSettings,
  ...kafkaSettings,
  ...postgresSettings,
  ...tokenSettings,
  ...moduleSettings,
  // Callers wait for their own record only, so a few milliseconds cost nobody much and let records share a send.
  PRODUCE_LINGER_MS: count(3, 0).describe('How long a record waits for others to travel with it.'),

  EDGE_PORT: port(8080).describe('Port that mining modules, parma-web and the cloud scheduler call.'),
  EDGE_HOST: z.string().default('0.0.0.0').describe('Address that port listens on; 127.0.0.1 for this machine only.'),
  FEED_DEADLINE_MS: count(5000).describe(
    'What is not safe in Kafka after this long is answered 503, with Retry-After.',
  ),
  LOOKUP_TIMEOUT_MS: count(2000).describe(
    'How long an answer waits for Postgres; feeds of known sources then go on without it.',
  ),
  DATABASE_TIMEOUT_MS: count(10_000).describe('How long all other work in Postgres may take; then the answer is 503.'),
  SOURCE_CACHE_MS: count(10_000, 0).describe('How long a data source, once read, is not read again.'),
  HANDSHAKE_TIMEOUT_MS: count(110_000).describe(
    'Deadline of the call of a module’s /initialize, in which the module calls back.',
  ),
  HANDSHAKE_TOKEN_SECONDS: count(1800).describe('Lifetime of the token that a handshake hands to the module.'),
  MAX_MAP_BYTES: count(4 * 1024 * 1024).describe('The largest answer of a module’s /initialize.'),
  MAX_BUFFERED_BYTES: count(64 * 1024 * 1024).describe('Request bodies being received at once; more are answered 503.'),
  MAX_JSON_DEPTH: count(1000).describe('Lists and objects within each other in a body; deeper ones are refused.'),
  HEADERS_TIMEOUT_MS: count(10_000).describe('How long a client may take to send its headers.'),
  REQUEST_TIMEOUT_MS: count(60_000).describe('How long a client may take to send a whole request.'),
  COMPATIBILITY_ROUTES: flag(true).describe(
    'Serve the routes that start work by a GET without a token, as parma-web and Cloud Scheduler call them.',
  ),
}

export const readConfig = (env: Env = process.env) => readEnv(settings, env)
export type Config = ReturnType<typeof readConfig>
