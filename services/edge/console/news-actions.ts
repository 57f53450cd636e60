import { z } from 'zod'
import type { Session } from '../access/sessions.ts'
import type { Changes } from '../changes/changes.ts'
import { messagePage } from '../design/layout.ts'
import type { Bounded } from '../http/deadline.ts'
import { readForm } from '../http/form.ts'
import type { RouteResponse } from '../http/response.ts'
import { text, validate } from '../http/validation.ts'
import type { RouteRequest } from '../server/route.ts'
import { askFor, goBack, personOf } from './changes.ts'
import { anchorOf } from './news-page.ts'

const weekMinutes = 7 * 24 * 60
const back = text(4000).optional().describe('The page to go back to: a path that begins with /console.')

export const newsParams = z.object({ news_id: z.uuid() })
export const answerForm = z.object({
  answer: z.enum(['useful', 'not_useful', 'done', 'snooze', 'open', 'none']),
  back,
  next: z.uuid().optional().describe('The news item to go on with, when this one is no longer listed.'),
})
export const muteQuery = z.object({ back })
export const muteForm = z.object({
  scope: z.enum(['series', 'measurement', 'company']),
  time: z.enum(['day', 'week', 'month', 'good', 'worse']).describe('worse: until a news item is worse than this one.'),
  key: z.uuid().optional(),
  back,
})

export type NewsActionDeps = {
  bounded: Bounded
  changes: Changes
  isReadable(viewer: Session, newsId: string): Promise<boolean>
}

/** POST /console/news/{news_id}: done, snoozed, useful or not. Leads on to the next news item. */
export function answerNews(deps: NewsActionDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const person = personOf(session)
    const { news_id } = validate(newsParams, request.params, 'path')
    const { answer, back, next } = await readForm(answerForm, request)
    if (!(await deps.bounded(deps.isReadable(session, news_id)))) return newsNotFound(session)
    const length = answer === 'snooze' ? { minutes: weekMinutes } : {}
    const payload = { person, news_id, answer, ...length }
    const id = await askFor(deps.changes, session, 'notifier.feedback.set', payload, request)
    const isGone = (answer === 'done' || answer === 'snooze') && next !== undefined
    return goBack(back, id, anchorOf(isGone ? next : news_id))
  }
}

const lengths = { day: 24 * 60, week: weekMinutes, month: 30 * 24 * 60 } as const

/** POST /console/news/{news_id}/mute */
export function muteNews(deps: NewsActionDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const person = personOf(session)
    const { news_id } = validate(newsParams, request.params, 'path')
    const { scope, time, key, back } = await readForm(muteForm, request)
    if (!(await deps.bounded(deps.isReadable(session, news_id)))) return newsNotFound(session)
    const length = time === 'worse' ? { until_worse: true as const } : time === 'good' ? {} : { minutes: lengths[time] }
    const payload = { person, news_id, scope, ...length }
    const id = await askFor(deps.changes, session, 'notifier.mute.add', payload, request, key)
    return goBack(back, id, anchorOf(news_id))
  }
}

/** What was deleted and what the person may not see look alike. */
export function newsNotFound(viewer: Session): RouteResponse {
  return messagePage(404, 'News item not found', 'It was deleted, or you may not see it.', {
    viewer,
    next: { text: 'Go to the news', href: '/console' },
  })
}
