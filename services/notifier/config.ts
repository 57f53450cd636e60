import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import wellKnown from 'nodemailer/lib/well-known'
import { z } from 'zod'
import {
  ConfigError,
  consumerSettings,
  count,
  type Env,
  flag,
  kafkaSettings,
  ledgerSettings,
  linkSettings,
  moduleSettings,
  postgresSettings,
  producerSettings,
  readEnv,
  secret,
  serviceSettings,
} from '#runtime/process/config.ts'
import { readFirestoreAccess, withAccountFile as withFirestoreAccount } from '#runtime/firestore/settings.ts'
import { digestSettings } from './digests/settings.ts'
import { parseSecretKeys, type SecretKeys } from './channels/encrypt-secret.ts'

const minutes = (n: number) => n * 60_000

/** What the commands about secrets read, too. */
export const secretSettings = {
  SECRETS_KEYS: secret()
    .optional()
    .describe(
      'Keys of the secrets in the database, as id:key, comma separated, each key 32 random bytes in base64. The first encrypts, all decrypt. Unset: there are no secrets in the database.',
    ),
}

export const settings = {
  ...serviceSettings,
  ...kafkaSettings,
  ...producerSettings,
  ...consumerSettings,
  ...postgresSettings,
  ...ledgerSettings,
  ...linkSettings,
  PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Where people reach the edge, for links in messages. Unset: no links.'),
  LINK_DAYS: count(30).describe('How long the links of a message are good.'),
  GROUP_WAIT_MS: count(2000, 0).describe(
    'The news of one payload are told together: at the latest this long after the first.',
  ),
  OPS_WINDOW_MS: count(60_000, 0).describe(
    'Operational events within this time are one message to the administrators.',
  ),
  OPS_CRITICAL_KINDS: z
    .string()
    .default('dead-letters,destination-parked')
    .transform((kinds) => kinds.split(',').map((kind) => kind.trim()))
    .describe('Kinds of operational events, comma separated, that administrators hear through their quiet hours.'),
  MAX_LINES: count(30)
    .pipe(z.number().max(40, 'more than 40 do not fit into one Slack message'))
    .describe('News or events listed in one message; the rest is given as a count.'),
  STRICT_CHANNEL_PURPOSE: flag(false).describe(
    'Alerts go only to channels subscribed for NOTIFICATION. Else people whose channels are all for REPORT get alerts there too.',
  ),
  POLL_MS: count(500, 50).describe('How often due groups and deliveries are looked for when nothing wakes us.'),
  ASSIGN_BATCH: count(50).describe('Groups of news given to those who hear them in one transaction.'),
  COMPOSE_BATCH: count(200).describe('Destinations whose messages are made in one transaction.'),
  BUNDLE_WINDOW_MS: count(minutes(10), 0).describe(
    'After a message about a company, further ones wait for so long and are told together. Critical ones never wait.',
  ),
  COOL_DOWN_MS: count(minutes(60), 0).describe(
    'The same story (company, measurement, item, direction and day) is not told twice at a destination within this time, unless it is more severe or critical.',
  ),
  DELIVERY_CONCURRENCY: count(16).describe('Messages under way at once, per kind of channel.'),
  DELIVERY_SLOW_AFTER_MS: count(1000).describe(
    'A message under way for longer makes room for another: destinations that hang hold up no others.',
  ),
  DELIVERY_SLOW_CONCURRENCY: count(24, 0).describe('Messages that do so at once, per kind of channel.'),
  SEND_TIMEOUT_MS: count(15_000).describe('How long one call to a mail server or Slack may take in all.'),
  LEASE_MS: count(60_000).describe('A delivery `sending` for longer was left by a crash. Above SEND_TIMEOUT_MS.'),
  RETRY_FIRST_MS: count(1000).describe('Wait before the second attempt; doubled for each further one.'),
  RETRY_MAX_MS: count(minutes(15)).describe('Longest wait between two attempts.'),
  GIVE_UP_AFTER_MS: count(minutes(24 * 60)).describe('A message not delivered by then has failed.'),
  PARK_AFTER_FAILURES: count(10).describe(
    'A destination where this many messages in a row have failed is parked: it gets nothing until somebody unparks it.',
  ),
  TROUBLE_AFTER_MS: count(60_000, 0).describe(
    'Administrators are told when no message of a kind of channel, or with one secret, gets out for a reason that is ours, as a key that is refused or missing, for this long.',
  ),
  LOOK_UP_AFTER_MS: count(10_000, 0).describe('Wait before looking for a message whose answer was lost.'),
  EMAIL_RESEND_UNKNOWN: flag(false).describe(
    'Send an e-mail again when it is not known whether it went out. It may then come twice; without this, not at all.',
  ),
  EMAIL_FROM: z
    .email()
    .optional()
    .describe('Sender of e-mails. Needed outside of DEPLOYMENT_ENV=local, unless SMTP_USER is an address.'),
  UNSUBSCRIBE_MAILBOX: z
    .email()
    .optional()
    .describe(
      'A mailbox somebody reads who ends e-mails on request; named in each beside the link. Unset: the link alone.',
    ),
  SMTP_URL: z
    .string()
    .regex(/^smtps?:\/\//, 'not an smtp:// or smtps:// address')
    .optional()
    .describe(
      'Mail server, as smtp://user:password@host:port; smtps:// for TLS from the start. Unset: no e-mail is sent.',
    ),
  SMTP_REQUIRE_TLS: flag(true).describe(
    'Send nothing over an smtp:// connection that cannot be upgraded to TLS. Not asked in DEPLOYMENT_ENV=local.',
  ),
  SMTP_SERVICE: z
    .string()
    .optional()
    .describe(
      'In place of SMTP_URL, the name of a well-known mail service, as Gmail; with SMTP_USER and SMTP_PASSWORD.',
    ),
  SMTP_USER: z.string().optional().describe('User of SMTP_SERVICE; at Gmail the whole address.'),
  SMTP_PASSWORD: z
    .string()
    .optional()
    .describe('Password at SMTP_SERVICE; at Gmail an app password (https://myaccount.google.com/apppasswords).'),
  SENDGRID_API_KEY: secret()
    .optional()
    .describe('E-mails go through SendGrid’s HTTP API, not a mail server. Needs a sender and both templates.'),
  SENDGRID_NOTIFICATION_TEMPLATE_ID: z
    .string()
    .optional()
    .describe('Dynamic template of SendGrid for alerts; its data is `notification`, a text.'),
  SENDGRID_REPORT_TEMPLATE_ID: z
    .string()
    .optional()
    .describe('Dynamic template of SendGrid for reports; its data is `message`, as HTML: use it with three braces.'),
  SENDGRID_API_URL: z.url().default('https://api.sendgrid.com').describe('Address of SendGrid’s API.'),
  SLACK_API_URL: z.url().default('https://slack.com/api/').describe('Address of Slack’s Web API.'),
  SLACK_TOKEN: secret().optional().describe('Bot token for Slack channels that name no secret of their own.'),
  SLACK_INTERVAL_MS: count(1000, 0).describe('Least time between two messages to one Slack channel.'),
  SLACK_WEBHOOK_URL: z
    .url()
    .default('https://hooks.slack.com/')
    .describe('How addresses of Slack’s incoming webhooks begin; a secret with another address is not called.'),
  ALLOWED_PRIVATE_NETWORKS: moduleSettings.ALLOWED_PRIVATE_NETWORKS,
  ...secretSettings,
  GCP_SECRET_MANAGER_CERTIFICATE: secret()
    .optional()
    .describe(
      'Service account that may read the secrets of channels in Google’s Secret Manager, as the JSON text Google gives out. Unset: read from .secrets/la-famiglia-parma-ai-secret-manager.json where that exists, else Secret Manager is not asked.',
    ),
  GCP_SECRET_MANAGER_PROJECT: z
    .string()
    .optional()
    .describe('Google Cloud project of those secrets. Unset: that of the service account.'),
  GCP_SECRET_MANAGER_PREFIX: z
    .string()
    .default('parma-analytics-notification-channel-key-')
    .describe('How the names of those secrets begin. Anybody can name one in a channel, so no others are asked for.'),
  GCP_SECRET_MANAGER_URL: z
    .url()
    .default('https://secretmanager.googleapis.com')
    .describe('Address of Secret Manager’s API.'),
  SECRET_CACHE_MS: count(minutes(5), 0).describe('How long what Secret Manager said of a secret is believed.'),
  SECRETS_DIR: z.string().optional().describe('Folder of files named like the secrets that channels name (secret_id).'),
  WRITE_PUBLIC_NOTIFICATIONS: flag(true).describe(
    'Record told alerts in public.notification. A company with such a row cannot be deleted before the row is.',
  ),
  ...digestSettings,
}

/** Everything the notifier needs to know of its surroundings. */
export const readConfig = (env: Env = process.env, secretsDir = predecessorSecrets) => {
  const config = readEnv(settings, withFirestoreAccount(withAccountFile(env, secretsDir), secretsDir))
  const isLocal = config.DEPLOYMENT_ENV === 'local'
  const problems: string[] = []
  const { SMTP_URL, SMTP_SERVICE, SENDGRID_API_KEY } = config
  const serviceUrl = SMTP_SERVICE === undefined ? undefined : composeServiceUrl(config, problems)
  const ways = Object.entries({ SMTP_URL, SMTP_SERVICE, SENDGRID_API_KEY }).flatMap(([name, value]) =>
    value ? [name] : [],
  )
  if (ways.length > 1) problems.push(`${ways.join(' and ')} are both given: e-mail goes one way, so give one of them.`)
  const sender = config.EMAIL_FROM ?? z.email().safeParse(SMTP_SERVICE && config.SMTP_USER).data
  if (!sender && (SENDGRID_API_KEY || (ways.length > 0 && !isLocal)))
    problems.push('EMAIL_FROM is missing (SENDGRID_FROM_EMAIL of the predecessor). Give the sender of e-mails.')
  for (const name of ['SENDGRID_API_KEY', 'SENDGRID_NOTIFICATION_TEMPLATE_ID', 'SENDGRID_REPORT_TEMPLATE_ID'] as const)
    if (SENDGRID_API_KEY && !config[name])
      problems.push(`${name} is missing: SendGrid needs a key, a sender and both templates.`)
  if (config.LEASE_MS <= config.SEND_TIMEOUT_MS) problems.push('LEASE_MS must be above SEND_TIMEOUT_MS.')
  const secretKeys = attempt(() => readSecretKeys(config), problems)
  const secretManager = attempt(() => readSecretManager(config), problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return {
    ...config,
    secretKeys: secretKeys ?? null,
    secretManager: secretManager ?? null,
    SMTP_URL: SMTP_URL ?? serviceUrl,
    EMAIL_FROM: sender ?? 'parma@localhost',
    SLACK_TOKEN: config.SLACK_TOKEN ?? (isLocal ? 'xoxb-local' : undefined),
    SMTP_REQUIRE_TLS: config.SMTP_REQUIRE_TLS && !isLocal,
    /** Null: results of digests are not stored there. */
    firestore: readFirestoreAccess(config),
  }
}
export type Config = ReturnType<typeof readConfig>

const { DEPLOYMENT_ENV, PUBLIC_URL, LINK_DAYS, STRICT_CHANNEL_PURPOSE } = settings

/** What the commands for digests need of it. */
export const readDigestConfig = (env: Env = process.env, secretsDir = predecessorSecrets) => {
  const own = { DEPLOYMENT_ENV, PUBLIC_URL, LINK_DAYS, STRICT_CHANNEL_PURPOSE }
  const config = readEnv({ ...own, ...digestSettings, ...linkSettings }, withFirestoreAccount(env, secretsDir))
  return { ...config, firestore: readFirestoreAccess(config) }
}

/** What `read` returns; undefined when it throws, which is one of the problems. */
function attempt<T>(read: () => T, problems: string[]): T | undefined {
  try {
    return read()
  } catch (error) {
    problems.push((error as Error).message)
    return undefined
  }
}

/** The keys of secrets in the database; null: there are none. */
export function readSecretKeys({ SECRETS_KEYS }: { SECRETS_KEYS?: string | undefined }): SecretKeys | null {
  if (SECRETS_KEYS === undefined) return null
  try {
    return parseSecretKeys(SECRETS_KEYS)
  } catch (error) {
    throw new Error(`SECRETS_KEYS is wrong: ${(error as Error).message}.`, { cause: error })
  }
}

const serviceAccount = z.object({
  client_email: z.string(),
  private_key: z.string(),
  token_uri: z.url(),
  project_id: z.string().optional(),
})

/** Where Secret Manager is, and as whom to ask it. */
export type SecretManagerAccess = {
  account: z.output<typeof serviceAccount>
  project: string
  prefix: string
  url: string
  timeoutMs: number
}

const certificate = 'GCP_SECRET_MANAGER_CERTIFICATE'
/** Where the predecessor looked for it when the variable was not set (contract section 14). */
const predecessorSecrets = resolve(import.meta.dirname, '../../.secrets')

function withAccountFile(env: Env, secretsDir: string): Env {
  const file = join(secretsDir, 'la-famiglia-parma-ai-secret-manager.json')
  const isGiven = env[certificate] || env[`${certificate}_FILE`]
  return !isGiven && existsSync(file) ? { ...env, [`${certificate}_FILE`]: file } : env
}

function readSecretManager(config: z.output<z.ZodObject<typeof settings>>): SecretManagerAccess | null {
  const text = config[certificate]
  if (text === undefined) return null
  const account = serviceAccount.safeParse(parseJson(text)).data
  if (!account)
    throw new Error(
      `${certificate} is not the JSON text of a service account (with client_email, private_key, token_uri).`,
    )
  const project = config.GCP_SECRET_MANAGER_PROJECT ?? account.project_id
  if (project === undefined)
    throw new Error(`GCP_SECRET_MANAGER_PROJECT is missing, and ${certificate} has no project_id.`)
  const { GCP_SECRET_MANAGER_URL: url, GCP_SECRET_MANAGER_PREFIX: prefix, SEND_TIMEOUT_MS } = config
  return { account, project, prefix, url, timeoutMs: Math.min(SEND_TIMEOUT_MS, 5000) }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

type Service = { SMTP_SERVICE?: string | undefined; SMTP_USER?: string | undefined; SMTP_PASSWORD?: string | undefined }

/** The mail server of a well-known service, with the user in it. */
function composeServiceUrl(
  { SMTP_SERVICE = '', SMTP_USER, SMTP_PASSWORD }: Service,
  problems: string[],
): string | undefined {
  const server = wellKnown(SMTP_SERVICE)
  if (!server) problems.push(`SMTP_SERVICE is wrong: ${SMTP_SERVICE} is no service known to nodemailer. Give SMTP_URL.`)
  if (!SMTP_USER || !SMTP_PASSWORD) problems.push('SMTP_SERVICE needs SMTP_USER and SMTP_PASSWORD.')
  if (!server || !SMTP_USER || !SMTP_PASSWORD) return undefined
  const [user, password] = [SMTP_USER, SMTP_PASSWORD].map(encodeURIComponent)
  return `smtp${server.secure ? 's' : ''}://${user}:${password}@${server.host}:${server.port}`
}

/**
 * The secret a channel names: file `name` in SECRETS_DIR, else the variable `SECRET_<NAME>` (upper case, `_` for anything
 * that is no letter or digit). Channel rows are not trusted (contract section 17), so no other file or variable can be
 * reached. Null when there is none.
 */
export function findSecret(
  { SECRETS_DIR }: Pick<Config, 'SECRETS_DIR'>,
  name: string,
  env: Env = process.env,
): string | null {
  if (!/^\w[\w.-]{0,199}$/.test(name)) return null
  if (SECRETS_DIR)
    try {
      return readFileSync(join(SECRETS_DIR, name), 'utf8').trim()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  return env[secretVariable(name)] ?? null
}

/** The environment variable that holds the secret `name`. */
export function secretVariable(name: string): string {
  return `SECRET_${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`
}
