import { z } from 'zod'
import { sql, type SqlFragment } from '#runtime/postgres/database.ts'

export const utcTime = z.iso.datetime()

/** SQL of a time as `utcTime`, with milliseconds. Postgres writes times in JSON in another form. */
export function utcIso(time: SqlFragment): SqlFragment {
  return sql.fragment`to_char(${time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
}

export const naiveTime = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$/)
  .describe('UTC, without a zone.')

/** A UTC time as Python's `isoformat` writes it without a zone: with microseconds, unless they are zero. */
export function naiveIso(ms: number): string {
  const [seconds = '', fraction = ''] = new Date(ms).toISOString().slice(0, -1).split('.')
  return fraction === '000' ? seconds : `${seconds}.${fraction}000`
}
