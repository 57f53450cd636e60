import { z } from 'zod'
import { dayMs } from '#runtime/text/time.ts'
import { time, timeOf } from '../ask/parameters.ts'

export const spans = ['30', '90', '365', '1095', 'all'] as const
export type Span = (typeof spans)[number]

export const windowQuery = z.object({
  days: z.enum(spans).default('365').describe('How much time is shown.'),
  until: time.optional().describe('Where it ends; at the newest value unless told.'),
})

/** The times that are shown, in ms since 1970. `isNewest`: they end with the newest value, and the forecast is shown. */
export type Shown = { from: number | null; to: number; isNewest: boolean }

/** Where pictures end, in ms since 1970: now, but at the newest value where the values ended long ago or are of the future. */
export function endOfTime(newestAt: number | null, now: number): number {
  return newestAt !== null && (newestAt > now || newestAt < now - 30 * dayMs) ? newestAt + 1 : now
}

export function windowOf({ days, until }: z.output<typeof windowQuery>, newestAt: number | null, now: number): Shown {
  const asked = timeOf(until)
  const end = endOfTime(newestAt, now)
  const to = asked === null ? end : Math.min(end, Date.parse(asked))
  const isNewest = to === end
  return { from: days === 'all' ? null : to - Number(days) * dayMs, to, isNewest }
}

/** Half a window back and forward, as values of `until`; null: there is nothing there. `firstAt`: the oldest value known. */
export function neighbours({ from, to, isNewest }: Shown): { earlier: string | null; later: string | null } {
  if (from === null) return { earlier: null, later: null }
  const step = (to - from) / 2
  const at = (time: number) => new Date(time).toISOString()
  return { earlier: to - step > earliestMs ? at(to - step) : null, later: isNewest ? null : at(to + step) }
}

const earliestMs = Date.UTC(1000, 0, 1)
