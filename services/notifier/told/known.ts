import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'

const knownRow = z.object({ item_id: z.string(), destination_id: z.number() })

/**
 * Which of these news items or events are told somewhere already, though it is only now decided who gets them: messages
 * that were recalled after a restore told them.
 */
export async function readKnown(
  tx: Transaction,
  itemIds: readonly string[],
): Promise<(itemId: string, destinationId: number) => boolean> {
  const rows = await tx.any(sql.type(knownRow)`
    SELECT item_id, destination_id FROM notifier.item_delivery
    WHERE item_id = ANY(${sql.array(itemIds, 'uuid')}) AND notification_id IS NOT NULL`)
  const known = new Set(rows.map(({ item_id, destination_id }) => `${item_id}/${destination_id}`))
  return (itemId, destinationId) => known.has(`${itemId}/${destinationId}`)
}
