import { escapeHtml } from '#runtime/web/escape-html.ts'
import { createHttpClient, type HttpAnswer } from '#runtime/web/http-client.ts'
import { describeAnswer } from '#runtime/web/describe-answer.ts'
import { asHtmlSections } from '../render/render-digest.ts'
import { asText } from '../render/text.ts'
import { unsubscribing } from '../message/unsubscribe-headers.ts'
import type { Answer } from './answer.ts'
import { askedWait, judgeHttpFailure } from './answer.ts'
import type { Channel, Delivery } from './channel.ts'
import type { ChannelSettings } from './settings.ts'

type SendGrid = Pick<
  ChannelSettings,
  | 'EMAIL_FROM'
  | 'SENDGRID_NOTIFICATION_TEMPLATE_ID'
  | 'SENDGRID_REPORT_TEMPLATE_ID'
  | 'PUBLIC_URL'
  | 'LINK_SECRET'
  | 'UNSUBSCRIBE_MAILBOX'
>

/**
 * E-mail through SendGrid's HTTP API and the templates of the predecessor. The API has no idempotency key, so if an
 * answer is lost, the mail may have been sent. https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send
 */
export function openSendGrid(config: ChannelSettings & { SENDGRID_API_KEY: string }): Channel {
  // The operator configures the address.
  const client = createHttpClient({ allowedPrivateNetworks: ['0.0.0.0/0', '::/0'] })
  return {
    send: (delivery) =>
      client
        .request({
          method: 'POST',
          url: new URL('/v3/mail/send', config.SENDGRID_API_URL).href,
          headers: { authorization: `Bearer ${config.SENDGRID_API_KEY}`, 'content-type': 'application/json' },
          body: JSON.stringify(composeRequest(config, delivery)),
          timeoutMs: config.SEND_TIMEOUT_MS,
          maxBytes: 64 * 1024,
          statusDecides: true,
        })
        .then((answer) => judgeSendGridAnswer(answer, Date.now()), judgeHttpFailure),
  }
}

/** The request of the predecessor (contract section 14), with the headers for unsubscribing. */
export function composeRequest(config: SendGrid, delivery: Delivery) {
  const { kind, address, message, why } = delivery
  const { link: unsubscribe, headers } = unsubscribing(config, delivery)
  const rest = message.rest && `\n<p>${escapeHtml(message.rest)}</p>`
  const [template_id, data] =
    kind === 'digest'
      ? [config.SENDGRID_REPORT_TEMPLATE_ID, { message: asHtmlSections(message) + rest }]
      : [
          config.SENDGRID_NOTIFICATION_TEMPLATE_ID,
          { notification: withoutTags(`${message.subject}\n\n${asText(message, { why, unsubscribe })}`) },
        ]
  return {
    from: { email: config.EMAIL_FROM },
    personalizations: [
      { to: [{ email: address }], dynamic_template_data: data, ...(Object.keys(headers).length > 0 && { headers }) },
    ],
    template_id,
  }
}

/**
 * Text that looks the same in a template that escapes (`{{notification}}`) and in one that does not
 * (`{{{notification}}}`).
 */
function withoutTags(text: string): string {
  return text.replaceAll('<', '‹').replaceAll('>', '›')
}

/** The result of a call to SendGrid. */
export function judgeSendGridAnswer(answer: HttpAnswer, now: number): Answer {
  const { status, headers } = answer
  if (status === 202) return { kind: 'sent', reference: String(headers['x-message-id'] ?? '') }
  const reason = `SendGrid ${describeAnswer(answer)}`
  if (status === 429) return { kind: 'retry', reason, afterMs: askedWait(answer, now) ?? 60_000 }
  // The key and its permissions concern every mail.
  if (status === 401 || status === 403) return { kind: 'retry', reason, isOutage: true }
  if (status >= 500 || status === 408 || status < 400) return { kind: 'lost', reason }
  return { kind: 'refused', concerns: 'message', reason }
}
