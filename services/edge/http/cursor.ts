import { createHash } from 'node:crypto'
import { z } from 'zod'
import { HttpError } from './http-error.ts'

/** The parameters of a request, and the route that they belong to. */
export type Asked = { route: string; parameters: Readonly<Record<string, unknown>> }

/** For who asks for a first page only, and makes no cursors. */
export const firstPage: Asked = { route: '', parameters: {} }

/** Parameters that may differ from page to page. */
const free = new Set(['cursor', 'limit', 'format'])

/**
 * Where a page ends: what its last row is ordered by. It works with the same query only. Callers can make one of their
 * own, so that positions are checked as parameters are.
 */
export function writeCursor(asked: Asked, position: readonly (string | number)[]): string {
  const content = [digest(queryOf(asked)), position]
  return Buffer.from(JSON.stringify([...content, digest(content)])).toString('base64url')
}

/** The rows of a page, and the cursor of the next one. `found`: one more than `limit`, if there are more. */
export function cutPage<Row>(
  asked: Asked,
  found: readonly Row[],
  limit: number,
  positionOf: (row: Row) => readonly (string | number)[],
): { rows: Row[]; next: string | null } {
  const rows = found.slice(0, limit)
  const last = rows.at(-1)
  return { rows, next: found.length > limit && last ? writeCursor(asked, positionOf(last)) : null }
}

/** The position in a cursor. Throws an HttpError with 400: it is damaged, or belongs to another query. */
export function readCursor<P extends z.ZodType>(positionSchema: P, asked: Asked, cursor: string): z.output<P> {
  const read = z.tuple([z.string(), positionSchema, z.string()]).safeParse(parse(cursor))
  if (!read.success) throw refused('The cursor is damaged.')
  const [query, position, check] = read.data
  if (check !== digest([query, position]) || !isStorable(position)) throw refused('The cursor is damaged.')
  if (query !== digest(queryOf(asked))) throw refused('The cursor belongs to another query.')
  return position as z.output<P>
}

/** Postgres has no text with a NUL. */
function isStorable(position: unknown): boolean {
  return !JSON.stringify(position).includes('\\u0000')
}

function queryOf({ route, parameters }: Asked): unknown {
  const kept = Object.entries(parameters).filter(([name, value]) => !free.has(name) && value !== undefined)
  return [route, kept.toSorted(([a], [b]) => (a < b ? -1 : 1))]
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 16)
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown
  } catch {
    return null
  }
}

function refused(detail: string): HttpError {
  return new HttpError(
    400,
    `${detail} (parameter cursor)`,
    {},
    {
      type: 'bad-cursor',
      title: 'Unusable cursor',
      remedy: 'Leave `cursor` out to get the first page. Change no other parameter between pages.',
    },
  )
}
