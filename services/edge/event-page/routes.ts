import type { Limited } from '#runtime/calls/limit-work.ts'
import type { Session } from '../access/sessions.ts'
import { orUnavailable } from '../ask/respond.ts'
import { given } from '../console/news-query.ts'
import { asPage, messagePage, showPage } from '../design/layout.ts'
import { readZone } from '../design/zone.ts'
import type { Bounded } from '../http/deadline.ts'
import { redirect, type RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { type EventDeps, eventDoc, eventParams, lookUpEvent, readEvent } from '../trace/events.ts'
import { eventMain, eventsMain, eventsPath } from './event-page.ts'
import { eventIdIn, eventQuery, findEvents, listSources } from './find-events.ts'
import { readEventParts } from './read-event-page.ts'

export type EventPageDeps = EventDeps & { bounded: Bounded; limited: Limited }

/** Where is this payload? For programs, and on pages for operators. */
export function eventRoutes(deps: EventPageDeps): Route[] {
  return [
    {
      ...{ method: 'get', path: '/api/v1/events/:event_id', role: 'viewer-or-source' },
      ...{ doc: eventDoc, handle: readEvent(deps) },
    },
    {
      ...{ method: 'get', path: eventsPath, role: 'desk' },
      doc: {
        summary: 'Finds payloads by id, raw document, task, company, source and time.',
        query: eventQuery,
        responses: {
          200: asPage('What was found.'),
          303: { description: 'It is one event.', headers: { location: 'Its page.' } },
        },
      },
      handle: search(deps),
    },
    {
      ...{ method: 'get', path: `${eventsPath}/:event_id`, role: 'desk' },
      doc: {
        summary: 'Where a payload is: each stage with its time, state, reason and next step, and what it became.',
        params: eventParams,
        responses: { 200: asPage('The page.'), 404: { description: 'No event with this id is known.' } },
      },
      handle: show(deps),
    },
  ]
}

function search({ database, bounded, limited }: EventPageDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const query = validate(eventQuery, given(request.query), 'query')
    const id = query.q === undefined ? null : eventIdIn(query.q)
    if (id !== null) return redirect(`${eventsPath}/${id}`)
    const isAsked = Object.keys(query).length > 0
    const [sources, found, zone] = await Promise.all([
      orUnavailable(bounded(listSources(database))),
      isAsked && query.q === undefined
        ? orUnavailable(bounded(limited(() => findEvents(database, query, Date.now()))))
        : isAsked
          ? []
          : null,
      bounded(readZone(database, session, request.headers.cookie)),
    ])
    const main = eventsMain({ query, sources, found, zone })
    return showPage({ title: 'Where is a payload?', main, viewer: session, desk: 'events', zone, width: 'wide' })
  }
}

function show(deps: EventPageDeps) {
  const { database, bounded } = deps
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const eventId = validate(eventParams, request.params, 'path').event_id.toLowerCase()
    const [{ stages, owner }, parts, zone] = await Promise.all([
      lookUpEvent(deps, eventId),
      orUnavailable(bounded(readEventParts(database, eventId))),
      bounded(readZone(database, session, request.headers.cookie)),
    ])
    if (stages === null)
      return messagePage(
        404,
        'Event not found',
        'No part of the system knows it. A payload that was just accepted appears within seconds; one without a response of 201 was not accepted, and its module must send it again.',
        { viewer: session, next: { text: 'Find another payload', href: eventsPath } },
      )
    const main = eventMain({ eventId, stages, owner, parts, zone })
    return showPage({ title: 'Event', main, viewer: session, desk: 'events', zone, width: 'wide' })
  }
}
