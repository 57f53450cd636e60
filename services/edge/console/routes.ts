import { z } from 'zod'
import { isStorable, notStorable } from '#runtime/text/iso-time.ts'
import type { Limited } from '#runtime/calls/limit-work.ts'
import type { Database } from '#runtime/postgres/database.ts'
import type { Session } from '../access/sessions.ts'
import { orUnavailable } from '../ask/respond.ts'
import { search } from '../ask/search.ts'
import { html } from '../design/html.ts'
import { asPage, showPage } from '../design/layout.ts'
import { readZone } from '../design/zone.ts'
import { readForm } from '../http/form.ts'
import { redirect, type RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import type { Route, RouteDoc, RouteRequest } from '../server/route.ts'
import { readTarget } from '../session/target.ts'
import type { Why } from '../trace/read-why.ts'
import { goBack, goesBack, notThere, personOf, readNotice } from './changes.ts'
import { muteMain } from './mute-page.ts'
import * as actions from './news-actions.ts'
import { newsMain } from './news-page.ts'
import { given, newsPageQuery } from './news-query.ts'
import { readNewsPage } from './read-news-page.ts'
import { searchMain, searchPageQuery } from './search-page.ts'
import { markSeen } from './visits.ts'

export type ConsoleDeps = actions.NewsActionDeps & {
  database: Database
  /** Limits how many large reads run at once, with those of the API. */
  limited: Limited
  /** Why a news item exists; null: it does not. */
  readWhy(newsId: string): Promise<Why | null>
}

/** Pages of whoever has signed in: the news, what they say of it, and a search. */
export function consoleRoutes(deps: ConsoleDeps): Route[] {
  const path = '/console/news/:news_id'
  return [
    { method: 'get', path: '/console', role: 'person', doc: docs.news, handle: showNews(deps) },
    { method: 'post', path: '/console/seen', role: 'person', doc: docs.seen, handle: seeNews(deps) },
    { method: 'post', path, role: 'person', doc: docs.answer, handle: actions.answerNews(deps) },
    { method: 'get', path: `${path}/mute`, role: 'person', doc: docs.askMute, handle: askToMute(deps) },
    { method: 'post', path: `${path}/mute`, role: 'person', doc: docs.mute, handle: actions.muteNews(deps) },
    { method: 'get', path: '/console/search', role: 'person', doc: docs.search, handle: showSearch(deps) },
  ]
}

const page = asPage('The page.')
const seenForm = z.object({ until: z.iso.datetime().refine(isStorable, notStorable) })

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
  search: {
    summary: 'Companies and buckets by name. A name that only one company has leads to its page.',
    query: searchPageQuery,
    responses: { 200: page, 303: { description: 'Exactly one.', headers: { location: 'The page of the company.' } } },
  },
} satisfies Record<string, RouteDoc>

function showNews({ database, bounded, limited, changes }: ConsoleDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const query = validate(newsPageQuery, given(request.query), 'query')
    const now = Date.now()
    const [view, zone, said] = await Promise.all([
      orUnavailable(bounded(limited(() => readNewsPage(database, session, query, now)))),
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

/** Of each kind. */
const mostFound = 30

function showSearch({ database, bounded, limited }: ConsoleDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const { q = '' } = validate(searchPageQuery, given(request.query), 'query')
    const words = q.trim()
    const found =
      words === ''
        ? null
        : await orUnavailable(bounded(limited(() => search(database, session, { q: words, limit: mostFound }))))
    const [only, ...others] = found?.companies ?? []
    if (only && others.length === 0 && found?.buckets.length === 0) return redirect(`/console/companies/${only.id}`)
    return showPage({ title: 'Search', main: searchMain(words, found), viewer: session, search: words })
  }
}
