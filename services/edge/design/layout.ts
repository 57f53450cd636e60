import { z } from 'zod'
import { formTokenField } from '../http/form.ts'
import type { RouteResponse } from '../http/response.ts'
import { includesRole, type Role } from '#runtime/changes/roles.ts'
import { assetPath } from './assets.ts'
import { deskLinks, type DeskPage } from './desk-links.ts'
import { type Content, html, type Html } from './html.ts'

export const pageType = 'text/html; charset=utf-8'

/** A page as the response of a route's documentation. */
export const asPage = (description: string) => ({ description, schema: z.string(), contentType: pageType })

/** The places of the navigation. */
const sections = [
  ['news', 'News', '/console'],
  ['watchlist', 'Watchlist', '/console/watchlist'],
  ['me', 'My page', '/console/me'],
] as const

type Section = (typeof sections)[number][0]

/** `formToken`: what forms of a page carry, so that they act for nobody else (access/form-token.ts). */
type PageViewer = { name: string; role?: Role; formToken?: string }

export type Page = {
  title: string
  main: Content
  /** Who is signed in. Without one the page has no navigation. */
  viewer?: PageViewer | null
  section?: Section
  /** Which page of the desk it is. It has the navigation of the desk then. */
  desk?: DeskPage
  /** What was searched for, for the field in the header. */
  search?: string
  /** The zone of the page's times, which the page names once. Left out where a page shows no times. */
  zone?: string
  /** `narrow`, for reading, unless told. */
  width?: 'narrow' | 'wide'
  /** The way from the page to the root of the edge: relative where a proxy may serve the page in a folder. */
  root?: string
  status?: number
  headers?: Record<string, string>
}

/** A page as a response: for 320 to 1,600 pixels, light and dark, print, with or without script. */
export function showPage(page: Page): RouteResponse {
  const { status = 200, headers = {} } = page
  const body = bindForms(layOut(page).toString(), page.viewer?.formToken)
  return { status, headers: { ...pageHeaders, ...headers }, body }
}

/** Puts the form token into every form that is sent with POST. No text in a page has a `<` of its own: templates escape. */
function bindForms(markup: string, formToken: string | undefined): string {
  if (formToken === undefined) return markup
  const field = html`<input type="hidden" name="${formTokenField}" value="${formToken}">`.toString()
  return markup.replaceAll(/<form\b[^<>]*\bmethod="post"[^<>]*>/g, (form) => form + field)
}

const policy = [
  "default-src 'none'",
  ...["style-src 'self'", "script-src 'self'", "img-src 'self'", "form-action 'self'"],
  ...["base-uri 'none'", "frame-ancestors 'none'"],
]

const pageHeaders = {
  'content-type': pageType,
  'content-security-policy': policy.join('; '),
  // The address of a page behind a signed link is a credential, which is only for us. With no referrer at all, browsers
  // would not name the origin of the page's own forms either, and POSTs are taken from our own pages only.
  'referrer-policy': 'same-origin',
  'cache-control': 'no-store',
}

function layOut(page: Page): Html {
  const { title, main, viewer = null, section, desk, search, zone, width = 'narrow', root = '/' } = page
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} – parma</title>
<link rel="icon" href="${root}${assetPath('icon')}" type="image/svg+xml">
<link rel="stylesheet" href="${root}${assetPath('style')}">
<script src="${root}${assetPath('script')}" defer></script>
</head>
<body class="${width}">
<a class="skip" href="#main">Skip to the content</a>
${viewer && banner(viewer, section, search, desk)}
${desk !== undefined && deskNavigation(desk)}
<main id="main" tabindex="-1">
<h1 dir="auto">${title}</h1>
${main}
</main>
${(viewer !== null || zone !== undefined) && foot(viewer !== null, zone)}
</body>
</html>
`
}

type Link = readonly [name: string, text: string, path: string]

/** `open`: the page whose link says that it is the current one. */
function navigationLinks(links: readonly Link[], open: string | undefined): Html[] {
  return links.map(
    ([name, text, path]) => html`<li><a href="${path}"${name === open && html` aria-current="page"`}>${text}</a></li>`,
  )
}

function deskNavigation(open: DeskPage): Html {
  return html`<nav class="desk" aria-label="Desk"><ul>${navigationLinks(deskLinks, open)}</ul></nav>`
}

function banner({ name, role = 'viewer' }: PageViewer, open: Section | undefined, search = '', desk?: DeskPage): Html {
  const [first] = deskLinks as readonly Link[]
  const shown: Link[] = [
    ...sections,
    ...(first && includesRole(role, 'operator') ? [['desk', 'Desk', first[2]] as const] : []),
  ]
  const links = navigationLinks(shown, desk === undefined ? open : 'desk')
  return html`<header class="banner">
<nav aria-label="Main"><ul>${links}</ul></nav>
<form class="search" role="search" action="/console/search">
<label for="search-company" class="hidden-text">Company</label><input type="search" id="search-company" name="q" value="${search}" placeholder="Find a company" maxlength="200"><button class="quiet">Search</button>
</form>
<form class="who" method="post" action="/console/sign-out">
<span dir="auto">${name}</span> <button class="quiet">Sign out</button>
</form>
</header>`
}

function foot(hasKeys: boolean, zone: string | undefined): Html {
  return html`<footer>
${zone !== undefined && html`<p>Times are those of <b>${zone}</b>.</p>`}
${hasKeys && keysSwitch}
</footer>`
}

/** The script shows it, because without script there are no shortcuts. */
const keysSwitch = html`<p id="keys-switch" hidden><label><input type="checkbox" id="keys"> Single-key shortcuts</label>, listed by <kbd>?</kbd></p>`

/** A page that says one thing, and what to do next. */
export function messagePage(
  status: number,
  title: string,
  text: string,
  page: Pick<Page, 'root' | 'viewer' | 'headers'> & { next?: { text: string; href: string } } = {},
): RouteResponse {
  const { next, ...rest } = page
  const main = html`<p>${text}</p>
${next && html`<p><a class="button" href="${next.href}">${next.text}</a></p>`}`
  return showPage({ ...rest, status, title, main })
}

/** For a link whose signature is missing or wrong. */
export function invalidLinkPage(root: string): RouteResponse {
  return messagePage(
    403,
    'Invalid link',
    'This address is not complete, or it was changed. Open the link exactly as it appears in the message. ' +
      'Some programs break long links into two lines: copy both.',
    { root },
  )
}
