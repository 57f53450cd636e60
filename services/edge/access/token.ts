import { type JWTPayload, jwtVerify } from 'jose'
import { z } from 'zod'
import type { TokenSecrets } from '#runtime/web/token.ts'
import { HttpError } from '../http/http-error.ts'

/** Who calls: what a good token says. */
export type Caller = {
  /** public.data_source.id */
  sourceId: number
  /** public.scheduled_task.task_id, when the token was made for one. */
  taskId: number | null
  /** Identity of the run that the token was made for: the same in all its calls, another in the next run. */
  run: string
  /** When the token ends, s since 1970. */
  exp: number
}

const prefix = 'Bearer '

/**
 * The caller that an `Authorization` header names, or an HttpError. The cases, their order, statuses and texts are those of
 * contract section 2, byte for byte; `now` is ms since 1970. Beyond them, a token without `exp` is refused.
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
  // Only the inner level is ours alone to sign: nothing else is taken from the outer one.
  const { data: taskId = null } = z.int32().safeParse(inner['task_id'])
  const exp = inner.exp as number
  const run = taskId !== null ? `task:${taskId}` : inner.jti ? `jti:${inner.jti}` : `exp:${exp}`
  return { sourceId, taskId, run, exp: Math.min(exp, outer.exp as number) }
}

function tokenError(status: number, detail: string): HttpError {
  return new HttpError(status, detail, status === 401 ? { 'www-authenticate': 'Bearer' } : {})
}

async function verify(token: unknown, secret: string, now: number, detail: string): Promise<JWTPayload> {
  const options = { algorithms: ['HS256'], requiredClaims: ['exp'], currentDate: new Date(now) }
  try {
    const { payload } = await jwtVerify(token as string, new TextEncoder().encode(secret), options)
    return payload
  } catch (error) {
    // jose has an error of its own for everything that is wrong with a token; TypeError: it is no text at all.
    if ((error as { code?: string }).code?.startsWith('ERR_J') || error instanceof TypeError)
      throw tokenError(401, detail)
    throw error
  }
}

/** What Python takes for false. */
function isFalsy(value: unknown): boolean {
  return !value || (typeof value === 'object' && Object.keys(value).length === 0)
}

function readInteger(value: unknown): number | null {
  const number = typeof value === 'string' && /^\s*[+-]?\d+\s*$/.test(value) ? Number(value) : value
  return Number.isSafeInteger(number) ? (number as number) : null
}
