import {
  LogLevel,
  WebAPIHTTPError,
  WebAPIPlatformError,
  WebAPIRateLimitedError,
  WebAPIRequestError,
  WebClient,
} from '@slack/web-api'
import { excerpt } from '#runtime/text/shorten.ts'
import { minuteMs } from '#runtime/text/time.ts'
import { actionsFor } from '../render/actions.ts'
import { asSlack, maxDigestChars } from '../render/slack.ts'
import { type Answer, maxWaitMs, withoutSecret } from './answer.ts'
import type { ChannelKind, Delivery } from './channel.ts'
import type { FoundSecret } from '../secrets/secrets.ts'
import type { ChannelSettings } from './settings.ts'
import { notAskable, openSlackWebhooks } from './slack-webhook.ts'

const channelId = /^[CDGU][A-Z0-9]{6,20}$/
const channelName = /^[\p{Ll}\p{Lo}\p{M}\p{N}_-]{1,80}$/u

/** How many pages of 200 messages are searched for a message. */
const maxPages = 10
/** How far the database's clock and Slack's may differ. */
const clockDifferenceMs = 5 * minuteMs

/**
 * Slack, through its Web API with a bot token, or through an incoming webhook if the secret is an https:// address. If
 * an answer of the Web API is lost, the message is looked up by its metadata.
 */
