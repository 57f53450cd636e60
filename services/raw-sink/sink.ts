import { dead, type Handler, ok, type Outcome } from '#runtime/outcome.ts'
import type { NormalizationMap, RawPayload } from '#schemas/generated/types.ts'
import { findFault, mapDocument, payloadDocument } from './document.ts'
import { mapConcurrently } from './map-concurrently.ts'
import type { Store } from './store.ts'

/**
 * Stores each payload as one document. Where Firestore refuses `data`, the document is stored without it, so that the
 * body is always kept.
 */
export function storePayloads(store: Store, concurrency: number): Handler<RawPayload> {
  return (batch) =>
    mapConcurrently(batch, concurrency, async ({ value: payload }) => {
      const fault = findFault(payload)
      if (fault !== null) return dead('invalid', fault)
      const written = await store(payloadDocument(payload))
      if (written.kind !== 'refused') return outcomeOf(written)
      return outcomeOf(await store(payloadDocument(payload, `Firestore refused it: ${written.message}`)))
    })
}

export function storeMaps(store: Store, concurrency: number): Handler<NormalizationMap> {
  return (batch) =>
    mapConcurrently(batch, concurrency, async ({ value: map }) => {
      const fault = findFault(map)
      return fault === null ? outcomeOf(await store(mapDocument(map))) : dead('invalid', fault)
    })
}

function outcomeOf(written: Awaited<ReturnType<Store>>): Outcome {
  if (written.kind === 'refused') return dead('refused-by-firestore', written.message)
  if (written.kind === 'conflict') return dead('conflict', `${written.path} holds other content already`)
  return ok()
}
