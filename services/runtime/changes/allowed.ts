import { type KindName, kindOf } from './kinds.ts'
import { type Actor, includesRole, personOf } from './roles.ts'

/** Why the actor may not ask for this change, whatever rows there are; null: they may. The payload is that of its kind. */
export function findForbidden(actor: Actor, kind: KindName, payload: unknown): string | null {
  const { role } = kindOf(kind)
  if (role !== 'own') return includesRole(actor.role, role) ? null : `This change needs the role ${role}.`
  const { person } = payload as { person: number }
  if (personOf(actor) === person || includesRole(actor.role, 'operator')) return null
  return personOf(actor) === null ? 'This change needs the role operator.' : 'You may change only what is your own.'
}
