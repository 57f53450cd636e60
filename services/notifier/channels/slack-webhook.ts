import { createHttpClient, type HttpAnswer } from '#runtime/web/http-client.ts'
import type { Answer } from './answer.ts'
import type { ChannelTools, Delivery } from './channel.ts'
import { askedWait, describeAnswer, judgeHttpFailure } from './answer.ts'
import { asSlack } from '../message/render.ts'

/**
 * Slack's incoming webhooks: the secret is the address. They cannot be asked what was posted, so a message whose answer was
 * lost stays unknown. https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
 */
export function openSlackWebhooks({ config }: Pick<ChannelTools, 'config'>) {
  // Only addresses below SLACK_WEBHOOK_URL, which is the operator's, are called.
  const client = createHttpClient({ allowedPrivateNetworks: ['0.0.0.0/0', '::/0'] })
  // With the slash behind a bare host, which another host could go on from.
  const base = new URL(config.SLACK_WEBHOOK_URL).href
  return async (address: string, { message, why }: Delivery): Promise<Answer> => {
    const url = URL.parse(address)?.href
    if (!url?.startsWith(base))
      return { kind: 'refused', concerns: 'destination', reason: 'the secret holds an address that is not Slack’s' }
    return client
      .request({
        method: 'POST',
        url,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...asSlack(message, why), unfurl_links: false, unfurl_media: false }),
        timeoutMs: config.SEND_TIMEOUT_MS,
        maxBytes: 64 * 1024,
      })
      .then((answer) => judgeSlackWebhookAnswer(answer, Date.now()), judgeHttpFailure)
      .then(asFinal)
  }
}

export const notAskable: Answer = {
  kind: 'lost',
  isFinal: true,
  reason: 'an incoming Slack webhook cannot be asked what it posted',
}

function asFinal(answer: Answer): Answer {
  return answer.kind === 'lost' ? { ...answer, isFinal: true } : answer
}

/** What concerns one message alone, https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors */
const messageErrors =
  /^(invalid_payload|no_text|too_many_attachments|invalid_blocks|invalid_blocks_format|msg_too_long|msg_blocks_too_long)\b/

export function judgeSlackWebhookAnswer(answer: HttpAnswer, now: number): Answer {
  const { status } = answer
  const said = answer.body.subarray(0, 200).toString().trim()
  if (status === 200 && said === 'ok') return { kind: 'sent', reference: 'incoming webhook' }
  const reason = `Slack ${describeAnswer(answer)}`
  if (status === 429) return { kind: 'retry', reason, afterMs: askedWait(answer, now) ?? 60_000 }
  if (status < 400 || status >= 500 || status === 408) return { kind: 'lost', reason }
  return { kind: 'refused', concerns: messageErrors.test(said) ? 'message' : 'destination', reason }
}
