import type { z } from 'zod'
import { webhookExamples } from '#schemas/webhook-examples.ts'
import { webhookBodies, type WebhookType } from '#schemas/webhooks.ts'

/** Name of a body's schema, and what it tells. */
const docs: Record<WebhookType, { name: string; summary: string }> = {
  'parma.news': { name: 'WebhookNews', summary: 'News items about one or more companies.' },
  'parma.digest': { name: 'WebhookDigest', summary: 'A digest: the news items of a day, a week or a month.' },
  'parma.ops': { name: 'WebhookOps', summary: 'Operational events, for administrators.' },
  'parma.test': { name: 'WebhookTest', summary: 'A test of the channel. There is nothing to do.' },
}

const types = Object.keys(docs) as WebhookType[]

/** The bodies of webhooks, with the names of their schemas. */
export const webhookSchemas: ReadonlyMap<z.ZodType, string> = new Map(
  types.map((type) => [webhookBodies[type], docs[type].name]),
)

const signing =
  'The signature of `<webhook-id>.<webhook-timestamp>.<body>` by HMAC-SHA256, as `v1,<base64>`: one for each key, with a space between them. One that fits is enough.'

const headers = [
  { name: 'webhook-id', description: 'The same at every attempt: ignore one that you have.' },
  { name: 'webhook-timestamp', description: 'Seconds since 1970. Refuse what is older than five minutes.' },
  { name: 'webhook-signature', description: signing },
].map((header) => ({ ...header, in: 'header', required: true, schema: { type: 'string' } }))

const responses = {
  '2XX': { description: 'The message has arrived, whatever the body of the response is.' },
  '4XX': { description: 'The message fails. 401, 403, 404 and 410 end all messages to this address.' },
  '5XX': { description: 'The message is sent again, for three days.' },
  429: { description: 'The message is sent again, not before `Retry-After`.' },
}

/** What the notifier calls at a channel of type WEBHOOK, as the part `webhooks` of an OpenAPI document. */
export function describeWebhooks(): Record<string, unknown> {
  return Object.fromEntries(
    types.map((type) => [
      type,
      {
        post: {
          operationId: `receive_${type.replace('.', '_')}`,
          summary: docs[type].summary,
          description:
            'Signed by the [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks) scheme. Fields may be added.',
          tags: ['webhooks'],
          security: [],
          parameters: headers,
          requestBody: {
            required: true,
            content: {
              'application/json': {
                schema: { $ref: `#/components/schemas/${docs[type].name}` },
                example: webhookExamples[type],
              },
            },
          },
          responses,
        },
      },
    ]),
  )
}
