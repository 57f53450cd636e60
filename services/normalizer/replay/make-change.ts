import { type Applied, applyNow, RefusedError } from '#runtime/changes/apply-changes.ts'
import { commandActor } from '#runtime/changes/command-actor.ts'
import type { KindOf, PayloadInput } from '#runtime/changes/kinds.ts'
import { UsageError } from '#runtime/commands/commands.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { appliers } from './appliers.ts'

/** Makes a change for a command, as the normalizer makes one that comes from the topic, with its audit row. */
export async function makeChange<K extends KindOf<'normalizer'>>(
  database: Database,
  kind: K,
  payload: PayloadInput<K>,
): Promise<Applied> {
  try {
    return await applyNow(database, 'normalizer', appliers, { kind, payload, actor: commandActor(), at: Date.now() })
  } catch (error) {
    throw error instanceof RefusedError ? new UsageError(error.message) : error
  }
}
