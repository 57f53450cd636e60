import { createHmac, timingSafeEqual } from 'node:crypto'
import { uuidSource } from '#schemas/field-checks.ts'

const form = new RegExp(`^(?<id>${uuidSource})\\.(?<proof>[\\w-]{43})$`)

/**
 * What a form carries of the session `id`, whose token has this hash. It opens nothing, and only pages of the session have
 * it.
 */
export function makeFormToken(id: string, hash: Buffer): string {
  return `${id}.${sign(hash)}`
}

/** The session that a form token names, with its proof; null: it is none of ours. */
export function readFormToken(text: string | null): { id: string; proof: string } | null {
  const { id, proof } = form.exec(text ?? '')?.groups ?? {}
  return id === undefined || proof === undefined ? null : { id, proof }
}

/** Whether the proof was made of the session whose token has this hash. */
export function isFormProof(proof: string, hash: Buffer): boolean {
  return timingSafeEqual(Buffer.from(proof), Buffer.from(sign(hash)))
}

function sign(hash: Buffer): string {
  return createHmac('sha256', hash).update('form').digest('base64url')
}
