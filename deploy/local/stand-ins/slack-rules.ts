import { z } from 'zod'

// What Slack accepts as a message, by its reference: https://docs.slack.dev/reference/methods/chat.postMessage,
// https://docs.slack.dev/reference/block-kit/blocks, https://docs.slack.dev/messaging/message-metadata

/** Characters of `text`, escapes included. */
const maxText = 40_000
const maxBlocks = 50
const maxMetadataBytes = 16_000
/**
 * Of all blocks together. Slack documents no such limit, but has refused 11,341:
 * https://github.com/slackapi/bolt-js/issues/2867
 */
const maxBlocksText = 11_000

const plainText = (max: number) =>
  z.strictObject({ type: z.literal('plain_text'), text: z.string().min(1).max(max), emoji: z.boolean().optional() })
const mrkdwn = (max: number) =>
  z.strictObject({ type: z.literal('mrkdwn'), text: z.string().min(1).max(max), verbatim: z.boolean().optional() })
const anyText = (max: number) => z.discriminatedUnion('type', [plainText(max), mrkdwn(max)])

const blockId = { block_id: z.string().max(255).optional() }
const image = {
  type: z.literal('image'),
  image_url: z.url({ protocol: /^https?$/ }).max(3000),
  alt_text: z.string().max(2000),
}

/** The blocks that our messages use. Any other is refused like a block that Slack does not know. */
const block = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('header'), text: plainText(150), ...blockId }),
  z
    .strictObject({
      type: z.literal('section'),
      text: anyText(3000).optional(),
      fields: z.array(anyText(2000)).min(1).max(10).optional(),
      expand: z.boolean().optional(),
      ...blockId,
    })
    .refine(({ text, fields }) => text ?? fields, 'needs text or fields'),
  z.strictObject({
    type: z.literal('context'),
    elements: z
      .array(z.discriminatedUnion('type', [plainText(3000), mrkdwn(3000), z.strictObject(image)]))
      .min(1)
      .max(10),
    ...blockId,
  }),
  z.strictObject({ type: z.literal('divider'), ...blockId }),
  z.strictObject({ ...image, title: plainText(2000).optional(), ...blockId }),
])

const blocks = z
  .array(block)
  .max(maxBlocks)
  .refine((all) => {
    const ids = all.flatMap(({ block_id }) => block_id ?? [])
    return new Set(ids).size === ids.length
  }, 'have the same block_id')

const metadataValue = z.union([z.string(), z.number(), z.boolean()])
const metadata = z.strictObject({
  event_type: z.string().regex(/^\w{1,255}$/),
  event_payload: z.record(
    z.string(),
    z.union([
      metadataValue,
      z.record(z.string(), metadataValue),
      z.array(z.union([metadataValue, z.record(z.string(), metadataValue)])),
    ]),
  ),
})

export type SlackProblem = { error: string; details?: string[] }

/**
 * The error with which Slack refuses a message; null when it accepts it. Structured arguments are objects, or text
 * that was no JSON.
 */
export function judgePost(fields: Record<string, unknown>): SlackProblem | null {
  const { text = '' } = fields
  if (typeof text !== 'string') return { error: 'invalid_arguments' }
  if (fields.blocks !== undefined) {
    if (!Array.isArray(fields.blocks)) return { error: 'invalid_blocks_format' }
    const { error } = blocks.safeParse(fields.blocks)
    if (error) return { error: 'invalid_blocks', details: z.prettifyError(error).split('\n') }
    if (countText(fields.blocks) > maxBlocksText) return { error: 'msg_blocks_too_long' }
  }
  const hasBlocks = Array.isArray(fields.blocks) && fields.blocks.length > 0
  if (text === '' && !hasBlocks && !fields.attachments) return { error: 'no_text' }
  if (text.length > maxText) return { error: 'msg_too_long' }
  if (fields.metadata === undefined) return null
  if (typeof fields.metadata !== 'object') return { error: 'invalid_metadata_format' }
  const { error } = metadata.safeParse(fields.metadata)
  if (error) return { error: 'invalid_metadata_schema', details: z.prettifyError(error).split('\n') }
  return Buffer.byteLength(JSON.stringify(fields.metadata)) > maxMetadataBytes ? { error: 'metadata_too_large' } : null
}

/** Characters of every `text` in blocks, at any depth. */
function countText(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return Object.entries(value).reduce(
    (sum, [key, inner]) => sum + (key === 'text' && typeof inner === 'string' ? inner.length : countText(inner)),
    0,
  )
}
