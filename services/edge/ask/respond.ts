import type { z } from 'zod'
import { capitalize } from '#runtime/text/format.ts'
import { HttpError, unavailable } from '../http/http-error.ts'
import { file, json, type RouteResponse } from '../http/response.ts'
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
  { query }: RouteRequest,
  path: string,
  page: { next: string | null },
  csv: (() => string) | null,
): RouteResponse {
  const next = linkNext(path, query, page.next)
  return csv ? file(csvType, csv(), next) : json(200, page, next)
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

/** The responses of a page, which is a file for spreadsheets, too. `unknown`: what a 404 means. */
export function pageDocs(description: string, schema: z.ZodType, unknown?: string): Record<number, ResponseDoc> {
  const headers = { link: 'The next page, as rel="next".' }
  const docs: Record<number, ResponseDoc> = {
    200: { description, schema, alternative: csvType, headers },
    400: { description: 'The cursor is damaged, or belongs to another query.' },
  }
  if (unknown !== undefined) docs[404] = { description: unknown }
  return docs
}
