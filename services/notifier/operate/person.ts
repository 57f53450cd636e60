import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { type Apply, RefusedError } from '#runtime/changes/apply-changes.ts'
import type { Payload } from '#runtime/changes/kinds.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { lockTable, utcNow } from '#runtime/postgres/public-tables.ts'
import { ensureChannel, parseDestination, subscribeChannel } from './channel.ts'

export type NewPerson = { name: string; authId?: string | undefined; admin?: boolean }

const idRow = z.object({ id: z.number() })

/** Adds a person, unless there is one with this name or auth id. */
export async function ensurePerson(
  tx: Transaction,
  { name, authId, admin = false }: NewPerson,
): Promise<{ id: number; isNew: boolean }> {
  await lockTable(tx, 'user')
  const known = await tx.maybeOne(sql.type(idRow)`
    SELECT id FROM public."user"
    WHERE ${authId === undefined ? sql.fragment`name = ${name}` : sql.fragment`auth_id = ${authId}`} ORDER BY id LIMIT 1`)
  if (known) return { id: known.id, isNew: false }
  const { id } = await tx.one(sql.type(idRow)`
    INSERT INTO public."user" (auth_id, name, role, modified_at)
    VALUES (${authId ?? `parma-${randomUUID()}`}, ${name}, ${admin ? 'ADMIN' : 'USER'}::public.role, ${utcNow})
    RETURNING id`)
  return { id, isNew: true }
}

const longestName = 200

/** Adds a person, who gets messages at an e-mail address if one is given. */
export const addPerson: Apply<Payload<'notifier.person.add'>> = async (tx, { name: given, email }) => {
  const name = given.trim()
  if (name === '') throw new RefusedError('A person needs a name.')
  if (name.length > longestName)
    throw new RefusedError(`The name has ${name.length} characters: give one of ${longestName} at most.`)
  const { id, isNew } = await ensurePerson(tx, { name })
  if (!isNew) throw new RefusedError(`Person ${id} already has this name: choose another one, or change that person.`)
  if (email !== undefined) {
    const destination = parseDestination('EMAIL', email.trim(), 'The e-mail address')
    const channel = await ensureChannel(tx, { type: 'EMAIL', destination, secret: null })
    await subscribeChannel(tx, id, channel.id, 'NOTIFICATION')
  }
  const message = `${name} is added. Choose what they follow, and send a test to their channel.`
  return { message, before: null, after: { person: id, name, email: email ?? null }, id }
}
