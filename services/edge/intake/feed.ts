import { z } from 'zod'
import { sliceMember } from '#runtime/read/read-json.ts'
import { topics } from '#schemas/topics.ts'
import { notOwned, sourceOf } from '../access/access.ts'
import { requireLegalName, type Source, type Sources } from '../access/sources.ts'
import type { Caller } from '../access/token.ts'
import type { RouteResponse } from '../http/response.ts'
import { naiveIso, naiveTime } from '../http/time.ts'
import { invalidValue, text, validate, validateBody } from '../http/validation.ts'
import type { AcceptedEvents } from '../publish/accepted.ts'
import type { IsReused } from '../publish/idempotency.ts'
import type { Publish } from '../publish/publish.ts'
import type { RouteDoc, RouteRequest } from '../server/route.ts'
import { affinityName, readCompanyName, type ResolveCompany } from './affinity.ts'
import type { TakeBytes } from './daily-bytes.ts'
import { idempotencyKeyField, makeRecord, observedAtField, readObservedAt } from './payload.ts'

const feedBody = z.object({
  source_name: text(200),
  company_id: text(100),
  raw_data: z.record(z.string(), z.unknown()),
  observed_at: observedAtField,
})

const feedHeaders = z.object({
  'idempotency-key': idempotencyKeyField.describe(
    'Replaces the run and the content in the identity of the payload: one key is one payload of a company.',
  ),
})

export const feedDoc: RouteDoc = {
  summary: 'Send a payload: what a module found about a company.',
  headers: feedHeaders,
  body: feedBody,
  example: {
    source_name: 'github',
    company_id: '42',
    raw_data: {
      name: 'Acme',
      url: 'https://github.com/acme',
      stars: 1500,
      repositories: [{ name: 'anvil', stars: 900 }],
    },
    observed_at: '2026-01-31T12:00:00Z',
  },
  responses: {
    201: {
      description: 'The payload is durable, exactly as it was sent.',
      schema: z.object({
        source_name: z.string(),
        company_id: z.string(),
        raw_data: feedBody.shape.raw_data,
        timestamp: naiveTime,
        return_message: z.string(),
        document_id: z.uuid(),
      }),
      headers: { location: 'Path that shows how far the payload has come.' },
    },
    403: { description: 'source_name is not the name of the source of the token.' },
    409: { description: 'The name of the source is not allowed: Firestore cannot have a collection of that name.' },
  },
}

export type FeedDeps = {
  sources: Sources
  publish: Publish
  takeBytes: TakeBytes
  resolveAffinity: ResolveCompany
  isReused: IsReused
  accepted: AcceptedEvents
  maxJsonDepth: number
  maxFeedValues: number
}

/** POST /feed-raw-data (contract section 3.7). 201 means that the payload is durable in Kafka, byte for byte. */
export function feedRawData(deps: FeedDeps) {
  const { sources, publish, takeBytes, resolveAffinity, isReused, accepted, maxJsonDepth, maxFeedValues } = deps
  return async (request: RouteRequest, caller: Caller): Promise<RouteResponse> => {
    const body = await request.readBody()
    const source = await sourceOf(caller, sources)
    const { crmName, ...read } = check(request, body, caller, source)
    const companyId = crmName === null ? read.companyId : await resolveAffinity(crmName)
    const { payload, headers } = makeRecord({ ...read, companyId }, body, source, caller)
    const { event_id, company_id, content_hash, received_at } = payload
    if (read.idempotencyKey !== null && isReused(event_id, content_hash))
      throw invalidValue(
        ['header', 'idempotency-key'],
        'this key was already used with another body',
        read.idempotencyKey,
      )
    const giveBack = takeBytes(source, body.length, 'payload')
    await publish(topics.rawPayloads, company_id, payload, request, headers).catch((error: unknown) => {
      giveBack()
      throw error
    })
    accepted.add(event_id, { data_source_id: source.id, company_id, received_at })
    const facts = { companyId, receivedAt: received_at, eventId: event_id }
    return answer({ ...facts, sourceName: source.name, hasMap: source.has_map }, body)
  }

  /**
   * Validates a payload and returns what the record needs of it. A parsed body is many times as large as its bytes, so
   * it does not outlive this function, which awaits nothing: there is one at a time, and a request that waits for the
   * broker keeps the bytes only.
   */
  function check({ headers }: RouteRequest, body: Buffer, caller: Caller, source: Source) {
    const feed = validateBody(feedBody, body, headers['content-type'], maxJsonDepth, maxFeedValues)
    const { 'idempotency-key': idempotencyKey = null } = validate(feedHeaders, headers, 'header')
    if (feed.source_name !== source.name) throw notOwned('source_name', feed.source_name, caller)
    requireLegalName(source)
    const receivedAt = Date.now()
    const observedAt = readObservedAt(feed.observed_at, receivedAt)
    const crmName = source.name === affinityName ? readCompanyName(feed) : null
    return { receivedAt, observedAt, companyId: feed.company_id, crmName, idempotencyKey }
  }
}

type Accepted = { sourceName: string; companyId: string; receivedAt: number; eventId: string; hasMap: boolean }

/** Returns raw_data as the bytes that were sent: parsing and printing would change its numbers. */
function answer({ sourceName, companyId, receivedAt, eventId, hasMap }: Accepted, body: Buffer): RouteResponse {
  const message = hasMap
    ? 'Raw data received and saved. '
    : 'Raw data received and saved. However normalization schema cannot be found'
  const before = `{"source_name":${JSON.stringify(sourceName)},"company_id":${JSON.stringify(companyId)},"raw_data":`
  const after =
    `,"timestamp":${JSON.stringify(naiveIso(receivedAt))},"return_message":${JSON.stringify(message)}` +
    `,"document_id":${JSON.stringify(eventId)}}`
  return {
    status: 201,
    headers: { 'content-type': 'application/json', location: `/api/v1/events/${eventId}` },
    body: Buffer.concat([Buffer.from(before), sliceMember(body, 'raw_data') ?? Buffer.from('{}'), Buffer.from(after)]),
  }
}
