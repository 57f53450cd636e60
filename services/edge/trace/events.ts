import { z } from 'zod'
import type { Database } from '#runtime/postgres/database.ts'
import type { Caller } from '../access/token.ts'
import type { Viewer } from '../access/viewer.ts'
import type { Bounded } from '../http/deadline.ts'
import { HttpError, unavailable } from '../http/http-error.ts'
import { json, type RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import type { AcceptedEvents } from '../publish/accepted.ts'
import type { RouteDoc, RouteRequest } from '../server/route.ts'
import type { FindDeadLetters } from './dead-letters.ts'
import { remedies } from './event-reasons.ts'
import { describeEvent, type EventFacts, found, type Normalized, type Stage, stages, states } from './event-status.ts'
import { readSourceNames, readViews } from './event-views.ts'
import type { FindDocument } from './raw-documents.ts'

export const eventParams = z.object({ event_id: z.guid() })
const stageSchema = z.object({
  stage: z.enum(stages),
  state: z.enum(states),
  at: z.iso.datetime().nullable(),
  reason: z.enum(Object.keys(remedies) as [keyof typeof remedies]).nullable(),
  remedy: z.string().nullable(),
  detail: z.string().nullable(),
})
const eventSchema = z.object({
  event_id: z.string(),
  data_source_id: z.int().nullable(),
  company_id: z.string().nullable(),
  task_id: z.int().nullable(),
  stages: z.array(stageSchema),
})

export const eventDoc: RouteDoc = {
  summary:
    'How far a payload has come: accepted, stored, normalized, judged, notified. Names the reason and the remedy where it stopped.',
  params: eventParams,
  responses: {
    200: { description: 'The stages of the payload.', schema: eventSchema },
    404: { description: 'No event with this id is known, or the caller may not read it.' },
    503: { description: 'No store that might know the event answers.' },
  },
}

export type EventDeps = {
  database: Database
  /** Limits the time of one lookup. */
  boundedLookup: Bounded
  accepted: AcceptedEvents
  findDocument: FindDocument
  findDeadLetters: FindDeadLetters
  isReadable: IsReadable
}

/** Whether a viewer may read the company with this id, as payloads write it. */
type IsReadable = (viewer: Viewer, companyId: string | null) => Promise<boolean>

/** What is known of an event, and whether the caller may read it. `stages` null: no part of the system knows it. */
export type LookedUp = {
  facts: EventFacts
  stages: Stage[] | null
  owner: { data_source_id: number; company_id: string } | null
  normalized: Normalized | null
}

/** Asks every part of the system that may know an event. */
export async function lookUpEvent(
  { database, boundedLookup, accepted, findDocument, findDeadLetters }: EventDeps,
  eventId: string,
): Promise<LookedUp> {
  const [views, names, dead] = await Promise.all([
    readViews(database, boundedLookup, eventId),
    readSourceNames(database, boundedLookup),
    findDeadLetters(eventId),
  ])
  const normalized = found(views.normalized)
  const stored =
    typeof names === 'string'
      ? names
      : // A source may have been renamed since the payload.
        await findDocument(eventId, [...new Set([...names, ...(normalized ? [normalized.source_name] : [])])])
  const facts: EventFacts = { accepted: accepted.find(eventId), stored, dead, ...views }
  return {
    ...{ facts, normalized, stages: describeEvent(facts) },
    owner: facts.accepted ?? found(stored) ?? normalized,
  }
}

/** GET /api/v1/events/{event_id}. What a caller may not read looks like an event that does not exist. */
export function readEvent(deps: EventDeps) {
  const { boundedLookup, isReadable } = deps
  return async ({ params }: RouteRequest, caller: Viewer | Caller): Promise<RouteResponse> => {
    const event_id = validate(eventParams, params, 'path').event_id.toLowerCase()
    const { facts, stages: described, owner, normalized } = await lookUpEvent(deps, event_id)
    const isModule = 'sourceId' in caller
    const isOperator = !isModule && caller.userId === null
    const isOpen = isModule
      ? owner?.data_source_id === caller.sourceId
      : await boundedLookup(isReadable(caller, owner?.company_id ?? null))
    if (!described || !isOpen) throw notFound(facts)
    return json(200, {
      event_id,
      data_source_id: owner?.data_source_id ?? null,
      company_id: owner?.company_id ?? null,
      task_id: normalized?.task_id ?? null,
      // The details of other services are for operators.
      stages: described.map((stage) => ({ ...stage, at: iso(stage.at), detail: isOperator ? stage.detail : null })),
    })
  }
}

function iso(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString()
}

function notFound({ stored, normalized, judged, notified, counted }: EventFacts): HttpError {
  if ([normalized, judged, notified, counted].every((lookup) => lookup === 'no-answer'))
    return unavailable('The database does not answer, and no other store knows this event.')
  const silent = stored === 'no-answer' ? ' Firestore did not answer, so the payload may be stored.' : ''
  return new HttpError(
    404,
    `No event with this id is known.${silent}`,
    {},
    {
      type: 'unknown-event',
      title: 'Event not found',
      remedy:
        'Take the id from the header Location or from document_id in the response of POST /feed-raw-data. A payload that ' +
        'another process of the edge has just accepted appears within seconds. If it does not, check the lag in ' +
        '`parma status`. A payload without a response of 201 was not accepted: send it again.',
    },
  )
}
