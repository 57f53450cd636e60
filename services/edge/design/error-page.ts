import { STATUS_CODES } from 'node:http'
import { z } from 'zod'
import { formTokenField, type SentForm } from '../http/form.ts'
import type { HttpError } from '../http/http-error.ts'
import type { RouteResponse } from '../http/response.ts'
import { postForm } from './forms.ts'
import { html, type Html } from './html.ts'
import { messagePage, type Page, showPage } from './layout.ts'
import type { Step } from './parts.ts'

const again = 'Reload the page to try again.'

/** What a person reads of an error, and what to do. */
const texts: Record<number, { title: string; text: string }> = {
  400: { title: 'This address does not work', text: 'A part of it is wrong or belongs to another page.' },
  403: { title: 'You may not do this', text: 'An administrator can give you the right to.' },
  404: { title: 'Page not found', text: 'There is no such page, or you may not see it.' },
  405: { title: 'This address does not work', text: 'It cannot be used in this way.' },
  413: { title: 'Too much at once', text: 'The form was too large. Nothing was changed.' },
  422: { title: 'This address does not work', text: 'A part of it is missing or wrong.' },
  429: { title: 'Too many requests', text: `Wait a minute. ${again}` },
  500: { title: 'Something went wrong', text: `The operators can see the cause in the log. ${again}` },
  503: {
    title: 'Not available for a moment',
    text: `A part of the system does not answer, or too much is read at once. Wait some seconds. ${again}`,
  },
}

/** Whether a path without a route belongs to people’s pages. */
export function isConsolePath(path: string): boolean {
  return path === '/console' || path.startsWith('/console/')
}

type At = {
  path: string
  method?: string
  viewer?: Page['viewer']
  sent?: SentForm | null
  referer?: string | undefined
}

/**
 * The page for an error at `path`, with the navigation of the viewer, if it is known who that is. It says nothing of the
 * cause that `detail` does not say to programs. `sent`: the form that met the error, which can be sent again. `referer`:
 * where a form was.
 */
export function errorPage(
  error: HttpError,
  { path, method = 'GET', viewer = null, sent = null, referer }: At,
): RouteResponse {
  const { status, headers } = error
  const { title, text } = textOf(status, method)
  if (sent !== null)
    return showPage({ title, status, headers, root: rootFrom(path), viewer, main: sendAgain(sent, viewer) })
  const next = nextStep(status, { path, method, referer })
  return messagePage(status, title, sayWhy(error, text, method), { headers, root: rootFrom(path), viewer, ...next })
}

function textOf(status: number, method: string): { title: string; text: string } {
  const known = texts[status] ?? { title: STATUS_CODES[status] ?? 'Refused', text: 'Nothing was changed.' }
  if (method === 'GET') return known
  if (status >= 500) return { ...known, text: afterForm }
  return status === 422 ? { title: 'This was not done', text: 'Nothing was changed.' } : known
}

/** What is known of the cause: before what to do about a right that is missing, after what is wrong with an address. */
function sayWhy({ status, detail }: HttpError, text: string, method: string): string {
  const why = [400, 403, 404, 413, 422].includes(status) && causeOf(detail)
  if (status === 404 && why !== false) return why
  const sentences = status === 403 ? [method !== 'GET' && 'Nothing was changed.', why, text] : [text, why]
  return sentences.filter((sentence) => sentence !== false).join(' ')
}

const mistakes = z.array(z.object({ loc: z.array(z.union([z.string(), z.number()])), msg: z.string() }))

/** What is wrong, in words; false: no more is known. */
function causeOf(detail: unknown): string | false {
  if (typeof detail === 'string') return detail !== 'Not Found' && detail
  const { data } = mistakes.safeParse(detail)
  if (data === undefined || data.length === 0) return false
  return `${data.map(({ loc, msg }) => [loc.slice(1).join(' '), msg].filter(Boolean).join(': ')).join('. ')}.`
}

/** How far the form came is not known. */
const afterForm =
  'A part of the system did not answer, so what you sent may have been done or not. Wait some seconds, go back and ' +
  'reload the page to see. Send it again if it was not done.'

/** Keeps what was typed. The layout gives the form the token of the viewer, if that is known. */
function sendAgain({ action, fields, page }: SentForm, viewer: Page['viewer']): Html {
  const kept = fields.filter(([name]) => name !== formTokenField || !viewer)
  return html`<p>A part of the system did not answer, so what you sent may have been done or not. It is kept on this page: wait some seconds, and send it again.</p>
${postForm(action, null, 'Send it again', kept)}
<p><a href="${page}">Go back without sending it</a></p>`
}

/** An empty address is that of the page itself, with its query. */
function nextStep(status: number, { path, method = 'GET', referer }: At): { next?: Step } {
  if (method === 'GET' && [429, 500, 503].includes(status)) return { next: { text: 'Try again', href: '' } }
  const form = method === 'GET' ? null : URL.parse(referer ?? '')
  if (form !== null && isConsolePath(form.pathname))
    return { next: { text: 'Back to the page', href: form.pathname + form.search } }
  return isConsolePath(path) ? { next: { text: 'Go to the news', href: '/console' } } : {}
}

/** The relative way from a path to the root, because a proxy may serve the edge in a folder. */
function rootFrom(path: string): string {
  return '../'.repeat(Math.max(0, path.split('/').length - 2)) || './'
}
