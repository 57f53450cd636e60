import type { Session } from '../access/sessions.ts'
import { formatCount } from '#runtime/text/format.ts'
import { input, postForm } from '../design/forms.ts'
import { type Content, html } from '../design/html.ts'
import { messagePage, showPage } from '../design/layout.ts'
import { notice } from '../design/parts.ts'
import type { RouteResponse } from '../http/response.ts'
import { paths, withTarget } from './target.ts'

type SignInPage = {
  /** Where to go afterwards. */
  target: string
  /** What happened before: what was done, or what did not work. */
  said?: { kind: 'good' | 'bad'; text: string }
  /** Whether links can be sent. */
  hasMail: boolean
  minutes: number
  status?: number
  /** Whoever has signed in already. */
  viewer: { name: string } | null
}

/** Asks for an e-mail address, or for an API key. */
export function signInPage({ target, said, hasMail, minutes, status = 200, viewer }: SignInPage): RouteResponse {
  const hidden = { to: target }
  const byMail = html`<p>
      Enter the address at which you get e-mails from parma. A link to sign in is sent there. It is valid for
      ${minutes} minutes and works once.
    </p>
    ${postForm(
      paths.signIn,
      input('email', 'email', 'E-mail address', undefined, { required: true, maxlength: 254, autocomplete: 'email' }),
      'Send me a link',
      hidden,
    )}`
  const key = input('password', 'key', 'API key', undefined, {
    ...{ required: true, maxlength: 200, autocomplete: 'off' },
    hint: 'It begins with parma_. You enter it once in this browser.',
  })
  const main = html`${said && notice(said.kind, said.text)}
    ${viewer && alreadyIn(viewer, target)}
    ${hasMail ? byMail : html`<p>Links by e-mail are not set up here. Sign in with an API key.</p>`}
    <details ${!hasMail && html` open`}>
      <summary>Sign in with an API key</summary>
      ${postForm(paths.key, key, 'Sign in', hidden)}
    </details>`
  return showPage({ title: 'Sign in', main, status })
}

function alreadyIn({ name }: { name: string }, target: string): Content {
  return html`<p>
    You are signed in as <b dir="auto">${name}</b>.
    <a href="${target}">Go on</a>, or sign in as somebody else below.
  </p>`
}

/** The same whether the address is known or not. */
export function sentPage(target: string, minutes: number): RouteResponse {
  const main = html`<p>
      If somebody here gets e-mails at this address, a link is on its way. Open it in this browser, within
      ${minutes} minutes.
    </p>
    <h2>No e-mail after some minutes?</h2>
    <p>
      Look into the spam folder. The address may be spelled differently here, be unknown, have unsubscribed, or be shared
      by several people: then nothing is sent. An administrator can make a link for you with <code>parma people link</code>.
    </p>
    <p><a class="button plain" href="${withTarget(paths.signIn, target)}">Try another address</a></p>`
  return showPage({ title: 'Look into your mailbox', main })
}

/** The page of a link that works. Opening it changes nothing: programs open links to check them. */
export function linkPage(name: string, isOtherBrowser: boolean): RouteResponse {
  const other = html`<p class="notice">
    You asked for this link in another browser. It signs you in here. To sign in there, open the link in that browser.
  </p>`
  const main = html`${isOtherBrowser && other}
    <p>You are about to sign in as <b dir="auto">${name}</b> in this browser.</p>
    ${postForm(null, null, 'Sign in')}`
  return showPage({ title: 'Sign in', main })
}

/** The page of a link that works no more. */
export function deadLinkPage(state: 'used' | 'expired', target: string, minutes: number): RouteResponse {
  const [title, text] =
    state === 'used'
      ? ['This link was used already', 'A link to sign in works once. If it was not you, tell an administrator.']
      : ['This link has expired', `A link to sign in works for ${minutes} minutes.`]
  return messagePage(410, title, `${text} Ask for a new one.`, {
    next: { text: 'Ask for a new link', href: withTarget(paths.signIn, target) },
  })
}

/** The page of a browser that did not keep the cookie. */
export function noCookiePage(target: string): RouteResponse {
  return messagePage(
    400,
    'This browser did not keep you signed in',
    'It refused the cookie that it needs for this. Open parma with https://, and allow cookies of this site. Then sign in again.',
    { next: { text: 'Sign in', href: withTarget(paths.signIn, target) } },
  )
}

/** Asks before it signs out everywhere. */
export function signOutEverywherePage(viewer: { name: string }, count: number): RouteResponse {
  const where = count > 1 ? `${formatCount(count, 'browser')}, this one included` : 'this browser only'
  const main = html`<p>You are signed in at ${where}. Links to sign in that you have not used stop working, too.</p>
    ${postForm(paths.signOutEverywhere, null, 'Sign out everywhere')}
    <p><a href="/console">Stay signed in</a></p>`
  return showPage({ title: 'Sign out everywhere', main, viewer })
}

/** The page after a form was sent that was not made for whoever is signed in now. */
export function foreignFormPage(
  viewer: Session,
  page: string,
  action: string,
  fields: readonly [string, string][],
): RouteResponse {
  const name = html`<b dir="auto">${viewer.name}</b>`
  const again = html`<h2>Keep what was entered</h2>
    <p>It takes effect for ${name}, not for whom the form was opened.</p>
    ${postForm(action, null, `Send it as ${viewer.name}`, fields)}`
  const main = html`${notice('bad', 'Nothing was changed.')}
    <p>
      You are signed in as ${name}. The form was opened by somebody else who was signed in in this browser, or before an
      update of parma.
    </p>
    <p><a class="button" href="${page}">Open the page as ${viewer.name}</a></p>
    ${fields.length > 0 && again}`
  return showPage({ title: 'This form is not yours', main, viewer, status: 409 })
}

/**
 * The page after a form was sent whose sender is signed in no more. Its fields are kept on the page: it can be sent
 * again once they have signed in, here or in another tab.
 */
export function unsentPage(page: string, action: string, fields: readonly [string, string][]): RouteResponse {
  const again = html`<h2>Keep what you entered</h2>
    <p>
      <a href="${withTarget(paths.signIn, page)}" target="_blank" rel="noopener">Sign in in another tab</a>, come back
      here, and send it again.
    </p>
    ${postForm(action, null, 'Send it again', fields)}`
  const main = html`${notice('bad', 'Your session has ended. Nothing was changed.')}
    <p><a class="button" href="${withTarget(paths.signIn, page)}">Sign in and go back</a></p>
    ${fields.length > 0 && again}`
  return showPage({ title: 'Sign in again', main, status: 401 })
}
