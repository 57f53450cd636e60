import { type Applied, applyNow } from '#runtime/changes/apply-changes.ts'
import { commandActor } from '#runtime/changes/command-actor.ts'
import type { KindOf, PayloadInput } from '#runtime/changes/kinds.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { appliers } from './appliers.ts'

/** Makes a change for a command, as the normalizer makes one that comes from the topic, with its audit row. */
export function makeChange<K extends KindOf<'normalizer'>>(
  database: Database,
  kind: K,
  payload: PayloadInput<K>,
): Promise<Applied> {
  return applyNow(database, 'normalizer', appliers, { kind, payload, actor: commandActor(), at: Date.now() })
}
