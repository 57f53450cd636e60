import { z } from 'zod'
import type { Database } from '#runtime/postgres/database.ts'
import type { Session } from '../access/sessions.ts'
import { orUnavailable } from '../ask/respond.ts'
import { html } from '../design/html.ts'
import { asPage, messagePage, showPage } from '../design/layout.ts'
import { readZone } from '../design/zone.ts'
import { readForm } from '../http/form.ts'
import type { RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import { digestPage } from '../report/digest-page.ts'
import { readPreview } from '../report/read-digest.ts'
import type { Route, RouteDoc, RouteRequest } from '../server/route.ts'
import { readTarget } from '../session/target.ts'
import type { Why } from '../trace/read-why.ts'
import { goBack, goesBack, notThere, personOf, readNotice } from './changes.ts'
import { muteMain } from './mute-page.ts'
import { changeMe, meForm, meParams } from './me-actions.ts'
import { meMain } from './me-page.ts'
import * as actions from './news-actions.ts'
import { newsMain } from './news-page.ts'
import { given, newsPageQuery } from './news-query.ts'
import { meQuery, readMe } from './read-me.ts'
import { readNewsPage } from './read-news-page.ts'
import { markSeen } from './visits.ts'

export type ConsoleDeps = actions.NewsActionDeps & {
  database: Database
  /** Why a news item exists; null: it does not. */
  readWhy(newsId: string): Promise<Why | null>
}

/** The pages of whoever has signed in: the news, and what they hear of it. */
export function consoleRoutes(deps: ConsoleDeps): Route[] {
  const path = '/console/news/:news_id'
  return [
    { method: 'get', path: '/console', role: 'person', doc: docs.news, handle: showNews(deps) },
    { method: 'post', path: '/console/seen', role: 'person', doc: docs.seen, handle: seeNews(deps) },
    { method: 'post', path, role: 'person', doc: docs.answer, handle: actions.answerNews(deps) },
    { method: 'get', path: `${path}/mute`, role: 'person', doc: docs.askMute, handle: askToMute(deps) },
    { method: 'post', path: `${path}/mute`, role: 'person', doc: docs.mute, handle: actions.muteNews(deps) },
    { method: 'get', path: '/console/me', role: 'person', doc: docs.me, handle: showMe(deps) },
    { method: 'get', path: '/console/preview', role: 'person', doc: docs.preview, handle: showPreview(deps) },
    { method: 'post', path: '/console/me/:what', role: 'person', doc: docs.changeMe, handle: changeMe(deps) },
  ]
}

const page = asPage('The page.')
const previewQuery = z.object({ change: z.uuid() })
const seenForm = z.object({ until: z.iso.datetime() })

const docs = {
  news: {
    summary: 'News items since the last visit, the most important first, by company.',
    query: newsPageQuery,
    responses: { 200: page, 400: { description: 'The address of another page of the list.' }, 404: notThere },
  },
  seen: { summary: 'The person has seen the news until a time.', form: seenForm, responses: { 303: goesBack } },
  answer: {
    summary: 'What a person says of a news item: done, snoozed, useful or not.',
    params: actions.newsParams,
    form: actions.answerForm,
    responses: { 303: goesBack, 404: notThere },
  },
  askMute: {
    summary: 'Asks what to mute, and for how long.',
    params: actions.newsParams,
    query: actions.muteQuery,
    responses: { 200: page, 404: notThere },
  },
  mute: {
    summary: 'Mutes what a news item is about.',
    params: actions.newsParams,
    form: actions.muteForm,
    responses: { 303: goesBack, 404: notThere },
  },
  me: {
    summary: 'What a person follows, mutes, quiet hours, digests and channels.',
    query: meQuery,
    responses: { 200: page, 403: { description: 'Whoever signed in with an API key has no such page.' } },
  },
  changeMe: {
    summary: 'Changes what a person follows and gets.',
    params: meParams,
    form: meForm,
    responses: { 303: goesBack },
  },
  preview: {
    summary: 'The next digest as it would be now, for whoever asked to see it.',
    query: previewQuery,
    responses: { 200: page, 404: notThere },
  },
} satisfies Record<string, RouteDoc>

function showNews({ database, bounded, changes }: ConsoleDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const query = validate(newsPageQuery, given(request.query), 'query')
    const now = Date.now()
    const [view, zone, said] = await Promise.all([
      orUnavailable(bounded(readNewsPage(database, session, query, now))),
      bounded(readZone(database, session, request.headers.cookie)),
      readNotice(changes, session, query.change),
    ])
    const isPerson = session.userId !== null
    const main = html`${said}${newsMain({ query, view, zone, at: new Date(now).toISOString(), isPerson })}`
    return showPage({ title: 'News', main, viewer: session, section: 'news', zone })
  }
}

function seeNews({ database, bounded }: ConsoleDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const person = personOf(session)
    const { until } = await readForm(seenForm, request)
    await bounded(markSeen(database, person, until))
    return goBack('/console', null, 'main')
  }
}

function askToMute(deps: ConsoleDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    personOf(session)
    const { news_id } = validate(actions.newsParams, request.params, 'path')
    const { back } = validate(actions.muteQuery, request.query, 'query')
    const why = (await deps.bounded(deps.isReadable(session, news_id))) ? await deps.readWhy(news_id) : null
    if (why === null) return actions.newsNotFound(session)
    return showPage({ title: 'Mute', main: muteMain(why, readTarget(back)), viewer: session, section: 'news' })
  }
}

function showMe({ database, bounded, changes }: ConsoleDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const { userId } = session
    if (userId === null) return keyHasNoPage(session)
    const query = validate(meQuery, given(request.query), 'query')
    const [view, zone, said] = await Promise.all([
      orUnavailable(bounded(readMe(database, session, userId, query))),
      bounded(readZone(database, session, request.headers.cookie)),
      readNotice(changes, session, query.change),
    ])
    if (view === null)
      return messagePage(404, 'Person not found', 'You were deleted from parma-web.', { viewer: session })
    const main = html`${said}${meMain({ view, zone, q: query.q })}`
    return showPage({ title: 'My page', main, viewer: session, section: 'me', zone })
  }
}

function showPreview({ database, bounded, changes }: ConsoleDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const person = personOf(session)
    const { change } = validate(previewQuery, request.query, 'query')
    const digest = await bounded(readPreview(database, person, change))
    if (digest !== null) return digestPage(digest, session)
    const main = html`${await readNotice(changes, session, change)}
<p><a class="button plain" href="/console/me#digests">Back to My page</a></p>`
    return showPage({ title: 'Preview of the next digest', main, viewer: session, section: 'me' })
  }
}

function keyHasNoPage(viewer: Session): RouteResponse {
  const text = 'You signed in with an API key, which follows nothing and gets no messages. Sign in as a person instead.'
  return messagePage(403, 'An API key has no page of its own', text, {
    viewer,
    next: { text: 'Sign in as a person', href: '/console/sign-in?to=/console/me' },
  })
}
