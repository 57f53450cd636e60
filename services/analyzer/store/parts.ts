import { z } from 'zod'
import { column } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { insertRecords } from '#runtime/postgres/insert-records.ts'
import type { Observation, ObservedValue } from '#schemas/generated/types.ts'
import type { Payload } from '../values/payload.ts'

const partRow = z.object({
  event_id: z.string(),
  replay_id: z.string(),
  // Written here alone, from the values of an observation.
  item_values: z.custom<ObservedValue[]>(),
})

/**
 * The payloads that these observations complete, in order. Parts of others wait in analyzer.pending_part. Parts follow
 * each other in one partition, so the last part completes its payload.
 */
export async function joinParts(tx: Transaction, observations: readonly Observation[]): Promise<Payload[]> {
  const early = observations.filter(({ part, parts }) => part < parts)
  const last = observations.filter(({ part, parts }) => part === parts)
  await keepParts(tx, early)
  const kept = await takeParts(
    tx,
    last.filter(({ parts }) => parts > 1),
  )
  return last.map(({ part: _part, parts: _parts, ...payload }) => ({
    ...payload,
    values: [...(kept.get(keyOf(payload)) ?? []).flatMap(({ item_values }) => item_values), ...payload.values],
  }))
}

function keepParts(tx: Transaction, parts: readonly Observation[]): Promise<void> {
  return insertRecords(
    tx,
    ['analyzer', 'pending_part'],
    { event_id: 'uuid', replay_id: 'text', part: 'int4', item_values: 'jsonb' },
    parts.map(({ event_id, replay_id, part, values }) => ({
      ...{ event_id, replay_id: replay_id ?? '', part, item_values: JSON.stringify(values) },
    })),
  )
}

async function takeParts(tx: Transaction, last: readonly Observation[]) {
  if (last.length === 0) return new Map<string, z.infer<typeof partRow>[]>()
  const rows = await tx.any(sql.type(partRow)`
    WITH taken AS (
      DELETE FROM analyzer.pending_part WHERE (event_id, replay_id) IN (
        SELECT * FROM unnest(
          ${column(last, 'uuid', ({ event_id }) => event_id)},
          ${column(last, 'text', ({ replay_id }) => replay_id ?? '')}
        )
      ) RETURNING event_id, replay_id, part, item_values
    )
    SELECT event_id, replay_id, item_values FROM taken ORDER BY event_id, replay_id, part`)
  return Map.groupBy(rows, keyOf)
}

/** Identifies a payload, or one replay of it. */
export function keyOf({ event_id, replay_id }: { event_id: string; replay_id: string | null }): string {
  return `${event_id}/${replay_id ?? ''}`
}
