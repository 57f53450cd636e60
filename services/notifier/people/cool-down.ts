import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { severities, type Severity } from './filter.ts'

type SentNews = { destination_id: number; dedupe_key: string; severity: Severity; group_id: string }
const sentRow = z.object({
  destination_id: z.number(),
  dedupe_key: z.string(),
  severity: z.enum(severities),
  group_id: z.string(),
})

/** Which dedupe keys were sent where, and how severe they were. */
export type CoolDown = {
  /** Whether the same dedupe key of another payload was sent there, at least as severe. */
  covers(news: SentNews): boolean
  add(news: SentNews): void
}

/** What was sent of these dedupe keys within `coolDownMs`. */
export async function readCoolDown(
  tx: Transaction,
  news: readonly { dedupe_key: string }[],
  coolDownMs: number,
): Promise<CoolDown> {
  const keys = [...new Set(news.map(({ dedupe_key }) => dedupe_key))]
  const rows = await tx.any(sql.type(sentRow)`
    SELECT t.destination_id, n.dedupe_key, n.severity, n.group_id
    FROM unnest(${sql.array(keys, 'text')}) AS k (dedupe_key)
    JOIN notifier.news_item n
      ON hashtextextended(n.dedupe_key, 0) = hashtextextended(k.dedupe_key, 0) AND n.dedupe_key = k.dedupe_key
    JOIN notifier.item_delivery t ON t.item_id = n.news_id
    WHERE t.kept_back IS NULL AND t.assigned_at > now() - ${coolDownMs} * interval '1 ms'`)
  const sent = new Map<string, SentNews[]>(Map.groupBy(rows, keyOf))
  return {
    covers: (one) => coolDownMs > 0 && (sent.get(keyOf(one)) ?? []).some((other) => coversAs(other, one)),
    add: (one) => void sent.set(keyOf(one), [...(sent.get(keyOf(one)) ?? []), one]),
  }
}

const keyOf = ({ destination_id, dedupe_key }: SentNews) => `${destination_id}/${dedupe_key}`

function coversAs(other: SentNews, one: SentNews): boolean {
  return other.group_id !== one.group_id && severities.indexOf(other.severity) >= severities.indexOf(one.severity)
}

/** The same of a time that is not now, ms since 1970: `at` says it. It starts with nothing sent. */
export function createCoolDown(coolDownMs: number, at: () => number): CoolDown {
  const sent = new Map<string, (SentNews & { sentAt: number })[]>()
  const recent = (one: SentNews) => (sent.get(keyOf(one)) ?? []).filter(({ sentAt }) => sentAt > at() - coolDownMs)
  return {
    covers: (one) => recent(one).some((other) => coversAs(other, one)),
    add: (one) => void sent.set(keyOf(one), [...recent(one), { ...one, sentAt: at() }]),
  }
}
