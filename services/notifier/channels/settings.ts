import wellKnown from 'nodemailer/lib/well-known'
import { z } from 'zod'
import { count, flag, problemsOf, secret } from '#runtime/process/config.ts'
import type { Env } from '#runtime/process/legacy-env.ts'
import { moduleSettings, serviceSettings } from '#runtime/process/settings.ts'
import { parseEmailAddress } from '#runtime/text/email-address.ts'
import { dayMs } from '#runtime/text/time.ts'
import type { LinkSettings } from '#runtime/web/signed-links.ts'
import { readSecretManagerAccess, secretManagerSettings } from '../secrets/secret-manager.ts'
import { pickSecretVariables, readSecretKeys, secretSettings } from '../secrets/secrets.ts'

const emailAddress = z.string().transform((text, context) => {
  const address = parseEmailAddress(text)
  if (address !== null) return address
  context.addIssue('not one e-mail address such as ann@example.com')
  return z.NEVER
})

const emailSettings = {
  EMAIL_FROM: emailAddress
    .optional()
    .describe(
      'Sender of e-mails. Required with a mail server or SendGrid outside of DEPLOYMENT_ENV=local, unless SMTP_USER is an address.',
    )
    .meta({ basic: true }),
  EMAIL_RESEND_UNKNOWN: flag(false).describe(
    'Send an e-mail again when it is unclear whether it was sent. It may then arrive twice; without this, it may not arrive at all.',
  ),
  UNSUBSCRIBE_MAILBOX: emailAddress
    .optional()
    .describe(
      'Mailbox of somebody who ends e-mails on request. Every e-mail names it beside the unsubscribe link. Unset: e-mails have only the link.',
    ),
  SMTP_URL: z
    .string()
    .regex(/^smtps?:\/\//, 'not an smtp:// or smtps:// address')
    .optional()
    .describe(
      'Mail server, as smtp://user:password@host:port, or smtps:// for TLS from the start. Unset, without SMTP_SERVICE and SENDGRID_API_KEY: no e-mail is sent.',
    )
    .meta({ basic: true, confidential: true }),
  SMTP_REQUIRE_TLS: flag(true).describe(
    'Send nothing over an smtp:// connection that cannot be upgraded to TLS. Ignored in DEPLOYMENT_ENV=local.',
  ),
  SMTP_SERVICE: z
    .string()
    .optional()
    .describe(
      'Name of a well-known mail service, such as Gmail, in place of SMTP_URL. Needs SMTP_USER and SMTP_PASSWORD.',
    ),
  SMTP_USER: z.string().optional().describe('User name at SMTP_SERVICE. For Gmail, the whole address.'),
  SMTP_PASSWORD: z
    .string()
    .optional()
    .describe('Password at SMTP_SERVICE. For Gmail, an app password (https://myaccount.google.com/apppasswords).')
    .meta({ confidential: true }),
  SENDGRID_API_KEY: secret()
    .optional()
    .describe(
      'Send e-mails through SendGrid’s HTTP API instead of a mail server. Needs EMAIL_FROM and both templates.',
    ),
  SENDGRID_NOTIFICATION_TEMPLATE_ID: z
    .string()
    .optional()
    .describe('SendGrid’s dynamic template for alerts. Its data is `notification`, a text.'),
  SENDGRID_REPORT_TEMPLATE_ID: z
    .string()
    .optional()
    .describe('SendGrid’s dynamic template for reports. Its data is `message`, HTML: use it with three braces.'),
  SENDGRID_API_URL: z.url().default('https://api.sendgrid.com').describe('Address of SendGrid’s API.'),
}

const slackSettings = {
  SLACK_API_URL: z.url().default('https://slack.com/api/').describe('Address of Slack’s Web API.'),
  SLACK_TOKEN: secret().optional().describe('Bot token for Slack channels that name no secret.').meta({ basic: true }),
  SLACK_INTERVAL_MS: count(1000, 0).describe('Shortest time between two messages to one Slack channel.'),
  SLACK_WEBHOOK_URL: z
    .url()
    .default('https://hooks.slack.com/')
    .describe('How addresses of Slack’s incoming webhooks begin. A secret with another address is not called.'),
}

/** What the channels read. */
export const channelSettings = {
  DEPLOYMENT_ENV: serviceSettings.DEPLOYMENT_ENV,
  ALLOWED_PRIVATE_NETWORKS: moduleSettings.ALLOWED_PRIVATE_NETWORKS,
  SEND_TIMEOUT_MS: count(15_000).describe('Deadline of one call to a mail server, Slack, SendGrid or a webhook.'),
  ...emailSettings,
  ...slackSettings,
  WEBHOOK_GIVE_UP_AFTER_MS: count(3 * dayMs).describe(
    'A webhook that is not delivered after this time has failed, or is unknown. Other messages: GIVE_UP_AFTER_MS.',
  ),
  ...secretSettings,
  ...secretManagerSettings,
}
type Read = z.output<z.ZodObject<typeof channelSettings>>

/** What does not fit together. */
export function checkChannels(config: Partial<Read>): string[] {
  const { SMTP_URL, SMTP_SERVICE, SENDGRID_API_KEY } = config
  const ways = Object.entries({ SMTP_URL, SMTP_SERVICE, SENDGRID_API_KEY }).flatMap(([name, value]) =>
    value ? [name] : [],
  )
  const problems = SMTP_SERVICE === undefined ? [] : checkMailService(config)
  if (ways.length > 1) problems.push(`${ways.join(' and ')} are both set. E-mail has one way out: keep one of them.`)
  if (!findSender(config) && (SENDGRID_API_KEY || (ways.length > 0 && config.DEPLOYMENT_ENV !== 'local')))
    problems.push('EMAIL_FROM is missing (SENDGRID_FROM_EMAIL of the predecessor). Set the sender of e-mails.')
  for (const name of ['SENDGRID_NOTIFICATION_TEMPLATE_ID', 'SENDGRID_REPORT_TEMPLATE_ID'] as const)
    if (SENDGRID_API_KEY && !config[name])
      problems.push(`${name} is missing. SendGrid needs a key, a sender and both templates.`)
  problems.push(...problemsOf(() => readSecretKeys(config)))
  problems.push(...problemsOf(() => readSecretManagerAccess(config)))
  return problems
}

/** The settings and what follows from them. `config` has passed `checkChannels`. */
export function completeChannels(config: Read, env: Env) {
  const isLocal = config.DEPLOYMENT_ENV === 'local'
  return {
    ...config,
    secretVariables: pickSecretVariables(env),
    secretKeys: readSecretKeys(config),
    secretManager: readSecretManagerAccess(config),
    SMTP_URL: config.SMTP_URL ?? composeServiceUrl(config),
    EMAIL_FROM: findSender(config) ?? 'parma@localhost',
    SLACK_TOKEN: config.SLACK_TOKEN ?? (isLocal ? 'xoxb-local' : undefined),
    SMTP_REQUIRE_TLS: config.SMTP_REQUIRE_TLS && !isLocal,
  }
}
export type ChannelSettings = ReturnType<typeof completeChannels> & LinkSettings

function findSender({ EMAIL_FROM, SMTP_SERVICE, SMTP_USER }: Partial<Read>): string | undefined {
  return EMAIL_FROM ?? parseEmailAddress((SMTP_SERVICE && SMTP_USER) ?? '') ?? undefined
}

function checkMailService({ SMTP_SERVICE = '', SMTP_USER, SMTP_PASSWORD }: Partial<Read>): string[] {
  return [
    ...(wellKnown(SMTP_SERVICE)
      ? []
      : [`SMTP_SERVICE is wrong: nodemailer knows no service ${SMTP_SERVICE}. Set SMTP_URL.`]),
    ...(SMTP_USER && SMTP_PASSWORD ? [] : ['SMTP_SERVICE needs SMTP_USER and SMTP_PASSWORD.']),
  ]
}

/** The mail server of a well-known service, with user and password; undefined without a service. */
function composeServiceUrl({ SMTP_SERVICE = '', SMTP_USER = '', SMTP_PASSWORD = '' }: Read): string | undefined {
  const server = SMTP_SERVICE ? wellKnown(SMTP_SERVICE) : false
  if (!server) return undefined
  const [user, password] = [SMTP_USER, SMTP_PASSWORD].map(encodeURIComponent)
  return `smtp${server.secure ? 's' : ''}://${user}:${password}@${server.host}:${server.port}`
}
