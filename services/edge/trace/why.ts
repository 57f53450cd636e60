import { z } from 'zod'
import { tryDraw } from '#runtime/chart/pictures.ts'
import type { Database } from '#runtime/postgres/database.ts'
import type { Log } from '#runtime/process/log.ts'
import { checkWhyLink } from '#runtime/web/signed-links.ts'
import { uuidSource } from '#schemas/field-checks.ts'
import { expiringQuery } from '../access/signed-query.ts'
import type { Session } from '../access/sessions.ts'
import type { Viewer } from '../access/viewer.ts'
import type { Content } from '../design/html.ts'
import { asPage, invalidLinkPage, messagePage } from '../design/layout.ts'
import type { Bounded } from '../http/deadline.ts'
import { HttpError, unavailable } from '../http/http-error.ts'
import { json, type RouteResponse } from '../http/response.ts'
import { lenient, validate } from '../http/validation.ts'
import type { RouteDoc, RouteRequest } from '../server/route.ts'
import { remedies } from './event-reasons.ts'
import { toLookupFailure } from './event-views.ts'
import { type Past, readPast } from './read-past.ts'
import { readWhy, type Why, whySchema } from './read-why.ts'
import { drawPast, whyPage } from './why-page.ts'

export const whyParams = z.object({ news_id: z.string().regex(new RegExp(`^(\\d{1,9}|${uuidSource})$`, 'i')) })

export const whyDoc: RouteDoc = {
  summary: 'Why a news item exists: its rule, the values that were compared, and the raw document of each.',
  params: whyParams,
  responses: {
    200: { description: 'Everything that led to the news item.', schema: whySchema },
    404: { description: 'No news item with this id is known, or the caller may not read it.' },
  },
}

export type WhyDeps = {
  database: Database
  boundedLookup: Bounded
  /** Signs the links in messages; undefined: messages have no links. */
  linkSecret: string | undefined
  log: Log
  isReadable(viewer: Viewer, newsId: string): Promise<boolean>
  /** What of its audience the viewer may see, for the page. `person`: whom an operator asks about. */
  showAudience(viewer: Viewer, newsId: string, person: number | undefined, zone: string): Promise<Content>
  /** The zone whose times a page shows. */
  readZone(viewer: Viewer, cookies: string | undefined): Promise<string>
}

function lookUp({ database, boundedLookup }: Pick<WhyDeps, 'database' | 'boundedLookup'>) {
  return async (newsId: string): Promise<Why | null> => {
    const found = await boundedLookup(readWhy(database, newsId)).catch(toLookupFailure)
    if (typeof found === 'string') throw unavailable(remedies[found])
    return found
  }
}

/** GET /api/v1/news/{news_id}/why. The id is the uuid of a news item, or its number in parma-web. */
export function explainNews(deps: WhyDeps) {
  const look = lookUp(deps)
  return async ({ params }: RouteRequest, viewer: Viewer): Promise<RouteResponse> => {
    const { news_id } = validate(whyParams, params, 'path')
    const why = await look(news_id)
    if (why && (await deps.boundedLookup(deps.isReadable(viewer, why.news_id)))) return json(200, why)
    throw new HttpError(
      404,
      'No news item with this id is known.',
      {},
      {
        type: 'unknown-news',
        title: 'News item not found',
        remedy: 'Take the id from the message, from analyzer.news or from public.news.',
      },
    )
  }
}

export const whyPageDoc: RouteDoc = {
  summary: 'The same as a page, for people without an API key. Messages link to it.',
  params: whyParams,
  query: expiringQuery,
  responses: {
    ...Object.fromEntries(
      Object.entries({
        200: 'Everything that led to the news item.',
        403: 'The signature of the link is missing or wrong.',
        404: 'The news item was deleted.',
        410: 'The link has expired.',
      }).map(([status, description]) => [status, asPage(description)]),
    ),
    503: { description: 'The database does not answer. Try again.' },
  },
}

/** From `/why/…`. */
const root = '../'

/** GET /why/{news_id}?until=…&signature=…: the page behind a link in a message, until the link expires. */
export function showWhy({ linkSecret, ...deps }: WhyDeps) {
  const look = lookUp(deps)
  return async ({ params, query }: RouteRequest): Promise<RouteResponse> => {
    const { news_id } = validate(whyParams, params, 'path')
    const signed = validate(expiringQuery, query, 'query')
    const verdict = linkSecret === undefined ? 'forged' : checkWhyLink(linkSecret, news_id, signed, Date.now())
    if (verdict === 'forged') return invalidLinkPage(root)
    if (verdict === 'expired')
      return messagePage(
        410,
        'This link has expired',
        `An administrator can look it up for you: parma why ${news_id} shows the same.`,
        { root },
      )
    const why = await look(news_id)
    return why
      ? whyPage(why, await drawSeries(deps, why), { root, zone: 'UTC' })
      : messagePage(404, 'News item not found', 'This news item was deleted after the message was sent.', { root })
  }
}

const notFound = { description: 'It was deleted, or the person may not see it.' }

const whyConsoleQuery = z.object({
  person: lenient(z.int32().min(1)).optional().describe('Whom an operator asks about: whether they heard of it.'),
})

export const whyConsoleDoc: RouteDoc = {
  summary: 'The same for whoever has signed in, with whether they heard of it, and why not.',
  params: whyParams,
  query: whyConsoleQuery,
  responses: { 200: asPage('The page.'), 404: notFound },
}

/** GET /console/why/{news_id} */
export function showWhyToPerson(deps: WhyDeps) {
  const look = lookUp(deps)
  return async ({ params, query, headers }: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { news_id } = validate(whyParams, params, 'path')
    const { person } = validate(whyConsoleQuery, query, 'query')
    const why = await look(news_id)
    if (!why || !(await deps.boundedLookup(deps.isReadable(viewer, why.news_id))))
      return messagePage(404, 'News item not found', notFound.description, {
        viewer,
        next: { text: 'Go to the news', href: '/console' },
      })
    const [zone, pictures] = await Promise.all([deps.readZone(viewer, headers.cookie), drawSeries(deps, why)])
    const more = await deps.showAudience(viewer, why.news_id, person, zone)
    return whyPage(why, pictures, { viewer, zone, section: 'news', more })
  }
}

/** The pictures of the news item’s series; null: it has none. The page is complete without them. */
async function drawSeries(
  { database, boundedLookup, log }: Pick<WhyDeps, 'database' | 'boundedLookup' | 'log'>,
  why: Why,
) {
  const about = { news_id: why.news_id }
  const failed = (error: unknown): null => {
    log.warn({ ...about, error }, 'series_not_read')
    return null
  }
  const past: Past | null = await boundedLookup(readPast(database, why.news_id)).catch(failed)
  return past && past.values.length > 1 ? tryDraw(log, about, () => drawPast(why, past, Date.now())) : null
}
