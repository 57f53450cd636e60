import { withLedger } from '#runtime/postgres/ledger.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import { drop, type Handler, ok, type Outcome } from '#runtime/consume/outcome.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { SourcingTrigger } from '#schemas/generated/types.ts'
import { requestRun } from '../request-run.ts'

/**
 * A trigger starts a round; a round in which nothing is due changes nothing, so triggers may come often and late. A
 * trigger that names a source also requests a run of it, or of one of its companies, once.
 */
export function takeTriggers(
  { log }: Pick<ServiceContext, 'log'>,
  database: Database,
  wake: () => void,
): Handler<SourcingTrigger> {
  return async (batch) => {
    const outcomes: Outcome[] = []
    for (const { value } of batch) outcomes.push(await take(database, value))
    for (const [index, outcome] of outcomes.entries())
      if (outcome.kind === 'drop') log.info({ trigger: batch[index]?.value, reason: outcome.reason }, 'trigger_dropped')
    if (outcomes.some(({ kind }) => kind === 'ok')) wake()
    return outcomes
  }
}

async function take(
  database: Database,
  { event_id, kind, data_source_id, company_id }: SourcingTrigger,
): Promise<Outcome> {
  if (kind !== 'schedule') return drop('not for the scheduler')
  if (data_source_id === null) return ok()
  if (company_id !== null && !/^[1-9]\d{0,8}$/.test(company_id)) return drop('not an id of a company')
  const companies = company_id === null ? null : [Number(company_id)]
  return withLedger(
    database,
    'scheduler',
    [{ event_id }],
    async (tx, [verdict]) => {
      if (verdict !== 'fresh') return ok()
      const requested = await requestRun(tx, data_source_id, companies)
      if (!('refused' in requested)) return ok()
      await tx.query(sql.unsafe`
        UPDATE scheduler.processed_event SET reason = ${requested.refused} WHERE event_id = ${event_id}`)
      return drop(requested.refused)
    },
    { stage: ['text', ['requested']] },
  )
}
