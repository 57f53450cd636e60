/** Variables of the environment by name. */
export type Env = Readonly<Record<string, string | undefined>>

/** Where a value of one of our settings comes from when the setting itself is not given. */
export type Replacement = {
  /** Variables of the predecessor, all of which also come as `<NAME>_FILE`. */
  variables: readonly string[]
  /** What becomes of them, for the table of them all. */
  note: string
  /** The setting's value. `given`: those that are set, at least one. Throws an Error that names what is wrong. */
  compose(given: Env): string | undefined
}

/**
 * Our settings that take the place of variables of the predecessor (contract section 15.5). Where both are given, ours
 * counts.
 */
export const replaced: Readonly<Record<string, Replacement>> = {
  DATABASE_URL: {
    variables: ['POSTGRES_HOST', 'POSTGRES_PORT', 'POSTGRES_USER', 'POSTGRES_PASSWORD', 'POSTGRES_DB'],
    note: 'Host `localhost`, port `5432` and database `parma_analytics` by default; user and password are required, as before. Outside of `local` the connection is verified TLS: see DATABASE_CA and DATABASE_SSLMODE.',
    compose: composeDatabaseUrl,
  },
  EDGE_PORT: {
    variables: ['PORT'],
    note: 'Cloud Run sets it. The default is the image’s 8080, as before; for the 8000 of development set EDGE_PORT or PORT.',
    compose: ({ PORT }) => PORT,
  },
  EMAIL_FROM: {
    variables: ['SENDGRID_FROM_EMAIL'],
    note: 'Sender of e-mails, whatever sends them.',
    compose: ({ SENDGRID_FROM_EMAIL }) => SENDGRID_FROM_EMAIL,
  },
}

/** Variables of the predecessor that mean what they meant. */
export const unchanged: Readonly<Record<string, string>> = {
  DEPLOYMENT_ENV: 'Unset means `prod`, because only `local` accepts weak secrets.',
  PARMA_SHARED_SECRET_KEY: 'Outside of `local` at least 32 bytes. It has no default.',
  PARMA_ANALYTICS_SECRET_KEY: 'Outside of `local` at least 32 bytes. It has no default.',
  FIREBASE_ADMINSDK_CERTIFICATE:
    'Unset: the file `.secrets/la-famiglia-parma-ai-firebase-adminsdk.json` is read if it exists. It also names the project, unless FIRESTORE_PROJECT does.',
  GCP_SECRET_MANAGER_CERTIFICATE:
    'Unset: the file `.secrets/la-famiglia-parma-ai-secret-manager.json` is read if it exists. It also names the project, unless GCP_SECRET_MANAGER_PROJECT does. Secrets are looked for in SECRETS_DIR, SECRET_<NAME> and the database first.',
  SENDGRID_API_KEY: 'All four SendGrid variables are required together, as before, and none of them beside SMTP_URL.',
  SENDGRID_NOTIFICATION_TEMPLATE_ID: 'Gets the same data, `{"notification": "<text>"}`, without `<` and `>`.',
  SENDGRID_REPORT_TEMPLATE_ID: 'Gets the same data, `{"message": "<html>"}`, now with everything in it escaped.',
}

/**
 * Variables of the predecessor that nothing reads any more, and why. A service that finds one set warns when it starts.
 */
export const ignored: Readonly<Record<string, string>> = {
  CHATGPT_API_KEY: 'Texts come from templates; no language model is used.',
}

/**
 * Our own variables of before that are constants now, with the value they always have. A service that finds one set
 * warns when it starts.
 */
