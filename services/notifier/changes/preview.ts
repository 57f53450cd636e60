import { type Apply, RefusedError } from '#runtime/changes/apply-changes.ts'
import type { Payload } from '#runtime/changes/kinds.ts'
import { sql } from '#runtime/postgres/database.ts'
import type { Log } from '#runtime/process/log.ts'
import { composeDigests } from '../digests/compose.ts'
import { firstPage } from '../digests/make.ts'
import { findDue } from '../digests/policies.ts'
import type { DigestSettings } from '../digests/settings.ts'
import { requirePerson } from './require.ts'

/** Composes the next digest of a person as it would be now, and keeps it for them to look at. Nothing is sent. */
export function previewDigest(config: DigestSettings, log: Log): Apply<Payload<'notifier.digest.preview'>> {
  return async (tx, { person, bucket = 0 }, { id }) => {
    await requirePerson(tx, person)
    const [due] = await findDue(config, tx, { which: 'next', person, bucket }, { after: firstPage, limit: 1 })
    if (!due) throw new RefusedError('You get no such digest.')
    const [made] = await composeDigests(config, log, tx, [due])
    const message = made?.message ?? null
    await tx.query(sql.unsafe`
      INSERT INTO notifier.digest_preview (user_id, bucket_id, change_id, message)
      VALUES (${person}, ${bucket}, ${id}, ${message === null ? null : JSON.stringify(message)}::jsonb)
      ON CONFLICT (user_id, bucket_id) DO UPDATE SET change_id = excluded.change_id, made_at = now(),
        message = excluded.message`)
    return {
      message: message === null ? 'There is no news for it yet: nothing would be sent.' : 'This would be sent now.',
      ...{ before: null, after: null },
    }
  }
}
