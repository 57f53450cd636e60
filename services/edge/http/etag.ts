import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import type { RouteResponse } from './response.ts'

// What a caller may see depends on who it is.
const ownOnly = { 'cache-control': 'private, no-cache', vary: 'accept, authorization, cookie' }

/** A response with the `ETag` of its body; 304 without a body when the caller has it already. */
export function withTag(asked: IncomingHttpHeaders, response: RouteResponse): RouteResponse {
  const type = response.headers['content-type'] ?? ''
  const hash = createHash('sha256')
    .update(type)
    .update('\n')
    .update(response.body ?? '')
  const etag = `"${hash.digest('base64url').slice(0, 27)}"`
  const headers: Record<string, string> = { ...ownOnly, ...response.headers, etag }
  if (!matches(asked, etag)) return { ...response, headers }
  const { 'content-type': _, ...kept } = headers
  return { status: 304, headers: kept, body: null }
}

/** Tags are compared weakly, as RFC 9110 says of If-None-Match: a proxy that packs bodies makes them weak. */
function matches(headers: IncomingHttpHeaders, etag: string): boolean {
  const known = (headers['if-none-match'] ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return known.includes('*') || known.includes(etag)
}

/** A header of all reads. */
export const conditional = z.object({
  'if-none-match': z.string().optional().describe('The ETag of a body that the caller has.'),
})

/** Headers of every response with a tag. */
export const tagged = { etag: 'Send it as If-None-Match: 304 says that nothing has changed.' }

/** The response to whoever has the body. */
export const unchanged = { description: 'The body is the one with the ETag in If-None-Match.', headers: tagged }
