import { HttpError } from '../http/http-error.ts'
import { json, type RouteResponse } from '../http/response.ts'
import type { Source } from '../access/sources.ts'
import type { Caller } from '../access/token.ts'
import { makeRecord } from '../intake/payload.ts'
import type { RouteRequest } from '../server/route.ts'
import { describeRefusal } from './describe-refusal.ts'
import type { TrialResult } from './describe-payloads.ts'
import type { DryRun } from './dry-run.ts'
import type { FindKnown } from './known-events.ts'
import { type BatchLimits, readBatch, type ValidPayload } from './read-batch.ts'
import { findReuse } from './send-batch.ts'

export type TrialDeps = {
  findKnown: FindKnown
  /** The id of the company of this name in the CRM; null: there is none yet. */
  findCompany(name: string): Promise<string | null>
  dryRun: DryRun
  limits: BatchLimits & { maxDryRunBytes: number }
}

/** What would become of a batch. Nothing is written, sent or remembered. */
export async function tryBatch(
  { findKnown, findCompany, dryRun, limits }: TrialDeps,
  request: RouteRequest,
  source: Source,
  caller: Caller,
): Promise<RouteResponse> {
  const { isList, payloads, release } = await readBatch(request, source, caller, {
    ...limits,
    maxBatchBytes: limits.maxDryRunBytes,
  })
  try {
    const valid = payloads.flatMap((one, index) => (one instanceof HttpError ? [] : [{ one, index }]))
    const trials = []
    for (const { one, index } of valid) trials.push({ index, ...(await name(one)) })
    const known = await findKnown(trials.flatMap(({ key, payload }) => (key === null ? [] : [payload.event_id])))
    const refusals = payloads.map((one) => (one instanceof HttpError ? one : null))
    for (const { index, key, payload } of trials) refusals[index] = findReuse({ payload, key }, known)
    const good = trials.filter(({ index }) => refusals[index] === null)
    const understood = await dryRun(source, good)
    const [refusal] = refusals
    if (!isList && refusal) throw refusal

    const results: TrialResult[] = refusals.flatMap((one, index) =>
      one === null ? [] : [{ ...describeRefusal(one, index), event_id: null, repeated: false, understood: null }],
    )
    for (const [place, { index, payload }] of good.entries())
      results.push({
        ...{ index, status: 200, event_id: payload.event_id, repeated: known.has(payload.event_id), problem: null },
        understood: understood[place] ?? null,
      })
    results.sort((a, b) => a.index - b.index)
    return json(200, {
      accepted: good.length,
      refused: results.length - good.length,
      send_again: [],
      payloads: results,
    })
  } finally {
    release()
  }

  async function name(one: ValidPayload) {
    const found = one.crmName === null ? null : await findCompany(one.crmName)
    const { payload } = makeRecord({ ...one, companyId: found ?? one.companyId }, one.body, source, caller)
    return { payload, key: one.idempotencyKey, addsCompany: one.crmName !== null && found === null }
  }
}
