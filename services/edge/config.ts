import { z } from 'zod'
import { firestoreSettings, readFirestoreAccess, withFirestoreAccount } from '#runtime/firestore/settings.ts'
import { type Check, count, flag, port, problemsOf, readEnv, secret } from '#runtime/process/config.ts'
import type { Env } from '#runtime/process/legacy-env.ts'
import {
  kafkaSettings,
  linkSettings,
  moduleSettings,
  postgresSettings,
  producerSettings,
  serviceSettings,
  tokenSettings,
  understandSettings,
} from '#runtime/process/settings.ts'
import { secretsDir } from '#runtime/process/service-account.ts'

export const settings = {
  ...serviceSettings,
  ...kafkaSettings,
  ...producerSettings,
  ...linkSettings,
  ...postgresSettings,
  ...tokenSettings,
  ...moduleSettings,
  ...firestoreSettings,
  ...understandSettings,
  EDGE_PORT: port(8080).describe('Port for mining modules, parma-web and Cloud Scheduler.').meta({ basic: true }),
  EDGE_HOST: z
    .string()
    .default('0.0.0.0')
    .describe('Address on which EDGE_PORT listens. 127.0.0.1 serves this machine only.'),
  FEED_DEADLINE_MS: count(100_000).describe(
    'How long a payload or the end of a task is held while no Kafka broker takes it. After that the response is 503 with Retry-After. Mining modules wait 120 seconds and do not send it again. DRAIN_TIMEOUT_MS must be longer for a stop to wait as long.',
  ),
  LOOKUP_TIMEOUT_MS: count(2000).describe(
    'Time to wait for a lookup in Postgres or Firestore. After that, payloads of known sources are accepted without it.',
  ),
  DATABASE_TIMEOUT_MS: count(10_000).describe(
    'Time for work in Postgres that is not a lookup. After that the response is 503.',
  ),
  SOURCE_CACHE_MS: count(10_000, 0).describe('How long a data source is cached.'),
  HANDSHAKE_TIMEOUT_MS: count(110_000).describe(
    'Deadline of the call to a module’s /initialize. The module registers its measurements during this call.',
  ),
  MAX_MAP_BYTES: count(1024 * 1024).describe('Size of the largest response of a module’s /initialize.'),
  MAX_BUFFERED_BYTES: count(64 * 1024 * 1024).describe(
    'Total size of the request bodies being received. More are answered with 503.',
  ),
  MAX_JSON_DEPTH: count(1000).describe(
    'Deepest nesting of lists and objects in a body. Deeper bodies are answered with 422.',
  ),
  MAX_FEED_VALUES: count(400_000).describe(
    'JSON values (scalars, lists and objects) in one payload. Payloads with more are answered with 413 and not parsed. Twice MAX_LEAVES of the normalizer, because lists and objects count too.',
  ),
  MAX_BATCH_BYTES: count(16 * 1024 * 1024).describe(
    'Size of a body of POST /api/v1/payloads, unpacked. Larger ones are answered with 413.',
  ),
  MAX_BATCH_PAYLOADS: count(1000).describe(
    'Payloads in a body of POST /api/v1/payloads. More are answered with 413, and none is taken.',
  ),
  MAX_DRY_RUN_BYTES: count(1024 * 1024).describe(
    'Size of a body of POST /api/v1/payloads?dry_run=true, unpacked. What is understood of it is described at length.',
  ),
  MAX_SOURCE_BYTES_PER_DAY: count(10 * 1024 ** 3, 0).describe(
    'Bytes of payloads and ends of tasks, unpacked, that one data source may send per day (UTC). More payloads are answered with 429 until midnight, and operators get a message once a day; ends of tasks are refused above twice as many. Counted over all edges, to within some seconds. 0 means no limit.',
  ),
  SESSION_DAYS: count(30).describe('Days after which people sign in again at the latest.'),
  SESSION_IDLE_DAYS: count(7).describe('Days without a request after which people sign in again.'),
  RATE_LIMIT_SIGN_IN: count(100, 0).describe(
    'Links to sign in that are asked for, and tries to sign in that fail, per hour and network address. 0 means no limit.',
  ),
  SIGN_IN_MAILS: count(5).describe('Links to sign in that are sent to one e-mail address or person per hour.'),
  SIGN_IN_FAILURES: count(100).describe(
    'Failed tries to sign in per hour that each edge notes in the audit log. The service’s log has all of them.',
  ),
  SIGN_IN_MINUTES: count(15).describe('Minutes for which a link that signs a person in is valid.'),
  MAX_LARGE_READS: count(4).describe(
    'Lists, companies and series, of the read API and of pages, that one process reads at the same time, because payloads come in beside them. Further requests wait for LOOKUP_TIMEOUT_MS and are then answered with 503 and Retry-After.',
  ),
  ATOM_ITEMS: count(50).pipe(z.number().max(200)).describe('News items in an Atom feed, the newest ones.'),
  ATOM_CACHE_MS: count(60_000, 0).describe('How long an Atom feed is cached.'),
  API_KEY_CACHE_MS: count(10_000, 0).describe(
    'How long an API key is cached. A revoked key keeps working for up to this long.',
  ),
  TRUST_PROXY: count(0, 0)
    .describe(
      'Number of proxies in front of the edge that append the caller to X-Forwarded-For. 1 on Cloud Run. With 0, the caller is the address of the connection.',
    )
    .meta({ basic: true }),
  RATE_LIMIT_ANONYMOUS: count(300, 0).describe(
    'Requests per minute without credentials, per address and route. Limits apply per process. More requests are answered with 429. 0 means no limit.',
  ),
  RATE_LIMIT_SOURCE: count(600_000, 0).describe(
    'Requests per minute with tokens of one data source. The default is more than a process can take, because modules do not repeat a rejected request.',
  ),
  RATE_LIMIT_PAYLOADS: count(600_000, 0).describe(
    'Payloads per minute of one data source that POST /api/v1/payloads takes. Each that is more is answered with 429 and may be sent later. 0 means no limit.',
  ),
  RATE_LIMIT_API_KEY: count(1200, 0).describe('Requests per minute with one API key.'),
  RATE_LIMIT_SESSION: count(1200, 0).describe('Requests per minute of one browser in which somebody has signed in.'),
  RATE_LIMIT_RULE_TRIALS: count(60, 0).describe(
    'Rules per minute that one person tries on the pages of series. Each takes the analyzer some hundredths of a second.',
  ),
  RATE_LIMIT_HANDSHAKE: count(10, 0).describe(
    'Handshakes per minute of one data source. Each calls its module, which may take minutes, and anybody who knows its address may ask for one.',
  ),
  RATE_LIMIT_REFUSED: count(1200, 0).describe('Requests per minute with invalid credentials, per address.'),
  MAX_CONNECTIONS: count(5000).describe('Connections of clients at once. More are closed.'),
  MAX_HEADER_BYTES: count(16 * 1024).describe('Size of the headers of one request. Larger ones are answered with 431.'),
  HEADERS_TIMEOUT_MS: count(10_000).describe('Time for a client to send its headers.'),
  REQUEST_TIMEOUT_MS: count(60_000).describe('Time for a client to send a whole request.'),
  COMPATIBILITY_ROUTES: flag(true)
    .describe(
      'Serve /schedule, /weekly-reports, /notification-rules, /crm-companies and handshakes without a token, as parma-web and Cloud Scheduler call them.',
    )
    .meta({ basic: true }),
  AFFINITY_API_KEY: secret()
    .optional()
    .describe('API key of Affinity, the CRM whose companies POST /crm-companies adds. Unset: no CRM is connected.')
    .meta({ basic: true }),
  AFFINITY_LIST_ID: z.coerce
    .number()
    .int()
    .positive()
    .optional()
    .describe('List in Affinity whose entries are the companies. Required with AFFINITY_API_KEY.')
    .meta({ basic: true }),
  AFFINITY_BASE_URL: z.url().default('https://api.affinity.co').describe('Address of Affinity’s API.'),
  CRM_INTERVAL_MS: count(30_000, 0).describe(
    'The CRM is read at most once in this time. Requests in between get the last result.',
  ),
  MAX_CRM_BYTES: count(8 * 1024 * 1024).describe(
    'Size of the largest response of the CRM. A response is one page of its companies.',
  ),
}

