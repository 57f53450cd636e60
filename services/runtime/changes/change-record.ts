import { hash, randomUUID } from 'node:crypto'
import { v5 as uuidv5 } from 'uuid'
import type { z } from 'zod'
import { isStorableTime, isUuid } from '#schemas/field-checks.ts'
import type { Change } from '#schemas/generated/types.ts'
import { isKind, kindOf, type KindName, ownerOf, type PayloadInput } from './kinds.ts'
import { type Actor, isRole } from './roles.ts'

/** Namespace of the ids of changes with an idempotency key. Never changes. */
const namespace = 'c1a0c5d2-6a3f-4b7e-9a39-0f6f6f0b7d11'

const longestText = 500
/** A series' keys may be long; more is no change of ours. */
const longestPayload = 400_000

/** Why a change is asked for, and the key that makes asking for it again the same change. */
export type ChangeOptions = { reason?: string | undefined; idempotencyKey?: string | undefined }

/** The record that asks for a change, and its key. Throws a ZodError when the payload is not that of its kind. */
export function makeChange<K extends KindName>(
  actor: Actor,
  kind: K,
  payload: PayloadInput<K>,
  at: number,
  { reason, idempotencyKey }: ChangeOptions = {},
): { key: string; value: Change } {
  const { payload: schema, subject } = kindOf(kind)
  const parsed = schema.parse(payload)
  const owner = ownerOf(kind)
  const value: Change = {
    event_id: idempotencyKey === undefined ? randomUUID() : changeId(actor, idempotencyKey),
    ...{ kind, owner, actor: actor.name, role: actor.role, requested_at: at },
    reason: reason === undefined || reason === '' ? null : reason.slice(0, longestText),
    idempotency_key: idempotencyKey ?? null,
    payload: JSON.stringify(parsed),
  }
  return { key: `${owner}/${subject(parsed)}`, value }
}

function changeId({ name }: Actor, idempotencyKey: string): string {
  return uuidv5(JSON.stringify([name, idempotencyKey]), namespace)
}

/** What two changes with one id must share to be the same. */
export function contentHash({ kind, payload }: Pick<Change, 'kind' | 'payload'>): string {
  return hash('sha256', `${kind}\n${payload}`)
}

/** Why a record is no change at all, whatever it asks for; null if it is one. The edge makes none of these. */
export function findFault({ event_id, kind, actor, role, reason, payload, requested_at }: Change): string | null {
  if (!isUuid(event_id)) return `event_id ${JSON.stringify(event_id)} is not a uuid`
  if (!isRole(role)) return `role ${JSON.stringify(role)} does not exist`
  if (kind.length > longestText || kind.includes('\0')) return 'kind is no name'
  if (actor.length > longestText || actor.includes('\0')) return 'actor is no name'
  if (reason?.includes('\0')) return 'reason has U+0000'
  if (payload.length > longestPayload) return `payload has ${payload.length} characters`
  return isStorableTime(requested_at) ? null : `requested_at ${requested_at} is not a time in the years 1 to 9999`
}

/** What a change asks for, or why it must be refused. */
export function readChange({
  kind,
  payload,
}: Pick<Change, 'kind' | 'payload'>): { kind: KindName; payload: unknown } | { refusal: string } {
  if (!isKind(kind)) return { refusal: `There is no kind of change ${JSON.stringify(kind.slice(0, 80))}.` }
  const parsed = kindOf(kind).payload.safeParse(parseJson(payload))
  return parsed.success ? { kind, payload: parsed.data } : { refusal: explain(parsed.error) }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** The mistakes of a payload in one sentence. */
function explain(error: z.ZodError): string {
  const [first] = error.issues
  const place = first?.path.map(String).join('.') ?? ''
  return `The change ${place === '' ? '' : `has a wrong ${place.slice(0, 80)}: `}${first?.message.slice(0, 200)}.`
}
