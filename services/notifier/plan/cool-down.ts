import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { type Severity, severities } from '../people/preferences.ts'

type Told = { destination_id: number; dedupe_key: string; severity: Severity; group_id: string }
const toldRow = z.object({
  destination_id: z.number(),
  dedupe_key: z.string(),
  severity: z.enum(severities),
  group_id: z.string(),
})

/** Which stories were told where, and how severe they were. */
export type Stories = {
  /** Whether the story of another payload was told there that is as severe. */
  has(news: Told): boolean
  add(news: Told): void
}

/** The stories of these news that were told within `coolDownMs`. */
export async function findStories(
  tx: Transaction,
  news: readonly { dedupe_key: string }[],
  coolDownMs: number,
): Promise<Stories> {
  const keys = [...new Set(news.map(({ dedupe_key }) => dedupe_key))]
  const rows = await tx.any(sql.type(toldRow)`
    SELECT t.destination_id, n.dedupe_key, n.severity, n.group_id
    FROM unnest(${sql.array(keys, 'text')}) AS k (dedupe_key)
    JOIN notifier.news_item n
      ON hashtextextended(n.dedupe_key, 0) = hashtextextended(k.dedupe_key, 0) AND n.dedupe_key = k.dedupe_key
    JOIN notifier.item_delivery t ON t.item_id = n.news_id
    WHERE t.kept_back IS NULL AND t.assigned_at > now() - ${coolDownMs} * interval '1 ms'`)
  const keyOf = ({ destination_id, dedupe_key }: Told) => `${destination_id}/${dedupe_key}`
  const told = new Map<string, Told[]>(Map.groupBy(rows, keyOf))
  return {
    has: (one) =>
      coolDownMs > 0 &&
      (told.get(keyOf(one)) ?? []).some(
        (other) =>
          other.group_id !== one.group_id && severities.indexOf(other.severity) >= severities.indexOf(one.severity),
      ),
    add: (one) => void told.set(keyOf(one), [...(told.get(keyOf(one)) ?? []), one]),
  }
}
