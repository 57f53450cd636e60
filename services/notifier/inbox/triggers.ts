import { drop, type Handler, ok } from '#runtime/consume/outcome.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { withLedger } from '#runtime/postgres/ledger.ts'
import type { MailReference } from '#runtime/web/signed-links.ts'
import type { SourcingTrigger } from '#schemas/generated/types.ts'
import { readMailReference, unsubscribe } from '../people/unsubscribe.ts'
import { requestWeeklyReports } from '../digests/policies.ts'

/**
 * Takes requests for weekly reports and for unsubscribing, each once; drops triggers for other services. Calls
 * `wakeDigests` when weekly reports are requested.
 */
export function takeTriggers(database: Database, wakeDigests: () => void): Handler<SourcingTrigger> {
  return async (batch) => {
    const asked = batch.map(({ value }) => value)
    const known = asked.filter((one) => one.kind === 'weekly_report' || mailOf(one) !== null)
    const events = known.map(({ event_id }) => ({ event_id }))
    if (known.length > 0)
      await withLedger(database, 'notifier', events, async (tx, verdicts) => {
        const fresh = known.filter((_, index) => verdicts[index] === 'fresh')
        await unsubscribe(
          tx,
          fresh.map(mailOf).filter((mail) => mail !== null),
        )
        const weekly = fresh.filter(({ kind }) => kind === 'weekly_report')
        await requestWeeklyReports(
          tx,
          weekly.map(({ requested_at }) => requested_at),
        )
      })
    if (known.some(({ kind }) => kind === 'weekly_report')) wakeDigests()
    return asked.map((one) => (known.includes(one) ? ok() : drop('not for the notifier')))
  }
}

function mailOf({ kind, mail }: SourcingTrigger): MailReference | null {
  return kind === 'unsubscribe' && mail !== null ? readMailReference(mail) : null
}
