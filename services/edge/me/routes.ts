import { z } from 'zod'
import type { Limited } from '#runtime/calls/limit-work.ts'
import type { Database } from '#runtime/postgres/database.ts'
import type { LinkSettings } from '#runtime/web/signed-links.ts'
import type { Session } from '../access/sessions.ts'
import { orUnavailable } from '../ask/respond.ts'
import { actorOf, type Changes } from '../changes/changes.ts'
import { goesBack, notThere, personOf, readNotice } from '../console/changes.ts'
import { given } from '../console/news-query.ts'
import { postForm } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { asPage, messagePage, showPage } from '../design/layout.ts'
import { saidAnchor, sayOutcome } from '../design/parts.ts'
import { readZone } from '../design/zone.ts'
import { revokeFeeds } from '../atom/address.ts'
import { findNews } from '../audience/find-news.ts'
import { heardMain, heardQuery } from '../audience/heard-page.ts'
import type { Bounded } from '../http/deadline.ts'
import { redirect, type RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import { digestPage } from '../report/digest-page.ts'
import { readPreview } from '../report/read-digest.ts'
import type { Route, RouteDoc, RouteRequest } from '../server/route.ts'
import { changeMe, meForm, meParams } from './me-actions.ts'
import { meMain } from './me-page.ts'
import { type MeMain, meQuery, type MeQuery, readMe } from './read-me.ts'

export type MeDeps = { database: Database; bounded: Bounded; limited: Limited; changes: Changes; links: LinkSettings }

/** My page: what a person follows and hears, and why. */
export function meRoutes(deps: MeDeps): Route[] {
  const feeds = '/console/feeds/revoke'
  return [
    { method: 'get', path: '/console/me', role: 'person', doc: docs.me, handle: showMe(deps) },
    { method: 'get', path: '/console/preview', role: 'person', doc: docs.preview, handle: showPreview(deps) },
    { method: 'post', path: '/console/me/:what', role: 'person', doc: docs.changeMe, handle: changeMe(deps) },
    { method: 'get', path: '/console/heard', role: 'person', doc: docs.heard, handle: showHeard(deps) },
    { method: 'get', path: feeds, role: 'person', doc: docs.askFeeds, handle: askToRevoke },
    { method: 'post', path: feeds, role: 'person', doc: docs.revokeFeeds, handle: revoke(deps) },
  ]
}

const page = asPage('The page.')
const previewQuery = z.object({ change: z.uuid() })
const forPeople = { 403: { description: 'Whoever signed in with an API key has no such page.' } }

const docs = {
  me: {
    summary: 'What a person follows, mutes, quiet hours, digests, channels and feeds.',
    query: meQuery,
    responses: { 200: page, ...forPeople },
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
  heard: {
    summary: 'Finds a news item, of which its page says whether the person heard of it. A pasted link leads there.',
    query: heardQuery,
    responses: { 200: page, 303: { description: 'The text has the id of one.', headers: { location: 'Its page.' } } },
  },
  askFeeds: {
    summary: 'Asks whether to end the addresses of a person’s feeds.',
    responses: { 200: page, ...forPeople },
  },
  revokeFeeds: {
    summary: 'Ends the addresses of a person’s feeds.',
    form: z.object({}),
    responses: { 303: goesBack, ...forPeople },
  },
} satisfies Record<string, RouteDoc>

function showMe({ database, bounded, changes, links }: MeDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const { userId } = session
    if (userId === null) return keyHasNoPage(session)
    const query = validate(meQuery, given(request.query), 'query')
    const [view, zone, outcome] = await Promise.all([
      orUnavailable(bounded(readMe(database, session, userId, query, links))),
      bounded(readZone(database, session, request.headers.cookie)),
      readNotice(changes, session, query.change),
    ])
    if (view === null)
      return messagePage(404, 'Person not found', 'You were deleted from parma-web.', { viewer: session })
    const said = whatWasSaid(query, outcome)
    const main = meMain({ view, zone, q: query.q, now: Date.now(), said })
    return showPage({ title: 'My page', main, viewer: session, section: 'me', zone })
  }
}

function whatWasSaid({ done, part }: MeQuery, outcome: Html | null): MeMain['said'] {
  if (done !== 'feeds') return { text: outcome, part }
  return { text: sayOutcome('good', 'Your feed addresses have ended. Below are new ones.'), part: 'feeds' }
}

function showPreview({ database, bounded, changes }: MeDeps) {
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

function showHeard({ database, bounded, limited }: MeDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const { q = '' } = validate(heardQuery, given(request.query), 'query')
    const [id] = /[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/i.exec(q) ?? []
    if (id !== undefined) return redirect(`/console/why/${id.toLowerCase()}#heard`)
    const [found, zone] = await Promise.all([
      orUnavailable(bounded(limited(() => findNews(database, session, q)))),
      bounded(readZone(database, session, request.headers.cookie)),
    ])
    const main = heardMain({ q, found, zone, isPerson: session.userId !== null })
    return showPage({ title: 'Why did I (not) hear of this', main, viewer: session, section: 'me', zone })
  }
}

function askToRevoke(_: RouteRequest, session: Session): RouteResponse {
  if (session.userId === null) return keyHasNoPage(session)
  const main = html`<p>All addresses of your Atom feeds end at once: every reader that has one gets nothing more, until you give it a new address. Your page shows the new ones.</p>
${postForm(null, null, 'End all feed addresses')}
<p><a href="/console/me#feeds">Back, without ending them</a></p>`
  return showPage({ title: 'End your feed addresses', main, viewer: session, section: 'me' })
}

function revoke({ database, bounded }: MeDeps) {
  return async (_: RouteRequest, session: Session): Promise<RouteResponse> => {
    const person = personOf(session)
    await bounded(revokeFeeds(database, person, actorOf(session).name))
    return redirect(`/console/me?done=feeds#${saidAnchor}`)
  }
}

function keyHasNoPage(viewer: Session): RouteResponse {
  const text = 'You signed in with an API key, which follows nothing and gets no messages. Sign in as a person instead.'
  return messagePage(403, 'An API key has no page of its own', text, {
    viewer,
    next: { text: 'Sign in as a person', href: '/console/sign-in?to=/console/me' },
  })
}
