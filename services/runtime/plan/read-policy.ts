import { z } from 'zod'
import { isZone } from '../text/time-zone.ts'
import { cronProblem } from './cron.ts'

/** A row of scheduler.source_policy, its times of day as HH:MM. */
export const policyRow = z.object({
  cron: z.string().nullable(),
  zone: z.string(),
  jitter_seconds: z.number(),
  window_from: z.string().nullable(),
  window_to: z.string().nullable(),
  catch_up: z.enum(['latest', 'all', 'none']),
  max_attempts: z.number().nullable(),
  backoff_seconds: z.number().nullable(),
  may_overlap: z.boolean(),
})
export type Policy = z.output<typeof policyRow>

/** The policy of a source without a row. */
export const defaultPolicy: Policy = {
  cron: null,
  zone: 'UTC',
  jitter_seconds: 0,
  window_from: null,
  window_to: null,
  catch_up: 'latest',
  max_attempts: null,
  backoff_seconds: null,
  may_overlap: false,
}

/** The options of `parma schedule set` as typed. `none` and `default` remove what was set. */
export type PolicyWords = Partial<{
  cron: string
  zone: string
  jitter: string
  window: string
  catchUp: Policy['catch_up']
  attempts: string
  backoff: string
  overlap: boolean
}>

/** The policy changed by these options, or what is wrong with them as a sentence for the operator. */
export function changePolicy(before: Policy, words: PolicyWords): Policy | { problem: string } {
  const { cron, zone = before.zone, jitter, window, catchUp, attempts, backoff, overlap } = words
  const after = { ...before, zone }
  if (!isZone(zone)) return { problem: `--zone is ${JSON.stringify(zone)}: give a time zone such as Europe/Berlin.` }
  if (cron !== undefined) after.cron = cron === 'none' ? null : cron.trim()
  if (after.cron !== null) {
    const wrong = cronProblem(after.cron, zone)
    if (wrong !== null)
      return { problem: `--cron is ${JSON.stringify(after.cron)}: ${wrong}. For example "30 8 * * 1-5".` }
  }
  if (window !== undefined && window !== 'none') {
    const [, from, to] = /^([01]\d:[0-5]\d|2[0-3]:[0-5]\d)-([01]\d:[0-5]\d|2[0-3]:[0-5]\d)$/.exec(window) ?? []
    if (from === undefined || to === undefined || from === to)
      return {
        problem: `--window is ${JSON.stringify(window)}: give two times of day such as 08:00-18:00, or none.`,
      }
    Object.assign(after, { window_from: from, window_to: to })
  } else if (window === 'none') Object.assign(after, { window_from: null, window_to: null })
  if (catchUp !== undefined) after.catch_up = catchUp
  if (overlap !== undefined) after.may_overlap = overlap
  for (const [option, column, text, least] of [
    ['--jitter', 'jitter_seconds', jitter, 0],
    ['--attempts', 'max_attempts', attempts, 1],
    ['--backoff', 'backoff_seconds', backoff, 1],
  ] as const) {
    if (text === undefined) continue
    if (text === 'default' && column !== 'jitter_seconds') after[column] = null
    else if (/^\d{1,6}$/.test(text) && Number(text) >= least) after[column] = Number(text)
    else return { problem: `${option} is ${JSON.stringify(text)}: give a whole number from ${least} to 999999.` }
  }
  return after
}
