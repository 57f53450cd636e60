import { signedQuery } from '../access/signed-query.ts'
import { asPage } from '../design/layout.ts'
import type { ResponseDoc, Route } from '../server/route.ts'
import { linkParams, redeemLink, showLink } from './link.ts'
import {
  askForLink,
  checkSignedIn,
  keyForm,
  mailForm,
  showSent,
  showSignIn,
  signInQuery,
  type SessionDeps,
  signInWithKey,
} from './sign-in.ts'
import { askSignOutEverywhere, signOut, signOutEverywhere } from './sign-out.ts'
import { paths } from './target.ts'

const leadsOn = (description: string): ResponseDoc => ({ description, headers: { location: 'The next page.' } })
const setsCookie = (description: string): ResponseDoc => ({
  ...leadsOn(description),
  headers: { location: 'The next page.', 'set-cookie': 'The session.' },
})
const link = `${paths.signIn}/link/:sign_in_id`
const deadLink = {
  403: asPage('The signature of the link is missing or wrong, or the request comes from another site.'),
  410: asPage('The link was used or has expired. It says how to get a new one.'),
}

/** The pages of signing in and out. */
export function sessionRoutes(deps: SessionDeps): Route[] {
  return [...formRoutes(deps), ...linkRoutes(deps), ...signOutRoutes(deps)]
}

function formRoutes(deps: SessionDeps): Route[] {
  return [
    {
      ...{ method: 'get', path: paths.signIn, role: 'maybe-person' },
      doc: { summary: 'Page to sign in.', query: signInQuery, responses: { 200: asPage('The page.') } },
      handle: showSignIn(deps),
    },
    {
      ...{ method: 'post', path: paths.signIn, role: 'maybe-person' },
      doc: {
        summary: 'Ask for a link to sign in by e-mail. The answer is the same whether the address is known or not.',
        form: mailForm,
        responses: {
          303: setsCookie('The link is on its way, if the address is that of one person.'),
          404: asPage('Links by e-mail are not set up.'),
          422: asPage('This is no e-mail address.'),
        },
      },
      handle: askForLink(deps),
    },
    {
      ...{ method: 'get', path: paths.sent, role: 'maybe-person' },
      doc: {
        summary: 'Page after a link was asked for.',
        query: signInQuery,
        responses: { 200: asPage('The page.') },
      },
      handle: showSent(deps),
    },
    {
      ...{ method: 'post', path: paths.key, role: 'maybe-person' },
      doc: {
        summary: 'Sign in with an API key. The session has its role, and ends with it.',
        form: keyForm,
        responses: { 303: setsCookie('Signed in.'), 401: asPage('The key does not work.') },
      },
      handle: signInWithKey(deps),
    },
  ]
}

function linkRoutes(deps: SessionDeps): Route[] {
  return [
    {
      ...{ method: 'get', path: link, role: 'maybe-person' },
      doc: {
        summary: 'Page behind a link to sign in. Opening it changes nothing.',
        params: linkParams,
        query: signedQuery,
        responses: { 200: asPage('A button that signs in.'), 303: leadsOn('Signed in already.'), ...deadLink },
      },
      handle: showLink(deps),
    },
    {
      ...{ method: 'post', path: link, role: 'maybe-person' },
      doc: {
        summary: 'Sign in with a link, once.',
        params: linkParams,
        query: signedQuery,
        responses: { 303: setsCookie('Signed in.'), ...deadLink },
      },
      handle: redeemLink(deps),
    },
    {
      ...{ method: 'get', path: paths.done, role: 'maybe-person' },
      doc: {
        summary: 'Leads whoever has signed in to the page that they wanted.',
        query: signInQuery,
        responses: { 303: leadsOn('Signed in.'), 400: asPage('The browser did not keep the cookie.') },
      },
      handle: checkSignedIn,
    },
  ]
}

function signOutRoutes(deps: SessionDeps): Route[] {
  return [
    {
      ...{ method: 'post', path: paths.signOut, role: 'maybe-person' },
      doc: { summary: 'Sign out in this browser.', responses: { 303: setsCookie('Signed out.') } },
      handle: signOut(deps),
    },
    {
      ...{ method: 'get', path: paths.signOutEverywhere, role: 'person' },
      doc: { summary: 'Page that asks whether to sign out everywhere.', responses: { 200: asPage('The page.') } },
      handle: askSignOutEverywhere(deps),
    },
    {
      ...{ method: 'post', path: paths.signOutEverywhere, role: 'maybe-person', isOwnForm: true },
      doc: {
        summary: 'End all sessions of the person or key.',
        responses: { 303: setsCookie('Signed out.'), 409: asPage('The form is of somebody else’s page.') },
      },
      handle: signOutEverywhere(deps),
    },
  ]
}
