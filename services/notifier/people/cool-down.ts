import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { severities, type Severity } from './filter.ts'

type SentNews = {
  news_id: string
  destination_id: number
  dedupe_key: string
  severity: Severity
  group_id: string
}
const sentRow = z.object({
  news_id: z.string(),
  destination_id: z.number(),
  dedupe_key: z.string(),
  severity: z.enum(severities),
  group_id: z.string(),
})

/** Which dedupe keys were sent where, and how severe they were. */
export type CoolDown = {
  /** The id of a news item with the same dedupe key, of another payload and at least as severe, that was sent there. */
  findSame(news: SentNews): string | null
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
    SELECT n.news_id, t.destination_id, n.dedupe_key, n.severity, n.group_id
    FROM unnest(${sql.array(keys, 'text')}) AS k (dedupe_key)
    JOIN notifier.news_item n
      ON hashtextextended(n.dedupe_key, 0) = hashtextextended(k.dedupe_key, 0) AND n.dedupe_key = k.dedupe_key
    JOIN notifier.item_delivery t ON t.item_id = n.news_id
    WHERE t.kept_back IS NULL AND t.assigned_at > now() - ${coolDownMs} * interval '1 ms'`)
  const sent = new Map<string, SentNews[]>(Map.groupBy(rows, keyOf))
  return {
    findSame: (one) => (coolDownMs === 0 ? null : findIn(sent.get(keyOf(one)) ?? [], one)),
    add: (one) => void sent.set(keyOf(one), [...(sent.get(keyOf(one)) ?? []), one]),
  }
}

const keyOf = ({ destination_id, dedupe_key }: SentNews) => `${destination_id}/${dedupe_key}`

function findIn(sent: readonly SentNews[], one: SentNews): string | null {
  return sent.find((other) => coversAs(other, one))?.news_id ?? null
}

function coversAs(other: SentNews, one: SentNews): boolean {
  return other.group_id !== one.group_id && severities.indexOf(other.severity) >= severities.indexOf(one.severity)
}

/** The same of a time that is not now, ms since 1970: `at` says it. It starts with nothing sent. */
export function createCoolDown(coolDownMs: number, at: () => number): CoolDown {
  const sent = new Map<string, (SentNews & { sentAt: number })[]>()
  const recent = (one: SentNews) => (sent.get(keyOf(one)) ?? []).filter(({ sentAt }) => sentAt > at() - coolDownMs)
  return {
    findSame: (one) => findIn(recent(one), one),
    add: (one) => void sent.set(keyOf(one), [...recent(one), { ...one, sentAt: at() }]),
  }
}
