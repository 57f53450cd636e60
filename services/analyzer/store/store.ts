import { addToOutbox } from '#runtime/outbox/outbox.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { withLedger } from '#runtime/postgres/ledger.ts'
import { hasCode, TransientError } from '#runtime/calls/retry.ts'
import type { News, Observation } from '#schemas/generated/types.ts'
import type { Config } from '../config.ts'
import type { ReadRules } from '../rules/rules-in-force.ts'
import { openRuns } from '../suspect/runs.ts'
import type { Traces } from '../suspect/withheld.ts'
import { newsOf } from '../words/compose-news.ts'
import { judgeBatch } from './judge-batch.ts'
import { readNews } from './news.ts'
import { keyOf } from './parts.ts'
import { opsEventOf, readRuleErrors } from './rule-errors.ts'

/** What is stored for an observation; or its id belongs to another event; or what it is about no longer exists. */
export type Stored = { kind: 'conflict' } | { kind: 'gone'; what: string } | { kind: 'judged'; news: News[] }

/**
 * Judges a batch in one transaction. Each payload takes effect once, and every delivery gets the same answer. `traces`: the
 * `traceparent` of events, for news items that are withheld.
 */
export type Store = (batch: readonly Observation[], traces?: Traces) => Promise<Stored[]>

const foreignKeyViolation = '23503'

export function openStore(config: Config, database: Database, readRules: ReadRules, wakeOutbox: () => void): Store {
  return async (batch, traces) => {
    const rules = await readRules()
    const events = batch.map(({ event_id, replay_id, part, event_no }) => ({
      event_id,
      replay_id,
      part,
      content_hash: String(event_no),
    }))
    let hasReports = false
    await openRuns(database, batch, config.SUSPECT_WINDOW_SECONDS)
    const stored = await withLedger(database, 'analyzer', events, async (tx, verdicts) => {
      const fresh = batch.filter((_, index) => verdicts[index] === 'fresh')
      const gone = await judgeBatch(tx, fresh, rules, config, traces)
      // The news items of a payload go out with its last part.
      const eventIds = batch.filter(({ part, parts }) => part === parts).map(({ event_id }) => event_id)
      const news = Map.groupBy(await readNews(tx, eventIds), keyOf)
      const errors = await readRuleErrors(tx, eventIds)
      await addToOutbox(tx, 'analyzer', errors.map(opsEventOf))
      hasReports = errors.length > 0
      return batch.map((observation, index): Stored => {
        const key = keyOf(observation)
        const what = gone.get(key)
        if (verdicts[index] === 'conflict') return { kind: 'conflict' }
        if (what !== undefined) return { kind: 'gone', what }
        if (observation.part < observation.parts) return { kind: 'judged', news: [] }
        return { kind: 'judged', news: (news.get(key) ?? []).map(newsOf) }
      })
    }).catch((error: unknown) => {
      if (!hasCode(error, foreignKeyViolation)) throw error
      throw new TransientError('a company, source or measurement was deleted while its news items were written', {
        cause: error,
      })
    })
    if (hasReports) wakeOutbox()
    return stored
  }
}
