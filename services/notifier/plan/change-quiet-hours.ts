import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { severities } from '../people/filter.ts'
import { lockPlanning } from './bundles.ts'
import { readNotedHours } from './defaults.ts'
import { readPreferences } from './preferences.ts'

const heldRow = z.object({
  destination_id: z.number(),
  company_id: z.number(),
  user_id: z.number(),
  severity: z.enum(severities),
})

/**
 * Changes a person's quiet hours by `change`. Messages held by the old hours become due when the new ones allow.
 * Returns the result of `change`.
 */
export async function changeQuietHours<T>(tx: Transaction, person: number, change: () => Promise<T>): Promise<T> {
  const now = await lockPlanning(tx)
  const changed = await change()
  const held = await tx.any(sql.type(heldRow)`
    WITH waiting AS (
      SELECT destination_id, company_id, item_id, people
      FROM notifier.bundle JOIN notifier.item_delivery USING (destination_id, company_id)
      WHERE is_held AND due_at IS NOT NULL AND notification_id IS NULL AND kept_back IS NULL
    )
    SELECT DISTINCT destination_id, company_id, (p ->> 'id')::int AS user_id, coalesce(n.severity, 'warning') AS severity
    FROM waiting w CROSS JOIN jsonb_array_elements(people) AS p LEFT JOIN notifier.news_item n ON n.news_id = w.item_id
    WHERE EXISTS (
      SELECT FROM waiting v WHERE (v.destination_id, v.company_id) = (w.destination_id, w.company_id)
        AND v.people @> jsonb_build_array(jsonb_build_object('id', ${person}::int))
    )`)
  if (held.length === 0) return changed
  const people = held.map(({ user_id }) => user_id)
  const preferences = await readPreferences(tx, people, await readNotedHours(tx, people))
  const bundles = Map.groupBy(held, ({ destination_id, company_id }) => `${destination_id}/${company_id}`)
  const due = [...bundles.values()].map((some) => {
    const [{ destination_id, company_id }] = some as [z.output<typeof heldRow>]
    const times = some.map((one) => preferences.quietUntil(one.user_id, one)(now))
    return [destination_id, company_id, Math.min(...times)]
  })
  // They stay held, so that a destination still gets one message for all of them.
  await tx.query(sql.unsafe`
    UPDATE notifier.bundle b SET due_at = to_timestamp(d.due_at / 1000.0)
    FROM ${sql.unnest(due, ['int4', 'int4', 'int8'])} AS d (destination_id, company_id, due_at)
    WHERE (b.destination_id, b.company_id) = (d.destination_id, d.company_id)`)
  return changed
}
