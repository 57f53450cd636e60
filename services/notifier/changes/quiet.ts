import { z } from 'zod'
import type { Apply } from '#runtime/changes/apply-changes.ts'
import type { Payload } from '#runtime/changes/kinds.ts'
import { column } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { changeQuietHours } from '../plan/change-quiet-hours.ts'
import { requirePerson, requireSeen } from './require.ts'

const idRow = z.object({ id: z.number() })
const hoursRow = z.object({ hours: z.unknown() })

/**
 * Sets a person's quiet hours. What they held back becomes due when the new ones allow. No hours at all are a row that
 * begins on no day: also a notifier of before takes it for hours of the person's own, in which it is never quiet.
 */
export const setQuiet: Apply<Payload<'notifier.quiet.set'>> = async (tx, wanted) => {
  const {
    person,
    from = '00:00',
    to = '00:00',
    none = false,
    zone,
    hold_critical = false,
    add = false,
    revision,
  } = wanted
  const days = none ? [] : wanted.days
  await requirePerson(tx, person)
  await requireSeen(tx, person, { revision, now: revisionOf(person) })
  const before = await readHours(tx, person)
  const on = days && column(days, 'int4', (day) => day)
  const id = await changeQuietHours(tx, person, async () => {
    await tx.query(sql.unsafe`
      DELETE FROM notifier.quiet_hours WHERE user_id = ${person} AND (${!add} OR days = '{}')`)
    return tx.oneFirst(sql.type(idRow)`
      INSERT INTO notifier.quiet_hours (user_id, zone, begins, ends, days, critical_passes)
      VALUES (${person}, ${zone}, ${from}::time, ${to}::time, ${on ?? null}, ${!hold_critical})
      RETURNING quiet_hours_id AS id`)
  })
  const after = await readHours(tx, person)
  const message = none
    ? 'You have no quiet hours: messages come at any time.'
    : `You get no messages from ${from} to ${to}, ${zone}.`
  return { message, before, after, id }
}

/** Removes what a person has set of quiet hours, so that the usual ones apply. What they held back follows those. */
export const clearQuiet: Apply<Payload<'notifier.quiet.clear'>> = async (tx, { person, revision }) => {
  await requireSeen(tx, person, { revision, now: revisionOf(person) })
  const before = await readHours(tx, person)
  await changeQuietHours(tx, person, () =>
    tx.query(sql.unsafe`DELETE FROM notifier.quiet_hours WHERE user_id = ${person}`),
  )
  return {
    message: 'Your own quiet hours are gone: the usual ones apply.',
    before,
    after: before.length > 0 ? [] : before,
  }
}

const revisionOf = (person: number) => sql.fragment`
  SELECT coalesce(max(quiet_hours_id), 0)::text FROM notifier.quiet_hours WHERE user_id = ${person}`

async function readHours(tx: Transaction, person: number): Promise<readonly unknown[]> {
  return tx.anyFirst(sql.type(hoursRow)`
    SELECT to_jsonb(q) - 'user_id' - 'quiet_hours_id' AS hours FROM notifier.quiet_hours q
    WHERE user_id = ${person} ORDER BY quiet_hours_id`)
}
