import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { checkActionLink, type MessageAction, messageActions, type Verdict } from '#runtime/web/signed-links.ts'
import { uuidSource } from '#schemas/field-checks.ts'
import { expiringQuery } from '../access/signed-query.ts'
import { isSameOrigin } from '../access/same-origin.ts'
import { choice, postForm } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { asPage, invalidLinkPage, messagePage, showPage } from '../design/layout.ts'
import { foreign } from '../design/parts.ts'
import type { Bounded } from '../http/deadline.ts'
import type { RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import type { Changes } from './changes.ts'
import { payloadOf, texts, times } from './message-actions.ts'

export type MessageLinkDeps = {
  changes: Changes
  database: Database
  bounded: Bounded
  /** Signs the links in messages; undefined: messages have no links. */
  linkSecret: string | undefined
  publicUrl: string | undefined
}

const path = '/act/:person/:news_id/:action'
/** From there. */
const root = '../../../'

const actParams = z.object({
  person: z.string().regex(/^[1-9]\d{0,9}$/),
  news_id: z.string().regex(new RegExp(`^${uuidSource}$`)),
  action: z.enum(messageActions),
})
const form = z.object({ for: z.enum(Object.keys(times) as [keyof typeof times]) }).partial()
const linkDocs = {
  403: asPage('The signature of the link is missing or wrong, or another page sent the form.'),
  410: asPage('The link has expired.'),
}

/** How long the page waits for the outcome; what takes longer is made all the same. */
const waitMs = 4000

/**
 * Links in messages that act on a news item. GET asks and changes nothing, because programs follow links to check them;
 * POST acts, as the person to whom the message went. A link that is used again gives the same answer.
 */
export function messageLinkRoutes(deps: MessageLinkDeps): Route[] {
  return [
    {
      ...{ method: 'get', path, role: 'anyone' },
      doc: {
        summary: 'Page that asks whether to act on a news item. Messages link to it.',
        params: actParams,
        query: expiringQuery,
        responses: { 200: asPage('The page.'), ...linkDocs },
      },
      handle: showAction(deps),
    },
    {
      ...{ method: 'post', path, role: 'anyone' },
      doc: {
        summary:
          'Act on a news item: say whether it is useful, or mute what it is about. Used again, it changes nothing.',
        params: actParams,
        query: expiringQuery,
        form,
        responses: {
          200: asPage('What was done.'),
          202: asPage('It will be done.'),
          409: asPage('It cannot be done, and why.'),
          ...linkDocs,
          503: { description: 'The message broker does not confirm the request. Try again.' },
        },
      },
      handle: act(deps),
    },
  ]
}

function showAction(deps: MessageLinkDeps) {
  return async (request: RouteRequest): Promise<RouteResponse> => {
    const { verdict, link } = readLink(deps, request)
    if (verdict !== 'good') return deadLink(verdict)
    const { title, text, button, asksForTime } = texts[link.action]
    const news = await deps.bounded(readTitle(deps.database, link.newsId))
    const options = Object.entries(times).map(([value, { text }]) => ({ value, text }))
    const main = html`${news}<p>${text}</p>
${postForm(null, asksForTime && choice('for', 'For how long', options, 'month'), button)}`
    return showPage({ title, main, root })
  }
}

function act(deps: MessageLinkDeps) {
  return async (request: RouteRequest): Promise<RouteResponse> => {
    const { verdict, link, signature } = readLink(deps, request)
    if (verdict !== 'good') return deadLink(verdict)
    if (isForeign(request.headers, deps.publicUrl)) return invalidLinkPage(root)
    const body = await request.readBody()
    const fields = Object.fromEntries(new URLSearchParams(body.toString('utf8', 0, 200)))
    const { for: time = 'month' } = validate(form, fields, 'body')
    const { asksForTime } = texts[link.action]
    const { kind, payload } = payloadOf(link, time)
    const id = await deps.changes.sendChange({ name: `link:${link.person}`, role: 'viewer' }, kind, payload, {
      reason: 'link in a message',
      idempotencyKey: `${signature}${asksForTime ? ` ${time}` : ''}`,
      traceparent: request.traceparent,
    })
    const outcome = await deps.changes.waitForOutcome(id, waitMs)
    const next = { text: 'Open my page', href: `${root}console/me` }
    if (outcome === null) return messagePage(202, 'Thank you', 'It takes effect in a moment.', { root })
    return outcome.state === 'done'
      ? messagePage(200, 'Done', outcome.message, { root, next })
      : messagePage(409, 'This is not possible', outcome.message, { root, next })
  }
}

function readLink(
  { linkSecret }: MessageLinkDeps,
  { params, query }: RouteRequest,
): { verdict: Verdict; link: MessageAction; signature: string } {
  const { person, news_id: newsId, action } = validate(actParams, params, 'path')
  const signed = validate(expiringQuery, query, 'query')
  const link = { person: Number(person), newsId, action }
  const verdict = linkSecret === undefined ? 'forged' : checkActionLink(linkSecret, link, signed, Date.now())
  return { verdict, link, signature: signed.signature ?? '' }
}

function deadLink(verdict: Verdict): RouteResponse {
  if (verdict === 'forged') return invalidLinkPage(root)
  return messagePage(
    410,
    'This link has expired',
    'Links in messages work for some weeks. Sign in to do the same on your pages.',
    { root, next: { text: 'Sign in', href: `${root}console` } },
  )
}

/** Whether another site's page sent the form. Programs that are no browsers say nothing of it: they have the link. */
function isForeign(headers: IncomingHttpHeaders, publicUrl: string | undefined): boolean {
  const { origin, 'sec-fetch-site': site } = headers
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  return origin !== undefined && !isSameOrigin(headers, publicUrl)
}

const newsRow = z.object({ title: z.string(), company: z.string().nullable() })

/** What the link is about; nothing where the news item is gone. */
async function readTitle(database: Database, newsId: string): Promise<Html | null> {
  const news = await database.maybeOne(sql.type(newsRow)`
    SELECT n.title, c.name AS company FROM analyzer.news_view n LEFT JOIN public.company c ON c.id = n.company_id
    WHERE news_id = ${newsId}::uuid`)
  if (news === null) return null
  const isNamed = news.company === null || news.title.toLowerCase().startsWith(news.company.toLowerCase())
  return html`<p><b>${!isNamed && html`${foreign(news.company ?? '')}: `}${foreign(news.title)}</b></p>
`
}
