import { type Applied, applyNow } from '#runtime/changes/apply-changes.ts'
import { commandActor } from '#runtime/changes/command-actor.ts'
import type { KindOf, PayloadInput } from '#runtime/changes/kinds.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { openAppliers } from './appliers.ts'

/** Makes a change for a command, as the notifier makes one that comes from the topic, with its audit row. */
export function makeChange<K extends KindOf<'notifier'>>(
  database: Database,
  kind: K,
  payload: PayloadInput<K>,
): Promise<Applied> {
  return applyNow(database, 'notifier', openAppliers(), { kind, payload, actor: commandActor(), at: Date.now() })
}
