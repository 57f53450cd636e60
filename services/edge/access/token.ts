import { type JWTPayload, jwtVerify } from 'jose'
import { z } from 'zod'
import type { TokenSecrets } from '#runtime/web/token.ts'
import { HttpError } from '../http/http-error.ts'

/** The caller, as a valid token names it. */
export type Caller = {
  /** public.data_source.id */
  sourceId: number
  /** public.scheduled_task.task_id, if the token was minted for a task. */
  taskId: number | null
  /** Identifies the run that the token was minted for: the same in all its calls, another in the next run. */
  run: string
  /** When the token expires, s since 1970. */
  exp: number
}

const prefix = 'Bearer '

/**
 * The caller that an `Authorization` header names. Rejects with an HttpError: cases, order, statuses and texts are
 * those of contract section 2, byte for byte. Besides, a token without `exp` is rejected. `now` is ms since 1970.
 */
export async function checkToken(header: string | undefined, secrets: TokenSecrets, now: number): Promise<Caller> {
  if (!header) throw tokenError(401, 'Authorization header is required!')
  const token = header.startsWith(prefix) ? header.slice(prefix.length) : header
  const outer = await verify(token, secrets.shared, now, 'Invalid shared token or expired token')
  if (isFalsy(outer['sourcing_id'])) throw tokenError(400, 'Authorization token not found in shared token')
  const inner = await verify(
    outer['sourcing_id'],
    secrets.analytics,
    now,
    'Invalid authorization token or expired token',
  )
  if (isFalsy(inner['sourcing_id'])) throw tokenError(400, 'source_id not found in authorization token')
  const sourceId = readInteger(inner['sourcing_id'])
  if (sourceId === null) throw tokenError(400, 'source_id in authorization token is not a valid integer')
  // Modules can sign the outer level too, so nothing else is taken from it.
  const { data: taskId = null } = z.int32().safeParse(inner['task_id'])
  const exp = inner.exp as number
  const run = taskId !== null ? `task:${taskId}` : inner.jti ? `jti:${inner.jti}` : `exp:${exp}`
  return { sourceId, taskId, run, exp: Math.min(exp, outer.exp as number) }
}

const getToken =
  'Send the token that the module was called with as `Authorization: Bearer …`. `parma token mint` creates one by hand.'

function tokenError(status: number, detail: string): HttpError {
  return new HttpError(status, detail, status === 401 ? { 'www-authenticate': 'Bearer' } : {}, { remedy: getToken })
}

async function verify(token: unknown, secret: string, now: number, detail: string): Promise<JWTPayload> {
  const options = { algorithms: ['HS256'], requiredClaims: ['exp'], currentDate: new Date(now) }
  try {
    const { payload } = await jwtVerify(token as string, new TextEncoder().encode(secret), options)
    return payload
  } catch (error) {
    // jose has error codes for everything that is wrong with a token. TypeError: the token is not a text.
    if ((error as { code?: string }).code?.startsWith('ERR_J') || error instanceof TypeError)
      throw tokenError(401, detail)
    throw error
  }
}

/** Whether Python treats the value as false. */
function isFalsy(value: unknown): boolean {
  return !value || (typeof value === 'object' && Object.keys(value).length === 0)
}

function readInteger(value: unknown): number | null {
  const number = typeof value === 'string' && /^\s*[+-]?\d+\s*$/.test(value) ? Number(value) : value
  return Number.isSafeInteger(number) ? (number as number) : null
}
