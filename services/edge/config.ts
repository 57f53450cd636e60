import { z } from 'zod'
import { firestoreSettings, readFirestoreAccess, secretsDir, withAccountFile } from '#runtime/firestore/settings.ts'
import {
  type Check,
  count,
  type Env,
  flag,
  kafkaSettings,
  linkSettings,
  moduleSettings,
  port,
  postgresSettings,
  problemsOf,
  producerSettings,
  readEnv,
  secret,
  serviceSettings,
  tokenSettings,
} from '#runtime/process/config.ts'

export const settings = {
  ...serviceSettings,
  ...kafkaSettings,
  ...producerSettings,
  ...linkSettings,
  ...postgresSettings,
  ...tokenSettings,
  ...moduleSettings,
  ...firestoreSettings,
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
  MAX_MAP_BYTES: count(1024 * 1024).describe('The largest answer of a module’s /initialize.'),
  MAX_BUFFERED_BYTES: count(64 * 1024 * 1024).describe('Request bodies being received at once; more are answered 503.'),
  MAX_JSON_DEPTH: count(1000).describe('Lists and objects within each other in a body; deeper ones are refused.'),
  API_KEY_CACHE_MS: count(10_000, 0).describe(
    'How long an API key, once read, is not read again: a revoked one opens for as long.',
  ),
  TRUST_PROXY: count(0, 0).describe(
    'How many proxies stand in front and add the caller to X-Forwarded-For; 0: the address of the connection is the caller’s. Cloud Run is 1.',
  ),
  RATE_LIMIT_ANONYMOUS: count(300, 0).describe(
    'Requests a minute without credentials, per address and route. Limits are per process, more is answered 429, and 0 is no limit.',
  ),
  // Modules never send again what is refused: whatever a lower limit refuses is lost.
  RATE_LIMIT_SOURCE: count(600_000, 0).describe(
    'Requests a minute with tokens of one data source: more than a process takes, as modules lose what is refused.',
  ),
  RATE_LIMIT_API_KEY: count(1200, 0).describe('Requests a minute with one API key.'),
  RATE_LIMIT_REFUSED: count(1200, 0).describe('Requests a minute with credentials that are refused, per address.'),
  MAX_CONNECTIONS: count(5000).describe('Connections of clients at once; more are closed.'),
  MAX_HEADER_BYTES: count(16 * 1024).describe('The headers of one request; larger ones are answered 431.'),
  HEADERS_TIMEOUT_MS: count(10_000).describe('How long a client may take to send its headers.'),
  REQUEST_TIMEOUT_MS: count(60_000).describe('How long a client may take to send a whole request.'),
  COMPATIBILITY_ROUTES: flag(true).describe(
    'Serve the routes that start work, and handshakes, without a token, as parma-web and Cloud Scheduler call them.',
  ),
  AFFINITY_API_KEY: secret()
    .optional()
    .describe('Key of Affinity, the CRM that POST /crm-companies adds companies from. Unset: no CRM is connected.'),
  AFFINITY_LIST_ID: z.coerce
    .number()
    .int()
    .positive()
    .optional()
    .describe('List in Affinity whose entries are the companies. Needed with AFFINITY_API_KEY.'),
  AFFINITY_BASE_URL: z.url().default('https://api.affinity.co').describe('Address of Affinity’s API.'),
  CRM_INTERVAL_MS: count(30_000, 0).describe(
    'The CRM is read at most once in this time; who asks in between gets what was read last.',
  ),
  MAX_CRM_BYTES: count(8 * 1024 * 1024).describe('The largest answer of the CRM, which is one page of its companies.'),
}

const findProblems: Check<typeof settings> = (config) => {
  const { AFFINITY_API_KEY: apiKey, AFFINITY_LIST_ID: listId, AFFINITY_BASE_URL: baseUrl, DEPLOYMENT_ENV } = config
  const { PARMA_SHARED_SECRET_KEY: shared, PARMA_ANALYTICS_SECRET_KEY: analytics } = config
  const problems: string[] = []
  if (shared !== undefined && shared === analytics && DEPLOYMENT_ENV !== 'local')
    problems.push('PARMA_ANALYTICS_SECRET_KEY equals PARMA_SHARED_SECRET_KEY, which modules know: set another secret.')
  if (apiKey !== undefined && listId === undefined)
    problems.push('AFFINITY_LIST_ID is missing: AFFINITY_API_KEY needs it.')
  if (apiKey === undefined && listId !== undefined)
    problems.push('AFFINITY_API_KEY is missing: AFFINITY_LIST_ID needs it.')
  if (baseUrl?.startsWith('https://') === false && DEPLOYMENT_ENV !== 'local')
    problems.push('AFFINITY_BASE_URL does not begin with https://: the API key would be sent unencrypted.')
  return [...problems, ...problemsOf(() => readFirestoreAccess(config))]
}

/** The edge's settings. `affinity` is null where no CRM is connected, `firestore` where nothing says where it is. */
export const readConfig = (env: Env = process.env) => {
  const config = readEnv(settings, withAccountFile(env, secretsDir), findProblems)
  const { AFFINITY_API_KEY: apiKey, AFFINITY_LIST_ID: listId, AFFINITY_BASE_URL: baseUrl } = config
  const affinity = apiKey === undefined || listId === undefined ? null : { apiKey, listId, baseUrl }
  return { ...config, affinity, firestore: readFirestoreAccess(config) }
}
export type Config = ReturnType<typeof readConfig>
