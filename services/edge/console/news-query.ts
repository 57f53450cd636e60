import { z } from 'zod'
import { dayMs } from '#runtime/text/time.ts'
import { id } from '../ask/parameters.ts'
import type { NewsQuery } from '../ask/news.ts'

const days = { day: 1, week: 7, month: 30, year: 365 } as const

/** Filters of the news page. Its address holds them. */
export const newsPageQuery = z.object({
  companies: z
    .enum(['followed', 'all'])
    .optional()
    .describe('Default: those that the person follows, if there are any.'),
  bucket: id.optional(),
  company: id.optional(),
  source: id.optional(),
  severity: z.enum(['info', 'warning', 'critical']).optional(),
  since: z.enum(['visit', 'day', 'week', 'month', 'year']).default('visit'),
  order: z.enum(['best', 'newest']).default('best'),
  show: z.enum(['open', 'all']).default('open').describe('all: also what is done or snoozed.'),
  cursor: z.string().max(2000).optional(),
  /** A change that was just asked for, whose outcome the page says. */
  change: z.uuid().optional(),
})
export type NewsPageQuery = z.output<typeof newsPageQuery>

/** News items of a page: enough for a day, and few enough for a small page. */
const pageSize = 40

/** When what is listed begins, ISO. `seenUntil` null: the person, or key, has no visit before this one. */
export function startOf({ since }: NewsPageQuery, seenUntil: string | null, now: number): string {
  if (since === 'visit' && seenUntil !== null) return seenUntil
  const length = since === 'visit' ? days.week : days[since]
  return new Date(now - length * dayMs).toISOString()
}

/** The query of the read API that this page shows. */
export function toNewsQuery(query: NewsPageQuery, start: string, isFollowed: boolean): NewsQuery {
  const { bucket, company, source, severity, order, show, cursor } = query
  return {
    ...{ bucket, company, source, severity, order, cursor },
    ...{ silent: 'false', limit: pageSize, arrived_since: start },
    ...(show === 'open' ? { open: 'true' as const } : {}),
    ...(isFollowed ? { followed: 'true' as const } : {}),
  }
}

/** Empty fields of a form are as if they were not sent. */
export function given(query: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ''))
}
