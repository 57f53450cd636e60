import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import { capitalize } from '#runtime/text/format.ts'
import { HttpError, unavailable } from '../http/http-error.ts'
import { json, type RouteResponse } from '../http/response.ts'
import type { ResponseDoc, RouteRequest } from '../server/route.ts'
import { remedies } from '../trace/event-reasons.ts'
import { toLookupFailure } from '../trace/event-views.ts'
import { csvType } from '../http/csv.ts'

/** What was read. Throws an HttpError with 503 where a service's tables are not there yet, or Postgres does not answer. */
export async function orUnavailable<T extends object | number | boolean | null>(work: Promise<T>): Promise<T> {
  const found = await work.catch(toLookupFailure)
  if (typeof found === 'string') throw unavailable(remedies[found])
  return found
}

/** A body with its `ETag`; 304 without a body when the caller has it already. */
export function answer(request: RouteRequest, value: unknown, headers: Record<string, string> = {}): RouteResponse {
  return withTag(request, json(200, value, { ...shared, ...headers }))
}

/** The same for a text of another type. */
export function answerFile(
  request: RouteRequest,
  type: string,
  body: string,
  headers: Record<string, string> = {},
): RouteResponse {
  return withTag(request, { status: 200, headers: { 'content-type': type, ...shared, ...headers }, body })
}

// What a caller may see depends on who it is.
const shared = { 'cache-control': 'private, no-cache', vary: 'accept, authorization, cookie' }

function withTag(request: RouteRequest, response: RouteResponse): RouteResponse {
  const type = response.headers['content-type'] ?? ''
  const hash = createHash('sha256').update(type).update('\n').update(response.body!)
  const etag = `"${hash.digest('base64url').slice(0, 27)}"`
  const headers: Record<string, string> = { ...response.headers, etag }
  if (!matches(request.headers, etag)) return { ...response, headers }
  const { 'content-type': _, ...kept } = headers
  return { status: 304, headers: kept, body: null }
}

/** Tags are compared weakly, as RFC 9110 says of If-None-Match: a proxy that packs bodies makes them weak. */
function matches(headers: IncomingHttpHeaders, etag: string): boolean {
  const known = (headers['if-none-match'] ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return known.includes('*') || known.includes(etag)
}

/** Whether the caller wants CSV: it asks for it by `format`, else prefers it in Accept. */
export function wantsCsv({ headers }: RouteRequest, format: 'json' | 'csv' | undefined): boolean {
  if (format !== undefined) return format === 'csv'
  const wishes = (headers.accept ?? '').split(',').map((wish) => {
    const [type = '', ...parameters] = wish.split(';').map((part) => part.trim().toLowerCase())
    const quality = parameters.find((parameter) => parameter.startsWith('q='))
    return { type, weight: quality === undefined ? 1 : Number(quality.slice(2)) || 0 }
  })
  const weightOf = (...types: string[]) =>
    Math.max(0, ...wishes.filter(({ type }) => types.includes(type)).map(({ weight }) => weight))
  return weightOf('text/csv') > weightOf('application/json', 'application/*', '*/*')
}

/** A page in the format that the caller wants, with the address of the next one. `csv`: the same as a file; null: JSON. */
export function answerPage(
  request: RouteRequest,
  path: string,
  page: { next: string | null },
  csv: (() => string) | null,
): RouteResponse {
  const next = linkNext(path, request.query, page.next)
  return csv ? answerFile(request, csvType, csv(), next) : answer(request, page, next)
}

/** `Link` to the next page, for callers that read no body: RFC 8288. */
export function linkNext(
  path: string,
  query: Readonly<Record<string, string>>,
  next: string | null,
): Record<string, string> {
  return next === null ? {} : { link: `<${path}?${new URLSearchParams({ ...query, cursor: next })}>; rel="next"` }
}

/** A 404 for a row that does not exist or that the caller may not read, which look alike. */
export function notFound(what: 'company' | 'series' | 'bucket' | 'news item' | 'person', where: string): HttpError {
  return new HttpError(
    404,
    `No ${what} with this id is known.`,
    {},
    {
      type: `unknown-${what.replace(' ', '-')}`,
      title: `${capitalize(what)} not found`,
      remedy: `Take the id from ${where}. It may have been deleted.`,
    },
  )
}

/** A header of all requests here. */
export const conditional = z.object({
  'if-none-match': z.string().optional().describe('The ETag of a body that the caller has.'),
})

/** Headers of every response here. */
const tagged = { etag: 'Send it as If-None-Match: 304 says that nothing has changed.' }

/** The responses that all reads have: a body, and 304. */
export function readDocs(description: string, schema: z.ZodType, contentType?: string): Record<number, ResponseDoc> {
  return {
    200: { description, schema, headers: tagged, ...(contentType !== undefined && { contentType }) },
    304: { description: 'The body is the one with the ETag in If-None-Match.', headers: tagged },
  }
}

/** The same of pages, which are files for spreadsheets, too. `unknown`: what a 404 means. */
export function pageDocs(description: string, schema: z.ZodType, unknown?: string): Record<number, ResponseDoc> {
  const headers = { ...tagged, link: 'The next page, as rel="next".' }
  const docs: Record<number, ResponseDoc> = {
    ...readDocs(description, schema),
    200: { description, schema, alternative: csvType, headers },
    400: { description: 'The cursor is damaged, or belongs to another query.' },
  }
  if (unknown !== undefined) docs[404] = { description: unknown }
  return docs
}
