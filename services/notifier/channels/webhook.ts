import { createHmac } from 'node:crypto'
import type { WebhookBody, WebhookType } from '#schemas/webhooks.ts'
import { createHttpClient, type HttpAnswer, type HttpClientError } from '#runtime/web/http-client.ts'
import { describeAnswer } from '#runtime/web/describe-answer.ts'
import { splitSecrets } from '#runtime/web/split-secrets.ts'
import type { Answer } from './answer.ts'
import { askedWait, judgeHttpFailure, withoutSecret } from './answer.ts'
import type { LineFacts } from '../message/message.ts'
import type { ChannelKind, Delivery } from './channel.ts'

const maxUrl = 2000
/** The beginning of an answer, for people. */
const maxAnswer = 4096

/**
 * Webhooks signed by the Standard Webhooks scheme, to any receiver. At least once: the id is the same at every attempt,
 * so that receivers can recognize a duplicate.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export const webhook: ChannelKind = {
  parse(destination) {
    const url = URL.parse(destination.trim())
    if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.hash || url.href.length > maxUrl)
      throw new Error('is not an https:// address without user name and #, such as https://example.com/hooks/parma')
    return url.href
  },
  hasSecrets: true,
  needsSecret: true,
  help: { destination: 'https:// address', secret: 'its signing key (whsec_…), or two with a comma between them' },
  intervalMs: () => 0,
  resendsUnknown: () => true,
  giveUpAfterMs: (config) => config.WEBHOOK_GIVE_UP_AFTER_MS,
  open({ config, findSecret }) {
    const client = createHttpClient({ allowedPrivateNetworks: config.ALLOWED_PRIVATE_NETWORKS })
    const isLocal = config.DEPLOYMENT_ENV === 'local'
    return {
      async send(delivery) {
        if (!isLocal && !delivery.address.startsWith('https:')) return refuse('only https:// addresses are called')
        if (delivery.secretId === null) return refuse('a webhook needs the name of its signing secret')
        const found = await findSecret(delivery.secretId)
        if ('problem' in found) return withoutSecret(found)
        const keys = readKeys(found.secret)
        if (!keys)
          return refuse(
            `the secret ${delivery.secretId} is not a key of 24 to 64 bytes in the form whsec_<base64>, or two with a comma between them`,
          )
        const body = JSON.stringify(composeHook(delivery))
        return client
          .request({
            method: 'POST',
            url: delivery.address,
            headers: {
              'content-type': 'application/json',
              'user-agent': 'parma-analytics',
              ...signHook(keys, delivery.notificationId, Math.floor(delivery.claimedAt / 1000), body),
            },
            body,
            timeoutMs: config.SEND_TIMEOUT_MS,
            maxBytes: maxAnswer,
            statusDecides: true,
          })
          .then((answer) => judgeHookAnswer(answer, Date.now()), judgeHookFailure)
      },
    }
  },
}

const refuse = (reason: string): Answer => ({ kind: 'refused', concerns: 'destination', reason })

/** Keys that sign at once: the one that receivers know, and the one that replaces it. */
const mostKeys = 2

/** The keys in a secret `whsec_<base64>`, or two with a comma between them; null: one is not of 24 to 64 bytes. */
export function readKeys(secret: string): Buffer[] | null {
  const keys = splitSecrets(secret).map((text) => {
    const [, base64 = ''] = /^(?:whsec_)?([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? []
    return Buffer.from(base64, 'base64')
  })
  const isGood = keys.length <= mostKeys && keys.every(({ length }) => length >= 24 && length <= 64)
  return isGood ? keys : null
}

/**
 * The headers by which a receiver verifies the sender, the time and the id of `body`: a signature of each key, so that
 * receivers who know one of them accept it. `at`: seconds since 1970.
 */
export function signHook(keys: readonly Buffer[], id: string, at: number, body: string): Record<string, string> {
  const signatures = keys.map((key) => `v1,${createHmac('sha256', key).update(`${id}.${at}.${body}`).digest('base64')}`)
  return { 'webhook-id': id, 'webhook-timestamp': String(at), 'webhook-signature': signatures.join(' ') }
}

/** The body of a webhook, as `#schemas/webhooks.ts` describes it: fields may be added, never changed or removed. */
export function composeHook({ kind, createdAt, message, why }: Delivery): WebhookBody {
  // A link to sign in is sent by e-mail only.
  const type: WebhookType = `parma.${kind as Exclude<typeof kind, 'sign_in'>}`
  const body = {
    type,
    timestamp: new Date(createdAt).toISOString(),
    data: {
      subject: message.subject,
      about: message.topic,
      context: message.context,
      lines: message.lines.map(({ heading = null, mark, title, details, link = null, facts }) => {
        return { heading, severity: mark || 'info', title, details, link, facts: facts ? withLink(facts, link) : null }
      }),
      rest: message.rest,
      why,
      trace: message.trace,
    },
  }
  // The kind of a message decides what its lines are about.
  return body as WebhookBody
}

const withLink = (facts: LineFacts, link: string | null) => ('news_id' in facts ? { ...facts, why: link } : facts)

/** Answers that concern every message: the receiver no longer knows the address or the signature. */
const goneStatuses = new Set([401, 403, 404, 410])
/** Permanent redirects, which are not followed: https://www.rfc-editor.org/rfc/rfc9110#section-15.4 */
const movedStatuses = new Set([301, 308])

/** The result of a call to a webhook. Its status and headers decide, not its body. */
export function judgeHookAnswer(answer: HttpAnswer, now: number): Answer {
  const { status } = answer
  if (status >= 200 && status < 300) return { kind: 'sent', reference: String(status) }
  if (movedStatuses.has(status))
    return refuse(
      `answered ${status}: it moved for good, and redirects are not followed. Give the channel its new address`,
    )
  const reason = describeAnswer(answer)
  const afterMs = askedWait(answer, now)
  if (status === 429 || (status === 503 && afterMs !== null))
    return { kind: 'retry', reason, ...(afterMs !== null && { afterMs }) }
  if (status >= 500 || status === 408 || status < 400) return { kind: 'lost', reason }
  return { kind: 'refused', concerns: goneStatuses.has(status) ? 'destination' : 'message', reason }
}

function judgeHookFailure(error: unknown): Answer {
  const answer = judgeHttpFailure(error)
  const { reason } = error as HttpClientError
  if (answer.kind !== 'sent' && (reason === 'address-refused' || reason === 'bad-url')) return refuse(answer.reason)
  return answer
}
