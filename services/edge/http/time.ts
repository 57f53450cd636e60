import { z } from 'zod'

export const naiveTime = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$/)
  .describe('UTC, without a zone.')

/** A UTC time as Python's `isoformat` writes it without a zone: with microseconds, unless they are zero. */
export function naiveIso(ms: number): string {
  const [seconds = '', fraction = ''] = new Date(ms).toISOString().slice(0, -1).split('.')
  return fraction === '000' ? seconds : `${seconds}.${fraction}000`
}
