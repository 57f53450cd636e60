import { Counter } from 'prom-client'
import { sourceOf } from '../access/access.ts'
import { requireLegalName, type Source, type Sources } from '../access/sources.ts'
import type { Caller } from '../access/token.ts'
import { HttpError } from '../http/http-error.ts'
import { json, type RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import type { ResolveCompany } from '../intake/affinity.ts'
import { makeRecord } from '../intake/payload.ts'
import type { RouteRequest } from '../server/route.ts'
import { payloadsQuery, type PayloadsResult } from './describe-payloads.ts'
import { describeRefusal } from './describe-refusal.ts'
import { readBatch, type ValidPayload } from './read-batch.ts'
import { type Named, type Outcome, sendBatch, type SendDeps } from './send-batch.ts'
import { tryBatch, type TrialDeps } from './try-batch.ts'

const answered = new Counter({
  name: 'parma_edge_batch_payloads_total',
  help: 'Payloads of POST /api/v1/payloads, by the status of each',
  labelNames: ['status'] as const,
})

export type PayloadsDeps = SendDeps &
  TrialDeps & {
    sources: Sources
    resolveAffinity: ResolveCompany
    /** Counts a payload of a source. Rejects with an HttpError with 429 when there were too many within a minute. */
    countPayload(sourceId: string): Promise<void>
  }

/**
 * POST /api/v1/payloads: one or many payloads. Each that is answered 201 is durable in Kafka, byte for byte. They travel
 * in one send. With `dry_run=true`, nothing is sent.
 */
export function feedPayloads(deps: PayloadsDeps) {
  const { sources, resolveAffinity, findKnown, limits, countPayload } = deps
  return async (request: RouteRequest, caller: Caller): Promise<RouteResponse> => {
    const source = await sourceOf(caller, sources)
    requireLegalName(source)
    const { dry_run } = validate(payloadsQuery, request.query, 'query')
    if (dry_run === 'true') return tryBatch(deps, request, source, caller)
    const { isList, payloads, release } = await readBatch(request, source, caller, limits)
    let outcomes: Outcome[]
    try {
      const named: (Named | HttpError)[] = []
      for (const one of payloads)
        named.push(
          one instanceof HttpError ? one : ((await refuseMore(source)) ?? (await identify(one, source, caller))),
        )
      const known = await findKnown(named.flatMap((one) => (one instanceof HttpError || !one.key ? [] : [idOf(one)])))
      release()
      outcomes = await sendBatch(deps, named, { known, source, request })
    } finally {
      release()
    }
    return respond(outcomes, isList)
  }

  async function refuseMore({ id }: Source): Promise<HttpError | null> {
    try {
      await countPayload(String(id))
      return null
    } catch (error) {
      if (error instanceof HttpError) return error
      throw error
    }
  }

  async function identify(one: ValidPayload, source: Source, caller: Caller): Promise<Named> {
    const companyId = one.crmName === null ? one.companyId : await resolveAffinity(one.crmName)
    return { ...makeRecord({ ...one, companyId }, one.body, source, caller), key: one.idempotencyKey }
  }
}

const idOf = ({ payload }: Named) => payload.event_id

/** Of one payload: itself or its error. Of a list: 201 if all are accepted, else 207, or 503 if sending was in vain. */
function respond(outcomes: readonly Outcome[], isList: boolean): RouteResponse {
  const refusals = outcomes.flatMap((outcome) => ('refusal' in outcome ? [outcome.refusal] : []))
  for (const outcome of outcomes) answered.inc({ status: 'refusal' in outcome ? outcome.refusal.status : 201 })
  const [refusal] = refusals
  if (!isList && refusal) throw refusal
  const unsent = refusals.find(({ status }) => status === 503)
  if (unsent && refusals.length === outcomes.length) throw unsent

  const result: PayloadsResult = {
    accepted: outcomes.length - refusals.length,
    refused: refusals.length,
    send_again: outcomes.flatMap((outcome, index) =>
      'refusal' in outcome && isForLater(outcome.refusal) ? [index] : [],
    ),
    payloads: outcomes.map((outcome, index) =>
      'refusal' in outcome
        ? { ...describeRefusal(outcome.refusal, index), event_id: null, repeated: false }
        : { index, status: 201, event_id: outcome.payload.event_id, repeated: outcome.repeated, problem: null },
    ),
  }
  const waits = refusals.filter(isForLater).map(({ headers }) => Number(headers['retry-after'] ?? 0))
  const headers: Record<string, string> = waits.length > 0 ? { 'retry-after': String(Math.max(...waits)) } : {}
  return json(refusals.length === 0 ? 201 : 207, result, headers)
}

function isForLater({ status }: HttpError): boolean {
  return status === 429 || status === 503
}
