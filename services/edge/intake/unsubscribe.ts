import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { checkUnsubscribeLink } from '#runtime/web/signed-links.ts'
import { uuidSource } from '#schemas/field-checks.ts'
import { topics } from '#schemas/topics.ts'
import { signedQuery } from '../access/signed-query.ts'
import { postForm } from '../design/forms.ts'
import { html } from '../design/html.ts'
import { asPage, invalidLinkPage, messagePage, showPage } from '../design/layout.ts'
import type { RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import type { Publish } from '../publish/publish.ts'
import type { RouteDoc, RouteRequest } from '../server/route.ts'

// One-click unsubscribe, https://www.rfc-editor.org/rfc/rfc8058: GET changes nothing, because programs follow links to
// check them; POST needs neither a cookie nor a confirmation.

const mailParams = z.object({
  notification_id: z.string().regex(new RegExp(`^${uuidSource}$`)),
  delivery_id: z.string().regex(/^[1-9]\d{0,15}$/),
})
const invalidLink = { 403: asPage('The signature of the link is missing or wrong.') }

export const unsubscribeDoc: Record<'show' | 'end', RouteDoc> = {
  show: {
    summary: 'Page with a button that ends e-mails. Every e-mail links to it.',
    params: mailParams,
    query: signedQuery,
    responses: { 200: asPage('The page.'), ...invalidLink },
  },
  end: {
    summary:
      'End e-mails to the address that received this one (one-click unsubscribe, RFC 8058). Repeated calls change nothing.',
    params: mailParams,
    query: signedQuery,
    responses: {
      200: asPage('The request is durable. The notifier carries it out.'),
      ...invalidLink,
      503: { description: 'The message broker does not confirm the request. Try again.' },
    },
  },
}

export type UnsubscribeDeps = {
  publish: Publish
  /** Signs the links in messages; undefined: messages have no links. */
  linkSecret: string | undefined
}

/** From `/unsubscribe/…/…`. */
const root = '../../'

/** GET /unsubscribe/{notification_id}/{delivery_id}?signature=… */
export function showUnsubscribe(deps: UnsubscribeDeps) {
  return (request: RouteRequest): RouteResponse => {
    if (!findMail(deps, request)) return invalidLinkPage(root)
    const main = html`<p>
The address that received this e-mail will get no more e-mails from parma-analytics: no news and no reports.
Messages on other channels, such as Slack, continue.
</p>
${postForm(null, null, 'Send no more e-mails')}`
    return showPage({ title: 'Unsubscribe', main, root })
  }
}

/** POST to the same path. The edge knows no addresses: the notifier finds the one that received the e-mail. */
export function unsubscribe(deps: UnsubscribeDeps) {
  return async (request: RouteRequest): Promise<RouteResponse> => {
    const mail = findMail(deps, request)
    if (!mail) return invalidLinkPage(root)
    const kind = 'unsubscribe'
    const requested = { event_id: randomUUID(), kind, requested_at: Date.now(), mail } as const
    await deps.publish(topics.triggers, kind, { ...requested, data_source_id: null, company_id: null }, request)
    return messagePage(
      200,
      'You are unsubscribed',
      'This address will get no more e-mails, except any already being sent. An administrator can undo this.',
      { root },
    )
  }
}

/** The e-mail that a link names; null: the link is not signed by us. */
function findMail({ linkSecret }: UnsubscribeDeps, { params, query }: RouteRequest): string | null {
  const { notification_id: notificationId, delivery_id: deliveryId } = validate(mailParams, params, 'path')
  const signed = validate(signedQuery, query, 'query')
  const isSigned =
    linkSecret !== undefined && checkUnsubscribeLink(linkSecret, { notificationId, deliveryId }, signed) === 'good'
  return isSigned ? `${notificationId}/${deliveryId}` : null
}
