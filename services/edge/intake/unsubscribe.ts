import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { checkUnsubscribeLink } from '#runtime/web/signed-links.ts'
import { topics } from '#schemas/topics.ts'
import { messagePage, page, pageHeaders, pageType } from '../http/page.ts'
import type { RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import type { Publish } from '../publish/publish.ts'
import type { RouteDoc, RouteRequest } from '../server/route.ts'

// One-click unsubscribe, https://www.rfc-editor.org/rfc/rfc8058: GET changes nothing, as programs follow links to look
// at them; POST needs no cookie and no further question.

const mailParams = z.object({
  notification_id: z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
  delivery_id: z.string().regex(/^[1-9]\d{0,15}$/),
})
const signedQuery = z.object({ signature: z.string().max(100) }).partial()
const ofPage = (description: string) => ({ description, schema: z.string(), contentType: pageType })
const forged = { 403: ofPage('The link is not one of ours.') }

export const unsubscribeDoc: Record<'show' | 'end', RouteDoc> = {
  show: {
    summary: 'Asks whether no more e-mails are wanted: what the link at the end of each leads to.',
    params: mailParams,
    query: signedQuery,
    responses: { 200: ofPage('The question, with a button.'), ...forged },
  },
  end: {
    summary: 'No more e-mails to the address that got this one (RFC 8058). It may be called any number of times.',
    params: mailParams,
    query: signedQuery,
    responses: {
      200: ofPage('The notifier is told.'),
      ...forged,
      503: { description: 'The message broker does not confirm it: try again.' },
    },
  },
}

export type UnsubscribeDeps = {
  publish: Publish
  /** Signs the links in messages; undefined: there are none. */
  linkSecret: string | undefined
}

/** GET /unsubscribe/{notification_id}/{delivery_id}?signature=… */
export function showUnsubscribe(deps: UnsubscribeDeps) {
  return (request: RouteRequest): RouteResponse => {
    if (!findMail(deps, request)) return invalidLink()
    const content = `<p>No more e-mails of parma-analytics will go to the address that got this message: no news, no reports.
Messages elsewhere, such as Slack, stay as they are.</p>
<form method="post"><button>Send no more e-mails</button></form>`
    return { status: 200, headers: pageHeaders("'self'"), body: page('Unsubscribe', content) }
  }
}

/** POST to the same. The edge knows no addresses: the notifier finds who got the mail. */
export function unsubscribe(deps: UnsubscribeDeps) {
  return async (request: RouteRequest): Promise<RouteResponse> => {
    const mail = findMail(deps, request)
    if (!mail) return invalidLink()
    const kind = 'unsubscribe'
    const asked = {
      event_id: randomUUID(),
      kind,
      requested_at: Date.now(),
      data_source_id: null,
      company_id: null,
      mail,
    } as const
    await deps.publish(topics.triggers, kind, asked, request)
    return messagePage(
      200,
      'You are unsubscribed',
      'No more e-mails go to this address, but for one that is under way. Those who run parma-analytics can undo it.',
    )
  }
}

/** What the link is about; null: it is not one of ours. */
function findMail({ linkSecret }: UnsubscribeDeps, { params, query }: RouteRequest): string | null {
  const { notification_id: notificationId, delivery_id: deliveryId } = validate(mailParams, params, 'path')
  const signed = validate(signedQuery, query, 'query')
  const isOurs =
    linkSecret !== undefined && checkUnsubscribeLink(linkSecret, { notificationId, deliveryId }, signed) === 'good'
  return isOurs ? `${notificationId}/${deliveryId}` : null
}

function invalidLink(): RouteResponse {
  return messagePage(403, 'Not a good link', 'Open the link of the message as it stands there.')
}