export const formerSettings: Readonly<Record<string, string>> = {
  ANSWER_TIMEOUT_MS: '60000',
  ASSIGN_BATCH: '50',
  BREAKER_MAX_SECONDS: '3600',
  BREAKER_SECONDS: '300',
  COMPOSE_BATCH: '200',
  CONSUME_FETCH_BYTES: '8388608',
  CONSUME_MAX_BATCH_BYTES: '524288',
  CRM_TIMEOUT_MS: '30000',
  DELIVERY_CONCURRENCY: '16',
  DELIVERY_SLOW_AFTER_MS: '1000',
  DELIVERY_SLOW_CONCURRENCY: '24',
  DIGEST_CHART_DAYS: '56',
  DIGEST_LATE_HOURS: '24',
  DIGEST_LINES: '500',
  DIGEST_LOOK_BACK_DAYS: '45',
  DISCOVERIES_AT_ONCE: '4',
  DISCOVERY_EMPTY_SECONDS: '86400',
  DISCOVERY_MAX_SECONDS: '604800',
  DISCOVERY_VALIDITY_DAYS: '180',
  FIRESTORE_COMMIT_MAX: '25',
  FIRESTORE_CONCURRENCY: '100',
  HANDLER_DEADLINE_MS: '120000',
  HANDSHAKE_TOKEN_SECONDS: '1800',
  KEPT_VALUES: '32',
  LATE_START_SECONDS: '300',
  LEDGER_PRUNE_BATCH: '5000',
  LOOK_UP_AFTER_MS: 'ten times RETRY_FIRST_MS',
  MAX_DRIFT_PER_PAYLOAD: '50',
  MAX_DRIFT_PER_SOURCE: '500',
  MAX_GONE_ITEMS: '1000',
  MAX_ITEM_NEWS: '3',
  MINER_CACHE_HOURS: '24',
  MINER_CALL_ATTEMPTS: '5',
  MINER_CALL_PAUSE_MS: '500',
  MINER_CALL_TIMEOUT_MS: '120000',
  MINER_CONCURRENCY: '4',
  MINER_HISTORY_MONTHS: '12',
  MINER_MAX_BODY_BYTES: '1048576',
  MINER_MAX_PAUSE_MS: '10000',
  MINER_NPM_PAUSE_MINUTES: '10',
  MINER_NPM_TIMEOUT_MS: '20000',
  MINER_RELEASES_SINCE: '2025-01-01',
  NULL_RATE_DAYS: '30',
  NULL_RATE_MIN_LEAVES: '20',
  NULL_RATE_RISE: '0.5',
  PARK_AFTER_FAILURES: '10',
  PRODUCE_LINGER_MS: '0, in the edge 3',
  PRODUCE_MAX_BATCH_BYTES: '900000',
  RATE_LIMIT_MAX_CALLERS: '20000',
  REPORT_POLL_MS: 'a third of DIGEST_POLL_MS',
  RUNS_AT_ONCE: '1000',
  SAMPLE_LENGTH: '200',
  SECRET_CACHE_MS: '300000',
  SERIES_CACHE_SIZE: '200000',
  STALE_CHECK_SECONDS: '60',
  TOKEN_MARGIN_SECONDS: '1800',
}

function composeDatabaseUrl({
  POSTGRES_HOST: host = 'localhost',
  POSTGRES_PORT: port = '5432',
  POSTGRES_USER: user,
  POSTGRES_PASSWORD: password,
  POSTGRES_DB: database = 'parma_analytics',
}: Env): string {
  const problems: string[] = []
  for (const [name, value] of Object.entries({ POSTGRES_USER: user, POSTGRES_PASSWORD: password }))
    if (value === undefined)
      problems.push(`${name} is missing. Give it with the other POSTGRES_*, or give DATABASE_URL.`)
  const authority = host.includes(':') ? `[${host}]` : host
  if (!/^[\w.:[\]-]+$/.test(host) || !URL.canParse(`http://${authority}`))
    problems.push('POSTGRES_HOST is wrong: not the name or address of a host.')
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65535)
    problems.push('POSTGRES_PORT is wrong: not a port between 1 and 65535.')
  if (problems.length > 0) throw new Error(problems.join('\n'))
  const [name, secret, path] = [user, password, database].map((part) => encodeURIComponent(part ?? ''))
  return `postgres://${name}:${secret}@${authority}:${port}/${path}`
}
