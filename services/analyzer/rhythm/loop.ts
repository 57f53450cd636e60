import { classify, mayBePoison } from '#runtime/calls/retry.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { tryLock } from '#runtime/postgres/lock.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import { adoptFeeds, takeDueFeeds } from './due-feeds.ts'
import { reportDueSources } from './due-sources.ts'
import { measureFeeds } from './feeds.ts'
import { reportStandstills } from './standstills.ts'

const everyMs = 1000
/** In one transaction: fewer where they take longer than `longestMs`, because feeds of a thousand numbers are large. */
const feedsAtOnce = 20
const longestMs = 5000
/** Tolerances are minutes at least. */
const dueEveryMs = 60_000

/**
 * Follows the feeds of judged payloads until the service stops: learns their rhythm and how their numbers move, reports
 * standstills and sources that are due, and marks forecasts to be made. One replica at a time does so. `wakeForecasts` is
 * called when there are forecasts to make.
 */
export function startFollowing(
  context: ServiceContext,
  database: Database,
  wakeOutbox: () => void,
  wakeForecasts: () => void,
): void {
  let isAdopted = false
  let dueJudgedAt = -Infinity
  let atOnce = feedsAtOnce

  const inTurn = (work: (tx: Transaction) => Promise<number>): Promise<number | null> =>
    database.transaction(async (tx) => ((await tryLock(tx, 'analyzer.follow_feeds')) ? work(tx) : null))

  /** Without a transaction, which takes four times as long: most of the time there is none. */
  const isAnyDue = () => database.exists(sql.unsafe`SELECT FROM analyzer.feed_due`)

  /** A feed that cannot be followed holds up no other: its payloads are let go. */
  async function follow(limit: number): Promise<number> {
    let incidents = 0
    const work = async (tx: Transaction) => {
      const feeds = await takeDueFeeds(tx, limit)
      if (feeds.length > 0) {
        await measureFeeds(tx, feeds)
        incidents = await reportStandstills(tx, feeds)
      }
      return feeds.length
    }
    const followed = await inTurn(work).catch(async (error: unknown) => {
      if (classify(error) === 'transient' && !mayBePoison(error)) throw error
      context.log.error({ error, limit }, limit > 1 ? 'following_one_by_one' : 'feed_not_followed')
      if (limit === 1) return inTurn(async (tx) => (await takeDueFeeds(tx, 1)).length)
      let done = 0
      while (done < limit && (await follow(1)) > 0) done++
      return done
    })
    if (incidents > 0) wakeOutbox()
    return followed ?? 0
  }

  startLoop('follow_feeds', everyMs, context, async () => {
    if (!isAdopted) isAdopted = (await inTurn((tx) => adoptFeeds(tx).then(() => 0))) !== null
    const asked = atOnce
    const startedAt = performance.now()
    const followed = (await isAnyDue()) ? await follow(asked) : 0
    const isSlow = performance.now() - startedAt > longestMs
    atOnce = isSlow ? Math.ceil(asked / 4) : Math.min(2 * asked, feedsAtOnce)
    if (followed > 0) wakeForecasts()
    if (performance.now() - dueJudgedAt >= dueEveryMs) {
      const incidents = await inTurn(reportDueSources)
      if (incidents !== null) dueJudgedAt = performance.now()
      if (incidents !== null && incidents > 0) wakeOutbox()
    }
    return followed === asked ? 0 : null
  })
}
