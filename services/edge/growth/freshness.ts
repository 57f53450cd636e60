/** The newest payload of a source about a company, and how often one usually comes. Null: none yet, not known. */
export type Feed = { observedAt: number | null; everyMs: number | null }

export type Freshness = { kind: 'fresh' | 'late' | 'none'; observedAt: number | null }

/** A payload is late when it has not come in twice its usual time. */
const patience = 2

export function judgeFeed({ observedAt, everyMs }: Feed, now: number): Freshness {
  if (observedAt === null) return { kind: 'none', observedAt }
  return { kind: everyMs !== null && now - observedAt > patience * everyMs ? 'late' : 'fresh', observedAt }
}

/** The same of all sources of a company: the newest payload, and how many sources are late. */
export function judgeFeeds(feeds: readonly Feed[], now: number): Freshness & { late: number; of: number } {
  const judged = feeds.map((feed) => judgeFeed(feed, now))
  const times = judged.flatMap(({ observedAt }) => observedAt ?? [])
  const late = judged.filter(({ kind }) => kind === 'late').length
  const kind = times.length === 0 ? 'none' : late > 0 ? 'late' : 'fresh'
  return { kind, observedAt: times.length === 0 ? null : Math.max(...times), late, of: feeds.length }
}
