import { handleSound } from '#runtime/consume/handle-sound.ts'
import { dead, type Delivery, type Handler, ok, type Outcome } from '#runtime/consume/outcome.ts'
import { countJsonValues } from '#runtime/text/count-json-values.ts'
import type { NormalizationMap, RawPayload } from '#schemas/generated/types.ts'
import { findFault, mapDocument, payloadDocument } from './document.ts'
import { mapConcurrently } from './map-concurrently.ts'
import type { Store } from './store.ts'

/** Documents written at once per partition, so that Firestore's rate is the limit, not the wait for each answer. */
const concurrency = 100
/** JSON values of a payload that is written beside others. Payloads with more are read and written one at a time. */
const manyValues = 5000

/**
 * Stores each payload as one document. If Firestore refuses `data`, the document is stored without it, so that the body
 * is always kept.
 */
export function storePayloads(store: Store): Handler<RawPayload> {
  const write = async (payload: RawPayload) => {
    const written = await store(payloadDocument(payload))
    if (written.kind !== 'refused') return outcomeOf(written)
    return outcomeOf(await store(payloadDocument(payload, `Firestore refused it: ${written.message}`)))
  }
  let large: Promise<unknown> = Promise.resolve()
  const keep = inTurn((payload: RawPayload) => {
    if (countJsonValues(payload.body) <= manyValues) return write(payload)
    const written = large.then(() => write(payload))
    large = written.catch(() => undefined)
    return written
  })
  return handleSound(findFault, keep)
}

/** Stores each map as one document. */
export function storeMaps(store: Store): Handler<NormalizationMap> {
  const keep = inTurn(async (map: NormalizationMap) => outcomeOf(await store(mapDocument(map))))
  return handleSound(findFault, keep)
}

/**
 * Records of one event one after the other: of two contents the first in the partition is kept, as in the normalizer.
 */
function inTurn<T extends { event_id: string }>(keep: (value: T) => Promise<Outcome>): Handler<T> {
  return async (batch) => {
    const outcomes = new Map<Delivery<T>, Outcome>()
    const events = [...Map.groupBy(batch, ({ value }) => value.event_id).values()]
    await mapConcurrently(events, concurrency, async (deliveries) => {
      for (const delivery of deliveries) outcomes.set(delivery, await keep(delivery.value))
    })
    return batch.map((delivery) => outcomes.get(delivery) as Outcome)
  }
}

function outcomeOf(written: Awaited<ReturnType<Store>>): Outcome {
  if (written.kind === 'refused') return dead('refused-by-firestore', written.message)
  if (written.kind === 'conflict') return dead('conflict', `${written.path} already has other content`)
  return ok()
}
