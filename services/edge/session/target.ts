/** Where people begin. */
export const startPage = '/console'

const signIn = `${startPage}/sign-in`

/** The pages of signing in and out. */
export const paths = {
  signIn,
  key: `${signIn}/key`,
  sent: `${signIn}/sent`,
  done: `${signIn}/done`,
  signOut: `${startPage}/sign-out`,
  signOutEverywhere: `${startPage}/sign-out-everywhere`,
} as const

const base = 'https://here.invalid'
const longest = 2000

/**
 * The page to go to after signing in: a path of the console with its query, whatever a link or form says. Everything
 * else, another site above all, becomes the start page.
 */
export function readTarget(text: string | undefined): string {
  if (text === undefined || text.length > longest || !/^\/console(?=[/?#]|$)[\x21-\x7e]*$/.test(text)) return startPage
  // Browsers take dots, backslashes and encoded dots apart in the same way.
  const url = URL.parse(text, base)
  if (url === null || url.origin !== base || !isPage(url.pathname)) return startPage
  return url.pathname + url.search
}

/** Not the pages of signing in and out: whoever has signed in would be asked again. */
function isPage(path: string): boolean {
  return path === startPage || (path.startsWith(`${startPage}/`) && !/^\/console\/+sign-/.test(path))
}

/** The page that a form was on, by the `Referer` of its request, whose origin was checked. */
export function readReferer(referer: string | undefined): string {
  const url = URL.parse(referer ?? '')
  return readTarget(url === null ? undefined : url.pathname + url.search)
}

/** The address of a page of signing in that leads on to `target`. */
export function withTarget(path: string, target: string, parameters: Record<string, string> = {}): string {
  const query = new URLSearchParams({ ...(target === startPage ? {} : { to: target }), ...parameters })
  return query.size === 0 ? path : `${path}?${query.toString()}`
}
