import { setTimeout as wait } from 'node:timers/promises'
import { Counter, Gauge } from 'prom-client'
import { classify, mayBePoison } from '#runtime/calls/retry.ts'
import type { Database, Transaction } from '#runtime/postgres/database.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { PostgresSettings } from '#runtime/process/settings.ts'
import { forecastPoints } from './forecast-points.ts'
import { countDue, type Feed, type Made, markDone, readOutdated, takeFeed, writeForecasts } from './stored-forecasts.ts'

const everyMs = 5000
/** In one transaction. It ends earlier when judging has much to do. */
const seriesAtOnce = 48
/** Part of the time after which Postgres ends a transaction that waits for its process. */
const waitShare = 1 / 3
/** After each series, judging has the process for so many times as long as the series took. */
const rest = 3

const seriesForecast = new Counter({
  name: 'parma_analyzer_series_forecast_total',
  help: 'Times that the forecasts of a series were made',
})
const feedsDue = new Gauge({
  name: 'parma_analyzer_feeds_without_forecasts',
  help: 'Feeds (a company from a source) with values that their forecasts do not know yet',
})

/**
 * Makes the forecasts of feeds that have new values, until the service stops. They are made anew from the newest values of
 * each series, so a late value changes them, too, and nothing but them is stored. Replicas share the work. The returned
 * function has it look at once.
 */
export function startForecasting(settings: PostgresSettings, context: ServiceContext, database: Database): () => void {
  const longestMs = waitShare * settings.DATABASE_IDLE_TRANSACTION_TIMEOUT_MS
  return startLoop('forecast', everyMs, context, async () => {
    // Before, so that it is also known while none can be made.
    const due = await countDue(database)
    feedsDue.set(due)
    if (due === 0) return null
    const feed = await forecastSome(context, database, longestMs)
    return feed === null ? null : 0
  })
}

/** Of one feed. Returns it; null: none is due. One for which it fails waits for its next payload and holds up no other. */
async function forecastSome(context: ServiceContext, database: Database, longestMs: number): Promise<Feed | null> {
  let feed: Feed | null = null
  try {
    await database.transaction(async (tx) => {
      feed = await takeFeed(tx)
      if (feed) await forecastFeed(context, tx, feed, longestMs)
    })
  } catch (error) {
    if (feed === null || (classify(error) === 'transient' && !mayBePoison(error))) throw error
    context.log.error({ error, feed }, 'feed_not_forecast')
    await markDone(database, feed)
  }
  return feed
}

async function forecastFeed(
  { stopping }: Pick<ServiceContext, 'stopping'>,
  tx: Transaction,
  feed: Feed,
  longestMs: number,
): Promise<void> {
  const outdated = await readOutdated(tx, feed, seriesAtOnce)
  const made: Made[] = []
  let done = 0
  const startedAt = performance.now()
  for (const series of outdated) {
    if (stopping.aborted || performance.now() - startedAt > longestMs) break
    const begunAt = performance.now()
    const outlook = forecastPoints(series.times, series.numbers)
    if (outlook) made.push({ series, outlook })
    done++
    await wait(rest * (performance.now() - begunAt))
  }
  await writeForecasts(tx, made)
  if (done === outdated.length && done < seriesAtOnce) await markDone(tx, feed)
  seriesForecast.inc(made.length)
}
