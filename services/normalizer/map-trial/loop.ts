import type { Firestore } from '@google-cloud/firestore'
import { z } from 'zod'
import { classify, hasCode } from '#runtime/calls/retry.ts'
import { UsageError } from '#runtime/commands/commands.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { Config } from '../config.ts'
import { noDocuments } from '../raw-documents.ts'
import { readDocuments } from './read-documents.ts'
import { runTrial } from './run-trial.ts'
import { shortenReport, type ShortReport } from './shorten-report.ts'
import { claimTrial, endTrial, holdTrial, type Trial } from './trial-table.ts'
import { findLastDocuments, readMapSource } from './try-map.ts'

/** Trials of a normalizer that has died wait so long at most, and their lease. */
const pollMs = 2000

/** A trial that ends its process so often, fails. */
const mostAttempts = 2

const sourceGone = 'The source was deleted.'
const foreignKeyViolation = '23503'

/** With a role of its own, the normalizer does not read what the analyzer remembers. The report is then without news items. */
const mayJudge = sql.type(z.object({ may: z.boolean() }))`SELECT has_schema_privilege('analyzer', 'USAGE') AS may`

type Deps = { config: Config; database: Database; documents: () => Promise<Firestore> }

/**
 * Makes the dry runs of maps that are asked for, one at a time. One that dies with its process is taken up again by any
 * other. The returned function has it look at once.
 */
export function startTrials({ config, database, documents }: Deps, context: ServiceContext): () => void {
  async function makeReport({ data_source_id, content, last }: Trial): Promise<ShortReport> {
    const source = await readMapSource(database, data_source_id)
    if (!source) throw new UsageError(sourceGone)
    const paths = await findLastDocuments(database, data_source_id, last)
    if (paths.length === 0) throw new UsageError(`${source.name} has no stored documents yet.`)
    if (config.firestore === null) throw new UsageError(noDocuments)
    const { payloads, unreadable } = await readDocuments(await documents(), paths)
    if (payloads.length === 0) throw new UsageError(`None of the stored documents can be read. ${unreadable[0]}.`)
    const news = await database.oneFirst(mayJudge)
    const tried = { content, documents: payloads, news }
    const report = await runTrial(config, database, source, tried).catch((error: unknown) => {
      if (hasCode(error, foreignKeyViolation)) return null
      throw error
    })
    // Without it nothing of the report is true.
    if (!(await readMapSource(database, data_source_id))) throw new UsageError(sourceGone)
    if (report === null) throw new UsageError('A company of the documents was deleted meanwhile. Try it again.')
    return shortenReport(report, unreadable.length)
  }

  return startLoop('map_trials', pollMs, context, async () => {
    const trial = await claimTrial(database)
    if (trial === null) return null
    if (trial.attempts > mostAttempts) {
      const message = `It was begun ${mostAttempts} times and did not end. Try it on fewer documents.`
      await endTrial(database, trial, { state: 'failed', message })
      return 0
    }
    const report = await holdTrial(database, trial, () => makeReport(trial)).catch((error: unknown) => {
      if (error instanceof UsageError) return error
      // Nothing is stored, so one that meets what nobody knew costs no payload: it says so, and the log has it.
      if (classify(error) === 'transient') throw error
      context.log.error({ error, trial: trial.trial_id }, 'map_trial_failed')
      return new UsageError('It could not be tried. The log of the normalizer says why.')
    })
    await endTrial(
      database,
      trial,
      report instanceof Error ? { state: 'failed', message: report.message } : { state: 'done', report },
    )
    return 0
  })
}
