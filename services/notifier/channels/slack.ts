import { type ConversationsHistoryResponse, LogLevel, WebClient } from '@slack/web-api'
import { minuteMs } from '#runtime/text/time.ts'
import { actionsFor } from '../render/actions.ts'
import { asSlack, maxDigestChars } from '../render/slack.ts'
import { type Answer, withoutSecret } from './answer.ts'
import type { ChannelKind, Delivery, EarlierMessage } from './channel.ts'
import type { FoundSecret } from '../secrets/secrets.ts'
import type { ChannelSettings } from './settings.ts'
import { isBlocksError, judgeEditError, judgeFollowUpError, judgeSlackError } from './judge-slack-error.ts'
import { openSlackPictures } from './slack-pictures.ts'
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
  canEdit: true,
  showsDigestView: () => true,
  maxDigestChars,
  help: {
    destination: 'name or id of a Slack channel',
    secret:
      'a bot token (xoxb-…) or the address of an incoming webhook (https://hooks.slack.com/…), default: SLACK_TOKEN',
  },
  intervalMs: (config) => config.SLACK_INTERVAL_MS,
  resendsUnknown: () => false,
  open({ config, log, findSecret }) {
    const teams = new Map<string, Team>()
    const pictures = openSlackPictures({ config, log })
    const postToWebhook = openSlackWebhooks({ config }, pictures)

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

    async function post({ client, ids }: Team, delivery: Delivery): Promise<Answer> {
      const { address, message, why, actor, linksUntil, follows, notificationId } = delivery
      const post = {
        channel: channelId.test(address) ? address : `#${address}`,
        ...asSlack(message, { why, actionsOf: actionsFor(config, actor, linksUntil), ...pictures.of(delivery) }),
        metadata: metadataOf(notificationId),
        unfurl_links: false,
        unfurl_media: false,
      }
      const thread = postOf(follows)
      // A reply stands in the channel, too: nobody hears of one that is only in its thread.
      const posted = await client.chat
        .postMessage(thread === null ? post : { ...post, thread_ts: thread.ts, reply_broadcast: true })
        .catch((error: unknown) => {
          const again = isBlocksError(error) ? pictures.refused(post) : null
          if (again === null) throw error
          return again
        })
      if ('kind' in posted) return posted
      const { channel, ts } = posted
      if (channel) ids.set(address, channel)
      return { kind: 'sent', reference: `${channel}/${ts}` }
    }

    return {
      async send(delivery) {
        const found = await secretOf(delivery)
        if ('problem' in found) return withoutSecret(found)
        if (isAddress(found.secret)) return postToWebhook(found.secret, delivery)
        const judge = postOf(delivery.follows) === null ? judgeSlackError : judgeFollowUpError
        return post(teamOf(found.secret), delivery).catch((error: unknown) => judge(error))
      },
      async edit(delivery) {
        const found = await secretOf(delivery)
        if ('problem' in found) return withoutSecret(found)
        const earlier = postOf(delivery.follows)
        if (isAddress(found.secret) || earlier === null)
          return { kind: 'retry', isAlone: true, reason: 'an incoming webhook cannot edit' }
        return replace(teamOf(found.secret), delivery, earlier).catch((error: unknown) => judgeEditError(error))
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

type FollowUp = Delivery & { follows: EarlierMessage }
type PostReference = { channel: string; ts: string }

/** A post that the Web API made; null: there is none, or a webhook made it. */
function postOf(earlier: EarlierMessage | null): PostReference | null {
  const [, channel, ts] = /^([CDG]\w+)\/(\d+\.\d+)$/.exec(earlier?.reference ?? '') ?? []
  return channel && ts ? { channel, ts } : null
}

const metadataOf = (notificationId: string) => ({
  event_type: 'parma_notification',
  event_payload: { notification_id: notificationId },
})

async function replace({ client }: Team, { message, why, follows }: FollowUp, { channel, ts }: PostReference) {
  // The metadata stays that of the post, so that it can still be looked for.
  const metadata = metadataOf(follows.notificationId)
  await client.chat.update({ channel, ts, ...asSlack(message, { why }), metadata })
  return { kind: 'sent', reference: follows.reference } as const
}

async function look(team: Team, delivery: Delivery): Promise<Answer> {
  const channel = await findChannel(team, delivery.address)
  if (channel !== null) return findMessage(team.client, channel, delivery)
  return { kind: 'lost', reason: `there is no public channel #${delivery.address}: use the id of a private one` }
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

type Page = Pick<ConversationsHistoryResponse, 'messages' | 'has_more' | 'response_metadata'>

/** A reply stands in its thread, and in the channel, unless the message that it replies to is gone. */
async function findMessage(client: WebClient, channel: string, delivery: Delivery): Promise<Answer> {
  const wanted = {
    channel,
    oldest: String((delivery.createdAt - clockDifferenceMs) / 1000),
    limit: 200,
    include_all_metadata: true,
  }
  const inChannel = await searchPages(channel, delivery, (cursor) =>
    client.conversations.history({ ...wanted, cursor }),
  )
  const thread = postOf(delivery.follows)
  if (inChannel.kind !== 'retry' || thread?.channel !== channel) return inChannel
  return searchPages(channel, delivery, (cursor) =>
    client.conversations.replies({ ...wanted, ts: thread.ts, cursor }).catch((error: unknown) => {
      // There is no such thread, or the bot may not read threads: the channel has shown all that it can.
      if (judgeSlackError(error).kind === 'refused') return {}
      throw error
    }),
  )
}

async function searchPages(
  channel: string,
  { notificationId }: Delivery,
  read: (cursor: string | undefined) => Promise<Page>,
): Promise<Answer> {
  let cursor: string | undefined
  for (let page = 0; page < maxPages; page++) {
    const { messages, has_more, response_metadata } = await read(cursor)
    const found = messages?.find(
      ({ metadata }) =>
        (metadata?.event_payload as { notification_id?: string } | undefined)?.notification_id === notificationId,
    )
    if (found) return { kind: 'sent', reference: `${channel}/${found.ts}` }
    cursor = response_metadata?.next_cursor || undefined
    if (!cursor && !has_more) return { kind: 'retry', reason: 'not found in the channel: the call did not arrive' }
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
