import { type Output, output } from '#runtime/kafka/output.ts'
import type { RawPayload } from '#schemas/generated/types.ts'
import { topics } from '#schemas/topics.ts'
import type { Source } from '../access/sources.ts'
import { HttpError } from '../http/http-error.ts'
import type { TakeBytes } from '../intake/daily-bytes.ts'
import type { AcceptedEvents } from '../publish/accepted.ts'
import type { IsReused } from '../publish/idempotency.ts'
import type { Cause, PublishAll } from '../publish/publish.ts'

export type SendDeps = { publishAll: PublishAll; takeBytes: TakeBytes; isReused: IsReused; accepted: AcceptedEvents }

/** A payload that is valid: its record, and its idempotency key, if it has one. */
export type Named = { payload: RawPayload; headers: Record<string, string>; key: string | null }

/** What became of a payload. `repeated`: it was known, so it was not sent. */
export type Outcome = { refusal: HttpError } | { payload: RawPayload; repeated: boolean }

type ToSend = { index: number; giveBack(): void; output: Output }

/**
 * Sends what is new, in its order and each event once. `known`: event id → sha256 of its content, of those that took
 * effect already. Resolves with the outcome of each.
 */
export async function sendBatch(
  deps: SendDeps,
  payloads: readonly (Named | HttpError)[],
  { known, source, request }: { known: ReadonlyMap<string, string>; source: Source; request: Cause },
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  /** Where each event stands first. */
  const firsts = new Map<string, number>()
  const toSend: ToSend[] = []
  for (const [index, one] of payloads.entries()) {
    outcomes.push(one instanceof HttpError ? { refusal: one } : plan(one, index))
  }

  function plan({ payload, headers, key }: Named, index: number): Outcome {
    const { event_id, company_id, body, content_hash } = payload
    const reuse = findReuse({ payload, key }, known)
    if (reuse !== null) return { refusal: reuse }
    if (key !== null && deps.isReused(event_id, content_hash)) return { refusal: keyReused(key) }
    if (known.has(event_id) || firsts.has(event_id)) return { payload, repeated: true }
    firsts.set(event_id, index)
    try {
      const giveBack = deps.takeBytes(source, body.length, 'payload')
      toSend.push({ index, giveBack, output: output(topics.rawPayloads, company_id, event_id, payload, headers) })
      return { payload, repeated: false }
    } catch (error) {
      if (error instanceof HttpError) return { refusal: error }
      throw error
    }
  }

  await publish(deps.publishAll, toSend, outcomes, request)
  return outcomes.map((outcome, index) => {
    if ('refusal' in outcome) return outcome
    const { event_id, data_source_id, company_id, received_at } = outcome.payload
    // What repeats another payload of the batch becomes what that one became.
    const first = outcomes[firsts.get(event_id) ?? index]!
    if ('refusal' in first) return first
    // What was known has been received before.
    if (!outcome.repeated) deps.accepted.add(event_id, { data_source_id, company_id, received_at })
    return outcome
  })
}

/** Changes the outcomes of those that could not be sent. */
async function publish(
  publishAll: PublishAll,
  toSend: readonly ToSend[],
  outcomes: Outcome[],
  request: Cause,
): Promise<void> {
  const giveAllBack = (error: unknown) => {
    for (const { giveBack } of toSend) giveBack()
    throw error
  }
  const refusals = await publishAll(
    toSend.map(({ output }) => output),
    request,
  ).catch(giveAllBack)
  for (const [place, { index, giveBack }] of toSend.entries()) {
    const refusal = refusals[place]
    if (!refusal) continue
    giveBack()
    outcomes[index] = { refusal }
  }
}

/** The refusal of a payload whose key belongs to other content by the ledger; null: it does not. */
export function findReuse(
  { payload: { event_id, content_hash }, key }: Pick<Named, 'payload' | 'key'>,
  known: ReadonlyMap<string, string>,
): HttpError | null {
  return key !== null && (known.get(event_id) ?? content_hash) !== content_hash ? keyReused(key) : null
}

function keyReused(key: string): HttpError {
  const detail = `The idempotency key ${JSON.stringify(key.slice(0, 100))} belongs to another content about this company.`
  return new HttpError(
    422,
    detail,
    {},
    {
      type: 'idempotency-key-reused',
      title: 'Idempotency key used before',
      remedy: 'Send new content under a new key. What is sent again under its key must be the same, byte for byte.',
    },
  )
}
