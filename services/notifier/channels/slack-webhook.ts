import { createHttpClient, type HttpAnswer } from '#runtime/web/http-client.ts'
import { describeAnswer } from '#runtime/web/describe-answer.ts'
import { actionsFor } from '../render/actions.ts'
import { asSlack } from '../render/slack.ts'
import type { Answer } from './answer.ts'
import { askedWait, judgeHttpFailure } from './answer.ts'
import type { ChannelTools, Delivery } from './channel.ts'
import type { SlackPictures } from './slack-pictures.ts'

/**
 * Slack's incoming webhooks: the secret is the address. Slack cannot say what a webhook posted, so if an answer is
 * lost, the message stays unknown. https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
 */
export function openSlackWebhooks({ config }: Pick<ChannelTools, 'config'>, pictures: SlackPictures) {
  // Only addresses below SLACK_WEBHOOK_URL are called, which the operator configures.
  const client = createHttpClient({ allowedPrivateNetworks: ['0.0.0.0/0', '::/0'] })
  // With a slash after a bare host: without it, another host could begin with the same text.
  const base = new URL(config.SLACK_WEBHOOK_URL).href
  return async (address: string, delivery: Delivery): Promise<Answer> => {
    const { message, why, actor, linksUntil } = delivery
    const url = URL.parse(address)?.href
    if (!url?.startsWith(base))
      return { kind: 'refused', concerns: 'destination', reason: 'the secret holds an address that is not Slack’s' }
    const post = asSlack(message, { why, actionsOf: actionsFor(config, actor, linksUntil), ...pictures.of(delivery) })
    return client
      .request({
        method: 'POST',
        url,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...post, unfurl_links: false, unfurl_media: false }),
        timeoutMs: config.SEND_TIMEOUT_MS,
        maxBytes: 64 * 1024,
      })
      .then(
        (answer) => (isBlocksError(answer) && pictures.refused(post)) || judgeSlackWebhookAnswer(answer, Date.now()),
        judgeHttpFailure,
      )
      .then(asFinal)
  }
}

const isBlocksError = ({ status, body }: HttpAnswer): boolean =>
  status === 400 && /^invalid_blocks\b/.test(body.subarray(0, 200).toString().trim())

/** The answer to a search for a webhook's message. */
export const notAskable: Answer = {
  kind: 'lost',
  isFinal: true,
  reason: 'an incoming Slack webhook cannot be asked what it posted',
}

function asFinal(answer: Answer): Answer {
  return answer.kind === 'lost' ? { ...answer, isFinal: true } : answer
}

/**
 * Errors that concern one message only,
 * https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors
 */
const messageErrors =
  /^(invalid_payload|no_text|too_many_attachments|invalid_blocks|invalid_blocks_format|msg_too_long|msg_blocks_too_long)\b/

/** The result of a call to a webhook of Slack. */
export function judgeSlackWebhookAnswer(answer: HttpAnswer, now: number): Answer {
  const { status } = answer
  const said = answer.body.subarray(0, 200).toString().trim()
  if (status === 200 && said === 'ok') return { kind: 'sent', reference: 'incoming webhook' }
  const reason = `Slack ${describeAnswer(answer)}`
  if (status === 429) return { kind: 'retry', reason, afterMs: askedWait(answer, now) ?? 60_000 }
  if (status < 400 || status >= 500 || status === 408) return { kind: 'lost', reason }
  return { kind: 'refused', concerns: messageErrors.test(said) ? 'message' : 'destination', reason }
}
