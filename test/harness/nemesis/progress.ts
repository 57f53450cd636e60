import { setTimeout as delay } from 'node:timers/promises'
import type { TestDatabase } from '../database.ts'

/** Payloads understood, news items and messages sent, at a time in ms. */
type Sample = { atMs: number; counts: number[] }

export type Progress = {
  /** How long after this time payloads, news items and messages had all grown again; null when they never did. */
  recoveryMs(atMs: number): number | null
}

/** Counts twice a second how far the system has come, until `over`. Times are those of `now`. */
export function watchProgress(database: TestDatabase, now: () => number, over: AbortSignal): Progress {
  const samples: Sample[] = []
  async function sample(): Promise<void> {
    while (!over.aborted) {
      const row = await database
        .query<{ counts: number[] }>(
          `SELECT ARRAY[(SELECT count(*) FROM normalizer.processed_event), (SELECT count(*) FROM analyzer.news),
             (SELECT count(*) FROM notifier.delivery WHERE due_at IS NULL)]::int[] AS counts`,
        )
        .catch(() => [])
      if (row[0]) samples.push({ atMs: now(), counts: row[0].counts })
      await delay(500)
    }
  }
  void sample()
  return {
    recoveryMs(atMs) {
      const before = samples.findLast((one) => one.atMs <= atMs)?.counts ?? []
      const grown = samples.find((one) => one.atMs > atMs && one.counts.every((count, n) => count > (before[n] ?? 0)))
      return grown ? grown.atMs - atMs : null
    },
  }
}
