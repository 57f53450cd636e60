import { writeAudit } from '#runtime/changes/audit.ts'
import type { Database } from '#runtime/postgres/database.ts'
import type { Log } from '#runtime/process/log.ts'

/** Notes a try to sign in that failed in the audit log. It never fails, and nobody waits for it. */
export type NoteFailure = (failure: Failure) => void

type Failure = {
  /** Such as `link used`. */
  reason: string
  /** The network address that it came from. */
  address: string
  /** Whom it concerns, if that is known. */
  userId?: number | null
}

/** Notes at most `most` failures per hour and process, so that guessing does not fill the table. The log counts all. */
export function openFailures(
  database: Pick<Database, 'query'>,
  log: Log,
  most: number,
  now: () => number = () => performance.now(),
): NoteFailure {
  let hour = 0
  let noted = 0
  return ({ reason, address, userId = null }) => {
    log.info({ reason, address }, 'sign_in_failed')
    const current = Math.floor(now() / 3_600_000)
    if (current !== hour) [hour, noted] = [current, 0]
    if (++noted > most) return
    const more = noted === most ? { more: 'further failures of this hour are not listed' } : {}
    writeAudit(database, 'edge', {
      ...{ actor: 'anyone', kind: 'edge.sign_in.fail', subject: userId === null ? 'nobody' : `person:${userId}` },
      ...{ before: null, after: { reason, address, ...more } },
    }).catch((error: unknown) => log.warn({ error }, 'failure_not_noted'))
  }
}