export const slack: ChannelKind = {
  parse(destination) {
    const channel = destination.trim().replace(/^#/, '')
    if (channelId.test(channel) || channelName.test(channel)) return channel
    throw new Error('is not a Slack channel: give its id, or its name in lower case without #')
  },
  hasSecrets: true,
  maxDigestChars,
  help: {
    destination: 'name or id of a Slack channel',
    secret:
      'a bot token (xoxb-…) or the address of an incoming webhook (https://hooks.slack.com/…), default: SLACK_TOKEN',
  },
  intervalMs: (config) => config.SLACK_INTERVAL_MS,
  resendsUnknown: () => false,
  open({ config, findSecret }) {
    const teams = new Map<string, Team>()
    const postToWebhook = openSlackWebhooks({ config })

    function teamOf(token: string): Team {
      const team = teams.get(token) ?? { client: openClient(config, token), ids: new Map() }
      teams.set(token, team)
      return team
    }

    async function secretOf({ secretId }: Delivery): Promise<FoundSecret> {
      if (secretId !== null) return findSecret(secretId)
      if (config.SLACK_TOKEN) return { secret: config.SLACK_TOKEN }
      return { problem: 'no bot token is configured: set SLACK_TOKEN', isMissing: true }
    }

    async function post(
      { client, ids }: Team,
      { address, message, why, actor, notificationId }: Delivery,
    ): Promise<Answer> {
      const { channel, ts } = await client.chat.postMessage({
        channel: channelId.test(address) ? address : `#${address}`,
        ...asSlack(message, { why, actionsOf: actionsFor(config, actor) }),
        metadata: { event_type: 'parma_notification', event_payload: { notification_id: notificationId } },
        unfurl_links: false,
        unfurl_media: false,
      })
      if (channel) ids.set(address, channel)
      return { kind: 'sent', reference: `${channel}/${ts}` }
    }

    async function look(team: Team, delivery: Delivery): Promise<Answer> {
      const channel = await findChannel(team, delivery.address)
      if (channel !== null) return findMessage(team.client, channel, delivery)
      return { kind: 'lost', reason: `there is no public channel #${delivery.address}: use the id of a private one` }
    }

    return {
      async send(delivery) {
        const found = await secretOf(delivery)
        if ('problem' in found) return withoutSecret(found)
        if (isAddress(found.secret)) return postToWebhook(found.secret, delivery)
        return post(teamOf(found.secret), delivery).catch((error: unknown) => judgeSlackError(error))
      },
      async find(delivery) {
        const found = await secretOf(delivery)
        if ('problem' in found) return asNotFoundOut({ kind: 'retry', reason: found.problem })
        if (isAddress(found.secret)) return notAskable
        return look(teamOf(found.secret), delivery).catch((error: unknown) => asNotFoundOut(judgeSlackError(error)))
      },
    }
  },
}

/** A bot's client and the ids of its channels, by name. */
type Team = { client: WebClient; ids: Map<string, string> }

const isAddress = (secret: string) => /^https?:/i.test(secret)

/** A search that failed says nothing about the message, so it must not be sent again. */
function asNotFoundOut(failure: Answer): Answer {
  return failure.kind === 'sent'
    ? failure
    : { ...failure, kind: 'lost', reason: `cannot be looked up: ${failure.reason}` }
}

function openClient(config: ChannelSettings, token: string): WebClient {
  const silent = {
    debug() {},
    info() {},
    warn() {},
    error() {},
    setLevel() {},
    getLevel: () => LogLevel.ERROR,
    setName() {},
  }
  return new WebClient(token, {
    slackApiUrl: config.SLACK_API_URL,
    timeout: config.SEND_TIMEOUT_MS,
    // The delivery loop retries. A retry by the client could post a message twice.
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    allowAbsoluteUrls: false,
    logger: silent,
  })
}

async function findMessage(
  client: WebClient,
  channel: string,
  { notificationId, createdAt }: Delivery,
): Promise<Answer> {
  const oldest = String((createdAt - clockDifferenceMs) / 1000)
  let cursor: string | undefined
  for (let page = 0; page < maxPages; page++) {
    const history = await client.conversations.history({
      channel,
      oldest,
      cursor,
      limit: 200,
      include_all_metadata: true,
    })
    const found = history.messages?.find(
      ({ metadata }) =>
        (metadata?.event_payload as { notification_id?: string } | undefined)?.notification_id === notificationId,
    )
    if (found) return { kind: 'sent', reference: `${channel}/${found.ts}` }
    cursor = history.response_metadata?.next_cursor || undefined
    if (!cursor && !history.has_more)
      return { kind: 'retry', reason: 'not found in the channel: the call did not arrive' }
    if (!cursor) break
  }
  return { kind: 'lost', reason: `not among the last ${maxPages * 200} messages of the channel` }
}

/** The id of a channel, which reading its history needs; null: there is no such public channel. */
async function findChannel({ client, ids }: Team, address: string): Promise<string | null> {
  if (channelId.test(address)) return address
  for (let cursor: string | undefined, page = 0; !ids.has(address) && page < maxPages; page++) {
    const list = await client.conversations.list({ limit: 1000, exclude_archived: true, cursor })
    const found = list.channels?.find(({ name }) => name === address)
    if (found?.id) ids.set(address, found.id)
    cursor = list.response_metadata?.next_cursor || undefined
    if (!cursor) break
  }
  return ids.get(address) ?? null
}

/** Errors after which Slack may have posted anyway, https://docs.slack.dev/reference/methods/chat.postMessage#errors */
const openErrors = new Set(['fatal_error', 'internal_error', 'request_timeout'])
/** Temporary errors. */
const passingErrors = new Set([
  'ratelimited',
  'rate_limited',
  'service_unavailable',
  'team_added_to_org',
  'accesslimited',
])

/** Errors that concern every message to the channel or with the token. */
const destinationErrors = new Set([
  ...['channel_not_found', 'is_archived', 'not_in_channel', 'messages_tab_disabled'],
  ...['restricted_action', 'restricted_action_read_only_channel', 'restricted_action_thread_only_channel'],
  ...['restricted_action_non_threadable_channel', 'restricted_action_thread_locked'],
  ...[
    'not_authed',
    'invalid_auth',
    'account_inactive',
    'token_revoked',
    'token_expired',
    'missing_scope',
    'no_permission',
  ],
  ...['not_allowed_token_type', 'access_denied', 'org_login_required', 'ekm_access_denied', 'enterprise_is_restricted'],
  ...['team_access_not_granted', 'two_factor_setup_required'],
])

const badToken = 'Slack rejects the bot token: put a new one into the secret'
const hints: Record<string, string> = {
  channel_not_found: 'the bot sees no such channel: use the id of a private one, and invite the bot',
  not_in_channel: 'invite the bot to the channel',
  is_archived: 'the channel is archived',
  ...{ not_authed: badToken, invalid_auth: badToken, account_inactive: badToken },
  ...{ token_revoked: badToken, token_expired: badToken },
}

/** The result of a call to the Web API that failed. */
export function judgeSlackError(error: unknown): Answer {
  const reason = excerpt(error instanceof Error ? error.message : String(error), 300)
  if (error instanceof WebAPIRateLimitedError)
    return { kind: 'retry', reason, afterMs: Math.min(error.retryAfter * 1000, maxWaitMs) }
  if (error instanceof WebAPIPlatformError) {
    const code = String(error.data.error)
    if (passingErrors.has(code)) return { kind: 'retry', reason }
    // A proxy may answer 200 with a page of its own. Only one of Slack's error codes means that nothing was posted.
    if (openErrors.has(code) || !/^[a-z_]{1,60}$/.test(code)) return { kind: 'lost', reason }
    if (!destinationErrors.has(code)) return { kind: 'refused', concerns: 'message', reason }
    return {
      kind: 'refused',
      concerns: 'destination',
      reason: `${reason}: ${hints[code] ?? 'the bot may not post there'}`,
    }
  }
  if (error instanceof WebAPIHTTPError)
    return error.statusCode < 500 && error.statusCode !== 408
      ? { kind: 'refused', concerns: 'message', reason }
      : { kind: 'lost', reason }
  if (error instanceof WebAPIRequestError) return { kind: isNotConnected(error) ? 'retry' : 'lost', reason }
  // The client throws a bare Error for 429 without a usable Retry-After.
  return reason.startsWith('Retry header did not contain')
    ? { kind: 'retry', reason, afterMs: 60_000 }
    : { kind: 'lost', reason }
}

/** Errors of connecting only: with any other, Slack may have received the call. */
const notConnectedCodes = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT'])

function isNotConnected(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 6; at = at.cause, depth++) {
    if (notConnectedCodes.has(String((at as NodeJS.ErrnoException).code))) return true
    if (at instanceof AggregateError && at.errors.every(isNotConnected)) return true
  }
  return false
}