const findProblems: Check<typeof settings> = (config) => {
  const { AFFINITY_API_KEY: apiKey, AFFINITY_LIST_ID: listId, AFFINITY_BASE_URL: baseUrl, DEPLOYMENT_ENV } = config
  const { PARMA_SHARED_SECRET_KEY: shared, PARMA_ANALYTICS_SECRET_KEY: analytics } = config
  const problems: string[] = []
  if (shared !== undefined && shared === analytics && DEPLOYMENT_ENV !== 'local')
    problems.push('PARMA_ANALYTICS_SECRET_KEY equals PARMA_SHARED_SECRET_KEY, which modules know: set another secret.')
  const { MAX_BATCH_BYTES: batchBytes = 0, MAX_BUFFERED_BYTES: bufferedBytes = Infinity } = config
  if (batchBytes > bufferedBytes)
    problems.push('MAX_BATCH_BYTES is larger than MAX_BUFFERED_BYTES: no such body could be received.')
  if (apiKey !== undefined && listId === undefined)
    problems.push('AFFINITY_LIST_ID is missing: AFFINITY_API_KEY needs it.')
  if (apiKey === undefined && listId !== undefined)
    problems.push('AFFINITY_API_KEY is missing: AFFINITY_LIST_ID needs it.')
  if (baseUrl?.startsWith('https://') === false && DEPLOYMENT_ENV !== 'local')
    problems.push('AFFINITY_BASE_URL does not begin with https://: the API key would be sent unencrypted.')
  return [...problems, ...problemsOf(() => readFirestoreAccess(config))]
}

/** The edge's settings. `affinity` null: no CRM is connected. `firestore` null: Firestore is not configured. */
export const readConfig = (env: Env = process.env) => {
  const config = readEnv(settings, withFirestoreAccount(env, secretsDir), findProblems)
  const { AFFINITY_API_KEY: apiKey, AFFINITY_LIST_ID: listId, AFFINITY_BASE_URL: baseUrl } = config
  const affinity = apiKey === undefined || listId === undefined ? null : { apiKey, listId, baseUrl }
  return { ...config, affinity, firestore: readFirestoreAccess(config) }
}
export type Config = ReturnType<typeof readConfig>
