import type { Firestore } from '@google-cloud/firestore'
import { classify, hasCode } from '#runtime/calls/retry.ts'
import { UsageError } from '#runtime/commands/commands.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { Config } from '../config.ts'
import { noDocuments } from '../raw-documents.ts'
import { readDocuments } from './read-documents.ts'
import { keepObservations } from './keep-observations.ts'
import { reportMaps } from './report-map.ts'
import { shortenReport } from './shorten-report.ts'
import { claimTrial, type Done, endTrial, holdTrial, type Trial } from './trial-table.ts'
import { findLastDocuments, readMapSource, tryMap } from './try-map.ts'

/** How often it looks by itself: `watchDue` wakes it for what a normalizer that has died leaves. */
const pollMs = 30_000

/** A trial that ends its process so often, fails. */
const mostAttempts = 2

const sourceGone = 'The source was deleted.'
const foreignKeyViolation = '23503'

type Deps = { config: Config; database: Database; documents: () => Promise<Firestore> }

/**
 * Makes the dry runs of maps that are asked for, one at a time, and leaves the analyzer what it needs to say which news
 * items there would be. One that dies with its process is taken up again by any other. The returned function has it look
 * at once.
 */
export function startTrials({ config, database, documents }: Deps, context: ServiceContext): () => void {
  async function makeReport({ data_source_id, content, last }: Trial): Promise<Done> {
    const source = await readMapSource(database, data_source_id)
    if (!source) throw new UsageError(sourceGone)
    const paths = await findLastDocuments(database, data_source_id, last)
    if (paths.length === 0) throw new UsageError(`${source.name} has no stored documents yet.`)
    if (config.firestore === null) throw new UsageError(noDocuments)
    const { payloads, unreadable } = await readDocuments(await documents(), paths)
    if (payloads.length === 0) throw new UsageError(`None of the stored documents can be read. ${unreadable[0]}.`)
    const tried = await tryMap(config, database, source, content, payloads).catch((error: unknown) => {
      if (hasCode(error, foreignKeyViolation)) return null
      throw error
    })
    // Without it nothing of the report is true.
    if (!(await readMapSource(database, data_source_id))) throw new UsageError(sourceGone)
    if (tried === null) throw new UsageError('A company of the documents was deleted meanwhile. Try it again.')
    const report = shortenReport(reportMaps(source, tried, null), unreadable.length)
    return { state: 'done', report, observed: await keepObservations(tried) }
  }

  return startLoop('map_trials', pollMs, context, async () => {
    const trial = await claimTrial(database)
    if (trial === null) return null
    if (trial.attempts > mostAttempts) {
      const message = `It was begun ${mostAttempts} times and did not end. Try it on fewer documents.`
      await endTrial(database, trial, { state: 'failed', message })
      return 0
    }
    const end = await holdTrial(database, trial, () => makeReport(trial)).catch((error: unknown) => {
      if (error instanceof UsageError) return error
      // Nothing is stored, so one that meets what nobody knew costs no payload: it says so, and the log has it.
      if (classify(error) === 'transient') throw error
      context.log.error({ error, trial: trial.trial_id }, 'map_trial_failed')
      return new UsageError('It could not be tried. The log of the normalizer says why.')
    })
    await endTrial(database, trial, end instanceof Error ? { state: 'failed', message: end.message } : end)
    return 0
  })
}
