import { z } from 'zod'
import { problemBody } from '../http/problem.ts'
import { text } from '../http/validation.ts'
import { idempotencyKeyField, observedAtField } from '../intake/payload.ts'
import type { RouteDoc } from '../server/route.ts'

export const payloadsPath = '/api/v1/payloads'

/** Content types of newline-delimited JSON. */
export const lineTypes = ['application/x-ndjson', 'application/ndjson', 'application/jsonl'] as const

export const payloadBody = z.object({
  company_id: z.union([text(100), z.int32()], { error: 'company_id must be a text or an integer' }),
  raw_data: z.record(z.string(), z.unknown()).describe('What the source says about the company. It is kept as it is.'),
  observed_at: observedAtField.describe('When this was true. Without it, when it is received.'),
  idempotency_key: idempotencyKeyField.describe(
    'Names the payload: sent again with the same key, it is the same event. Without it, the same bytes with the same token are.',
  ),
  source_name: text(200).optional().describe('Must be the name of the source of the token.'),
})

export const payloadsHeaders = z.object({
  'idempotency-key': idempotencyKeyField.describe('The idempotency_key of a single payload.'),
})

export const payloadsQuery = z.object({
  dry_run: z
    .enum(['true', 'false'])
    .default('false')
    .describe('true: says what would be understood. Nothing is written or sent.'),
})

const payloadResult = z.object({
  index: z.int().describe('Place in what was sent, from 0.'),
  status: z.int().describe('201: the payload is durable. Others as the status of a response.'),
  event_id: z.uuid().nullable().describe('GET /api/v1/events/{event_id} shows how far the payload has come.'),
  repeated: z.boolean().describe('It was known already, so nothing was sent.'),
  problem: problemBody.nullable().describe('Why the payload is refused.'),
})

const payloadsResult = z.object({
  accepted: z.int(),
  refused: z.int(),
  send_again: z.array(z.int()).describe('Indexes of payloads that may be accepted later, unchanged.'),
  payloads: z.array(payloadResult).describe('One for each payload, in order.'),
})

const paths = { path: z.string(), leaves: z.int() }
const item = z.string().nullable().describe('Key of the list item.')

const understood = z.object({
  map_version: z.int().nullable().describe('The version of the map in force; null: there is none.'),
  refused_as_a_whole: z
    .object({ reason: z.string(), message: z.string(), remedy: z.string() })
    .nullable()
    .describe('Why nothing of the payload would be stored as values.'),
  counts: z
    .object({ leaves: z.int(), stored: z.int(), null: z.int(), unmapped: z.int(), refused: z.int() })
    .optional()
    .describe('Leaves: each is stored, null, unmapped or refused. The lists below have 1,000 entries at most.'),
  stored: z
    .array(
      z.object({
        measurement: z.string(),
        source_measurement_id: z.int(),
        path: z.string(),
        item,
        type: z.string(),
        value: z.unknown(),
      }),
    )
    .optional(),
  null: z.array(z.object(paths)).optional(),
  unmapped: z.array(z.object({ ...paths, sample: z.string() })).optional(),
  refused: z.array(z.object({ ...paths, item, reason: z.string(), sample: z.string(), remedy: z.string() })).optional(),
  lists: z
    .array(
      z.object({
        path: z.string(),
        known_by: z.string().nullable().describe('The member by which items are known; null: their position.'),
        items: z.array(z.object({ key: z.string(), label: z.string().nullable() })),
      }),
    )
    .optional(),
})

const trialResult = payloadResult.extend({
  understood: understood.nullable().describe('What the normalizer would make of it, as `parma understand` shows it.'),
})

export type Understood = z.output<typeof understood>
export type TrialResult = z.output<typeof trialResult>
export type PayloadsResult = z.output<typeof payloadsResult>

const [one, two] = [
  {
    company_id: '42',
    raw_data: { name: 'Acme', url: 'https://github.com/acme', stars: 1500 },
    observed_at: '2026-01-31T12:00:00Z',
    idempotency_key: 'acme-2026-01-31',
  },
  { company_id: '43', raw_data: { name: 'Globex', stars: 12 }, idempotency_key: 'globex-2026-01-31' },
]

const lines = [one, two].map((payload) => `${JSON.stringify(payload)}\n`).join('')

export const payloadsDoc: RouteDoc = {
  summary: 'Send one or many payloads: what a source says about companies.',
  query: payloadsQuery,
  headers: payloadsHeaders,
  body: z.union([payloadBody, z.array(payloadBody).min(1)]),
  example: [one, two],
  alternatives: Object.fromEntries(lineTypes.map((type) => [type, lines])),
  responses: {
    200: {
      description: 'Of a dry run: what would become of each payload. `status` 200: it would be accepted.',
      schema: payloadsResult.extend({ payloads: z.array(trialResult) }),
    },
    201: { description: 'All payloads are durable, exactly as they were sent.', schema: payloadsResult },
    207: {
      description:
        'Some payloads of a list are refused, or all. `payloads` says why, `send_again` which of them to send again. ' +
        'The others are durable.',
      schema: payloadsResult,
      headers: { 'retry-after': 'Seconds to wait before what is in send_again is sent again.' },
    },
    403: { description: 'The single payload names another source, or the source does not exist.' },
    409: { description: 'The name of the source is not allowed: Firestore cannot have a collection of that name.' },
    415: {
      description: 'The content-type is neither JSON nor newline-delimited JSON, or the body is packed otherwise.',
    },
    422: {
      description:
        'The list is not JSON, or is empty, or the single payload is refused. `type` ends with idempotency-key-reused ' +
        'when its key belongs to another content. Nothing was sent.',
    },
    503: {
      description: 'None of the payloads is known to be durable. Send all again; what has arrived is the same event.',
      headers: { 'retry-after': 'Seconds to wait.' },
    },
  },
}
