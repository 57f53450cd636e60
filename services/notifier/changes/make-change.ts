import { type Applied, applyNow } from '#runtime/changes/apply-changes.ts'
import { commandActor } from '#runtime/changes/command-actor.ts'
import type { KindOf, PayloadInput } from '#runtime/changes/kinds.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { readEnv } from '#runtime/process/config.ts'
import { digestSettings } from '../digests/settings.ts'
import { peopleSettings } from '../people/settings.ts'
import { openAppliers } from './appliers.ts'
import type { DigestDefaults } from './digest.ts'

const { DIGEST_HOUR, DIGEST_WEEKDAY, DIGEST_ALL_QUIET } = digestSettings
const { DIGEST_ZONE } = peopleSettings
const digestDefaults = { DIGEST_HOUR, DIGEST_WEEKDAY, DIGEST_ALL_QUIET, DIGEST_ZONE }

/** Makes a change for a command, as the notifier makes one that comes from the topic, with its audit row. */
export function makeChange<K extends KindOf<'notifier'>>(
  database: Database,
  kind: K,
  payload: PayloadInput<K>,
  defaults: DigestDefaults = readEnv(digestDefaults),
): Promise<Applied> {
  return applyNow(database, 'notifier', openAppliers(defaults), {
    kind,
    payload,
    actor: commandActor(),
    at: Date.now(),
  })
}
