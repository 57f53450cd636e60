import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { z } from 'zod'
import { classify } from '#runtime/calls/retry.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import type { JudgeConfig } from '../config.ts'
import { compareNews, type NewsDifference } from './compare-news.ts'
import { readObservations, tryObservations } from './try-observations.ts'

/** A trial waits so long at most. */
const pollMs = 2000

/** After this time another process takes it up again. */
const leaseMs = 60_000

/** A trial that ends its process so often, fails. */
const mostAttempts = 2

/** News items that are kept of each list, and characters of a text. */
const kept = { news: 100, text: 300 }

const unzip = promisify(gunzip)
const claimed = z.object({ trial_id: z.string(), attempts: z.number() })
const observedRow = z.object({
  event_ids: z.array(z.string()),
  observed_before: z.instanceof(Buffer),
  observed_after: z.instanceof(Buffer),
})

/** Says of trials of maps, one at a time, which news items only one of the maps would make. Stores and sends none of them. */
export function startJudgingTrials(config: JudgeConfig, context: ServiceContext, database: Database): void {
  startLoop('trial_news', pollMs, context, async () => {
    const trial = await claimTrial(database)
    if (trial === null) return null
    try {
      if (trial.attempts > mostAttempts) await endTrial(database, trial.trial_id, null)
      else await endTrial(database, trial.trial_id, await judgeTrial(config, database, trial.trial_id))
    } catch (error) {
      // Nothing is stored, so one that meets what nobody knew costs no payload: it says so, and the log has it.
      if (classify(error) === 'transient') throw error
      context.log.error({ error, trial: trial.trial_id }, 'trial_news_failed')
      await endTrial(database, trial.trial_id, null)
    }
    return 0
  })
}

/** The oldest trial that waits for its news items; null: none does. Those of another hour are not looked at any more. */
function claimTrial(database: Database) {
  return database.maybeOne(sql.type(claimed)`
    INSERT INTO analyzer.map_trial_news AS n (trial_id, leased_until)
    SELECT o.trial_id, now() + ${leaseMs} * interval '1 ms'
    FROM normalizer.trial_observations_view o LEFT JOIN analyzer.map_trial_news k USING (trial_id)
    WHERE o.finished_at > now() - interval '1 hour'
      AND (k.trial_id IS NULL OR k.state = 'running' AND k.leased_until < now())
    ORDER BY o.finished_at LIMIT 1
    ON CONFLICT (trial_id) DO UPDATE SET attempts = n.attempts + 1, leased_until = excluded.leased_until
      WHERE n.state = 'running' AND n.leased_until < now()
    RETURNING trial_id, attempts`)
}

/** What the trial would change; null: its observations are gone. */
async function judgeTrial(config: JudgeConfig, database: Database, trialId: string): Promise<Found | null> {
  const observed = await database.maybeOne(sql.type(observedRow)`
    SELECT event_ids, observed_before, observed_after FROM normalizer.trial_observations_view
    WHERE trial_id = ${trialId}`)
  if (observed === null) return null
  const judge = async (zipped: Buffer) =>
    tryObservations(config, database, readObservations((await unzip(zipped)).toString(), 'the trial'))
  const before = await judge(observed.observed_before)
  return { event_ids: observed.event_ids, ...compareNews(before, await judge(observed.observed_after)) }
}

type Found = NewsDifference & { event_ids: string[] }

async function endTrial(database: Database, trialId: string, found: Found | null): Promise<void> {
  if (found === null) {
    const message = 'The news items could not be judged. The log of the analyzer says why.'
    await database.query(sql.unsafe`
      UPDATE analyzer.map_trial_news SET state = 'failed', message = ${message} WHERE trial_id = ${trialId}`)
    return
  }
  const { event_ids, gained, lost, same } = found
  const documentOf = new Map(event_ids.map((id, index) => [id, index]))
  const shorten = (news: NewsDifference['gained']) =>
    news.slice(0, kept.news).map(({ event_id, ...one }) => ({
      ...one,
      ...{ document: documentOf.get(event_id) ?? -1, title: excerpt(one.title, kept.text) },
      message: excerpt(one.message, kept.text),
    }))
  const leftOut = Math.max(0, gained.length - kept.news) + Math.max(0, lost.length - kept.news)
  const news = JSON.stringify({ gained: shorten(gained), lost: shorten(lost), same })
  await database.query(sql.unsafe`
    UPDATE analyzer.map_trial_news SET state = 'done', news = ${news}::jsonb, left_out = ${leftOut}
    WHERE trial_id = ${trialId}`)
}
