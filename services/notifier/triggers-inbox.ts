import { withLedger } from '#runtime/ledger.ts'
import { drop, type Handler, ok } from '#runtime/outcome.ts'
import type { Database } from '#runtime/postgres.ts'
import type { SourcingTrigger } from '#schemas/generated/types.ts'
import { type MailReference, readMailReference, unsubscribe } from './unsubscribe.ts'

/** Does what people ask of the notifier, each request once. What is for others is dropped. */
export function takeTriggers(database: Database): Handler<SourcingTrigger> {
  return async (batch) => {
    const asked = batch.map(({ value }) => ({ id: value.event_id, mail: mailOf(value) }))
    const mails = asked.filter((one): one is { id: string; mail: MailReference } => one.mail !== null)
    const events = mails.map(({ id }) => ({ event_id: id, replay_id: null, content_hash: id }))
    if (mails.length > 0)
      await withLedger(database, 'notifier', events, async (tx, verdicts) => {
        const fresh = mails.filter((_, index) => verdicts[index] === 'fresh')
        await unsubscribe(
          tx,
          fresh.map(({ mail }) => mail),
        )
      })
    return asked.map(({ mail }) => (mail ? ok() : drop('not for the notifier')))
  }
}

function mailOf({ kind, mail }: SourcingTrigger): MailReference | null {
  return kind === 'unsubscribe' && mail !== null ? readMailReference(mail) : null
}
