import { z } from 'zod'
import { isStorable, notStorable } from '#runtime/text/iso-time.ts'
import type { Limited } from '#runtime/calls/limit-work.ts'
import type { Database } from '#runtime/postgres/database.ts'
import type { Session } from '../access/sessions.ts'
import { orUnavailable } from '../ask/respond.ts'
import type { Changes } from '../changes/changes.ts'
import { askFor, goBack, goesBack, notThere, readNotice } from '../console/changes.ts'
import { given } from '../console/news-query.ts'
import { html } from '../design/html.ts'
import { asPage, messagePage, showPage } from '../design/layout.ts'
import { readZone } from '../design/zone.ts'
import type { Bounded } from '../http/deadline.ts'
import { readForm } from '../http/form.ts'
import { json, type RouteResponse } from '../http/response.ts'
import { lenient, lenientInt, text, validate } from '../http/validation.ts'
import type { Route, RouteDoc, RouteRequest } from '../server/route.ts'
import { countPayloads, readReplays, readSources, replaySchema } from './read-replays.ts'
import { askMain, replayMain, replaysMain } from './replays-page.ts'

export type ReplayDeps = { database: Database; bounded: Bounded; limited: Limited; changes: Changes }

const path = '/console/replays'

/** Replays: their pages, and a list for scripts. */
export function replayRoutes(deps: ReplayDeps): Route[] {
  return [
    { method: 'get', path: '/api/v1/replays', role: 'operator', doc: docs.list, handle: listReplays(deps) },
    { method: 'get', path, role: 'desk', doc: docs.all, handle: showReplays(deps) },
    { method: 'post', path, role: 'desk', doc: docs.start, handle: startReplay(deps) },
    { method: 'get', path: `${path}/new`, role: 'desk', doc: docs.ask, handle: askReplay(deps) },
    { method: 'get', path: `${path}/:replay`, role: 'desk', doc: docs.one, handle: showReplay(deps) },
    { method: 'post', path: `${path}/:replay`, role: 'desk', doc: docs.change, handle: changeReplay(deps) },
  ]
}

const page = asPage('The page.')
const id = lenient(z.int32().min(1))
const pageQuery = z.object({ change: z.uuid().optional().describe('A change of which the page says what became.') })
const params = z.object({ replay: lenientInt })
const day = z.iso.date().refine(isStorable, notStorable).optional()
const asked = {
  source: id,
  mode: z.enum(['compare', 'fill', 'replace']),
  map: z.enum(['then', 'now']),
  company: id.optional(),
  from: day,
  to: day,
}
const askQuery = z.object(asked)
const startForm = z.object({ ...asked, reason: text(500).optional(), key: z.uuid() })
const changeForm = z.object({ what: z.enum(['pause', 'resume', 'cancel']) })

const docs = {
  list: {
    summary: 'The newest 50 replays of stored payloads: how far each is, and what it found.',
    responses: { 200: { description: 'The replays.', schema: z.object({ replays: z.array(replaySchema) }) } },
  },
  all: { summary: 'Replays of stored payloads, and a form to begin one.', query: pageQuery, responses: { 200: page } },
  ask: {
    summary: 'How many payloads a replay would read, and whether to begin.',
    query: askQuery,
    responses: { 200: page, 404: notThere },
  },
  start: { summary: 'Begins a replay.', form: startForm, responses: { 303: goesBack } },
  one: {
    summary: 'A replay: how far it is, and what it found, with samples.',
    params,
    query: pageQuery,
    responses: { 200: page, 404: notThere },
  },
  change: {
    summary: 'Pauses, resumes or cancels a replay.',
    params,
    form: changeForm,
    responses: { 303: goesBack },
  },
} satisfies Record<string, RouteDoc>

const mostListed = 50

function listReplays({ database, bounded }: ReplayDeps) {
  return async (): Promise<RouteResponse> => {
    const replays = await orUnavailable(bounded(readReplays(database, mostListed, null)))
    return json(200, { replays })
  }
}

function showReplays({ database, bounded, changes }: ReplayDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const query = validate(pageQuery, given(request.query), 'query')
    const [replays, sources, zone, said] = await Promise.all([
      orUnavailable(bounded(readReplays(database, mostListed, null))),
      orUnavailable(bounded(readSources(database))),
      bounded(readZone(database, session, request.headers.cookie)),
      readNotice(changes, session, query.change),
    ])
    const main = html`${said}${replaysMain(replays, sources, zone)}`
    return showPage({ title: 'Replays', main, viewer: session, desk: 'replays', zone, width: 'wide' })
  }
}

function askReplay({ database, bounded, limited }: ReplayDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const query = validate(askQuery, given(request.query), 'query')
    const [sources, zone] = await Promise.all([
      orUnavailable(bounded(readSources(database))),
      bounded(readZone(database, session, request.headers.cookie)),
    ])
    const source = sources.find((one) => one.id === query.source)
    if (!source) return messagePage(404, 'Source not found', notThere.description, { viewer: session })
    const counted = await orUnavailable(bounded(limited(() => countPayloads(database, withTimes(query)))))
    const main = askMain(query, source, counted, zone)
    return showPage({ title: 'Read payloads again', main, viewer: session, desk: 'replays', zone })
  }
}

/** Days of UTC as times. */
function withTimes<A extends { from?: string | undefined; to?: string | undefined }>({ from, to, ...rest }: A) {
  const time = (day: string) => `${day}T00:00:00.000Z`
  return { ...rest, ...(from !== undefined && { from: time(from) }), ...(to !== undefined && { to: time(to) }) }
}

function startReplay({ changes }: ReplayDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const { key, company, reason, ...form } = await readForm(startForm, request)
    const payload = {
      ...withTimes(form),
      ...(company !== undefined && { companies: [company] }),
      ...(reason !== undefined && { reason }),
    }
    const change = await askFor(changes, session, 'normalizer.replay.start', payload, request, key)
    return goBack(path, change, 'main')
  }
}

function showReplay({ database, bounded, changes }: ReplayDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const { replay: no } = validate(params, request.params, 'path')
    const query = validate(pageQuery, given(request.query), 'query')
    const [[replay], zone, said] = await Promise.all([
      orUnavailable(bounded(readReplays(database, 1, no))),
      bounded(readZone(database, session, request.headers.cookie)),
      readNotice(changes, session, query.change),
    ])
    if (!replay) return messagePage(404, 'Replay not found', notThere.description, { viewer: session })
    const main = html`${said}${replayMain(replay, zone)}`
    return showPage({ title: `Replay ${no}`, main, viewer: session, desk: 'replays', zone, width: 'wide' })
  }
}

function changeReplay({ changes }: ReplayDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const { replay } = validate(params, request.params, 'path')
    const { what } = await readForm(changeForm, request)
    const change = await askFor(changes, session, `normalizer.replay.${what}`, { replay }, request)
    return goBack(`${path}/${replay}`, change, 'buttons')
  }
}
