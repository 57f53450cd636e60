import { createHash, randomBytes } from 'node:crypto'

/**
 * The prefix has browsers refuse the cookie unless it comes from this very host, over https (or from this machine), for
 * all paths: https://www.rfc-editor.org/rfc/rfc6265.html#section-4.1 and its successor, section 4.1.3.2.
 */
export const sessionCookie = '__Host-parma-session'

const form = /^[\w-]{43}$/

/** A new token of 256 random bits. Only its hash is stored. */
export function makeSessionToken(): { token: string; hash: Buffer } {
  const token = randomBytes(32).toString('base64url')
  return { token, hash: hashSessionToken(token) }
}

export function hashSessionToken(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/** The token in a `Cookie` header; null: it holds none of the form that ours have. */
export function readSessionToken(header: string | undefined): string | null {
  const token = readCookie(header, sessionCookie)
  return token !== null && form.test(token) ? token : null
}

/** The first cookie of this name in a `Cookie` header. */
export function readCookie(header: string | undefined, name: string): string | null {
  for (const pair of (header ?? '').split(';')) {
    const at = pair.indexOf('=')
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
  }
  return null
}

/** A `Set-Cookie` header. Scripts do not see the cookie, and other sites' forms and frames do not send it. */
export function writeCookie(name: string, value: string, maxAgeSeconds: number): string {
  return `${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; Secure; HttpOnly; SameSite=Lax`
}
