import { findRepeatedName } from '#runtime/read/read-json.ts'
import { notOwned } from '../access/access.ts'
import type { Source } from '../access/sources.ts'
import type { Caller } from '../access/token.ts'
import { HttpError } from '../http/http-error.ts'
import { invalidValue, validate, validateBody } from '../http/validation.ts'
import { affinityName, readCompanyName } from '../intake/affinity.ts'
import { type ReadPayload, readObservedAt } from '../intake/payload.ts'
import type { RouteRequest } from '../server/route.ts'
import { lineTypes, payloadBody, payloadsHeaders } from './describe-payloads.ts'
import { splitJson, splitLines } from './split.ts'

export type BatchLimits = {
  /** Of the whole body, unpacked. */
  maxBatchBytes: number
  maxBatchPayloads: number
  /** Of one payload. */
  maxPayloadBytes: number
  maxJsonDepth: number
  maxFeedValues: number
}

/** A payload that is valid. `crmName`: its company has to be found by this name. */
export type ValidPayload = ReadPayload & { body: Buffer; crmName: string | null }

/** What was sent, each payload valid or refused. `release` is called when the bytes are not kept any more. */
export type Batch = { isList: boolean; payloads: (ValidPayload | HttpError)[]; release(): void }

/**
 * Receives payloads. Each is checked as soon as its last byte has come, and only its bytes are kept: parsed, it takes many
 * times as much. Rejects with an HttpError if payloads cannot be told apart, or are too many.
 */
export async function readBatch(
  request: RouteRequest,
  source: Source,
  caller: Caller,
  limits: BatchLimits,
): Promise<Batch> {
  const { 'idempotency-key': key } = validate(payloadsHeaders, request.headers, 'header')
  const payloads: Batch['payloads'] = []
  const tooMany = () => new HttpError(413, `The body holds more than ${limits.maxBatchPayloads} payloads.`)
  const split = isLines(request.headers['content-type']) ? splitLines : splitJson
  const { push, end } = split(limits.maxPayloadBytes, (piece) => {
    if (payloads.length === limits.maxBatchPayloads) throw tooMany()
    payloads.push(piece === null ? tooLarge(limits) : orRefusal(() => check(piece, source, caller, limits)))
  })
  const release = await request.receiveBody(limits.maxBatchBytes, push)
  try {
    const { isList } = end()
    if (payloads.length === 0) throw invalidValue(['body'], 'the body holds no payload', null)
    if (key !== undefined) withKey(key, isList, payloads)
    return { isList, payloads, release }
  } catch (error) {
    release()
    throw error
  }
}

function isLines(contentType: string | undefined): boolean {
  const type = contentType?.split(';')[0]?.trim().toLowerCase()
  if ((lineTypes as readonly (string | undefined)[]).includes(type)) return true
  if (type === undefined || /^application\/([^;]+\+)?json$/.test(type)) return false
  const allowed = ['application/json', ...lineTypes].join(', ')
  throw new HttpError(415, `The content-type is not supported. Send one of ${allowed}.`)
}

function tooLarge({ maxPayloadBytes }: BatchLimits): HttpError {
  return new HttpError(413, `The payload is larger than ${maxPayloadBytes} bytes.`)
}

function orRefusal<T>(read: () => T): T | HttpError {
  try {
    return read()
  } catch (error) {
    if (error instanceof HttpError) return error
    throw error
  }
}

function check(body: Buffer, source: Source, caller: Caller, limits: BatchLimits): ValidPayload {
  const payload = validateBody(payloadBody, body, undefined, limits.maxJsonDepth, limits.maxFeedValues)
  const repeated = findRepeatedName(body)
  if (repeated !== null)
    throw invalidValue(['body', repeated.slice(0, 100)], 'the payload has several members of this name', null)
  const { source_name, company_id, observed_at, idempotency_key } = payload
  if (source_name !== undefined && source_name !== source.name) throw notOwned('source_name', source_name, caller)
  const receivedAt = Date.now()
  return {
    body,
    receivedAt,
    observedAt: readObservedAt(observed_at, receivedAt),
    companyId: String(company_id),
    idempotencyKey: idempotency_key ?? null,
    crmName: source.name === affinityName ? readCompanyName(payload) : null,
  }
}

/** The header names the one payload that there is. */
function withKey(key: string, isList: boolean, payloads: Batch['payloads']): void {
  const place = ['header', 'idempotency-key']
  if (isList) throw invalidValue(place, 'in a list each payload has its own idempotency_key', key)
  const [only] = payloads
  if (!only || only instanceof HttpError) return
  if (only.idempotencyKey !== null && only.idempotencyKey !== key)
    throw invalidValue(place, 'the payload has another idempotency_key', key)
  payloads[0] = { ...only, idempotencyKey: key }
}
