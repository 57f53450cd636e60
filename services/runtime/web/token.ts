import { SignJWT } from 'jose'

export type TokenSecrets = {
  /** Signs the outer level; modules know it. */
  shared: string
  /** Signs the inner level; only we know it. */
  analytics: string
}

export type TokenClaims = {
  /** public.data_source.id the token speaks for. */
  sourceId: number
  /** public.scheduled_task.task_id of the run it is made for. */
  taskId?: number | undefined
  /** Identity of the token. */
  jti: string
  /** When it is made, ms since 1970. */
  now: number
  lifetimeSeconds: number
}

/**
 * The two-level token of contract section 2: an HS256 JWT whose `sourcing_id` is a second one, which names the source.
 * `jti`, `iat` and `task_id` come beside the reference's claims on both levels; modules ignore them and send it back
 * unchanged.
 */
export async function mintToken(
  { sourceId, taskId, jti, now, lifetimeSeconds }: TokenClaims,
  secrets: TokenSecrets,
): Promise<string> {
  const iat = Math.floor(now / 1000)
  const claims = { exp: iat + lifetimeSeconds, iat, jti, ...(taskId !== undefined && { task_id: taskId }) }
  const inner = await sign({ sourcing_id: sourceId, ...claims }, secrets.analytics)
  return sign({ sourcing_id: inner, ...claims }, secrets.shared)
}

function sign(claims: Record<string, unknown>, secret: string): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).sign(new TextEncoder().encode(secret))
}
