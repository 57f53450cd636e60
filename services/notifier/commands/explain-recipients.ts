import { z } from 'zod'
import { UsageError } from '#runtime/commands/commands.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'

const recipientRow = z.object({
  person: z.string(),
  follows: z.array(z.string()),
  at: z.string(),
  state: z.string(),
  why: z.string().nullable(),
})

/**
 * Who gets a news item where, and the state of that: for one person, or for all. If nobody gets it, one row that says
 * why.
 */
export async function explainRecipients(
  database: Database,
  news: string,
  person: number | null,
): Promise<readonly z.output<typeof recipientRow>[]> {
  if (!/^[0-9a-f-]{36}$/i.test(news)) throw new UsageError(`${JSON.stringify(news)} is not the id of a news item.`)
  const rows = await database.any(sql.type(recipientRow)`
    SELECT p ->> 'name' AS person, ARRAY(SELECT jsonb_array_elements_text(coalesce(p -> 'through', '[]'))) AS follows,
      concat(t.channel, ' ', t.address) AS at,
      CASE WHEN i.kept_back IS NOT NULL THEN 'kept back' ELSE coalesce(d.state, 'waiting') END AS state,
      coalesce(i.kept_back, d.reason,
        CASE WHEN i.notification_id IS NULL THEN concat(CASE WHEN b.is_held THEN 'quiet hours' ELSE 'bundled' END,
          to_char(b.due_at AT TIME ZONE 'UTC', '" until "YYYY-MM-DD HH24:MI" UTC"')) END) AS why
    FROM notifier.item_delivery i
    CROSS JOIN jsonb_array_elements(i.people) AS p
    JOIN notifier.destination t USING (destination_id)
    LEFT JOIN notifier.bundle b USING (destination_id, company_id)
    LEFT JOIN notifier.delivery d ON d.notification_id = i.notification_id AND d.destination_id = i.destination_id
    WHERE i.item_id = ${news}::uuid AND (${person}::int IS NULL OR p ->> 'id' = ${person}::text)
    UNION ALL
    SELECT '-', '{}', '-', 'nobody', unheard FROM notifier.news_item WHERE news_id = ${news}::uuid AND unheard IS NOT NULL
    ORDER BY 1, 3`)
  if (rows.length > 0) return rows
  const isKnown = await database.exists(sql.unsafe`SELECT FROM notifier.news_item WHERE news_id = ${news}::uuid`)
  throw new UsageError(
    !isKnown
      ? `The notifier has no news item ${news}. It may be silent (see \`parma why ${news}\`), or it has not arrived yet.`
      : person === null
        ? `News item ${news} has no recipients yet: ask again in a moment.`
        : `Person ${person} does not get news item ${news}: no subscription of theirs covered it, or they had no channel for it.`,
  )
}
