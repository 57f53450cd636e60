import { expect } from 'vitest'
import { signIn, useSession } from './console.ts'
import type { TestEdge } from './setup.ts'
import { violationsOf } from './violations-of.ts'
import { openWatchedPage, type WatchedPage } from './watched-page.ts'

const roles = ['viewer', 'operator', 'admin'] as const
type Who = (typeof roles)[number]

/** A page as it came, with its text as people read it. */
type Shown = { status: number; location: string | null; body: string; text: string }

/** The desk of an edge, for somebody of each role who signed in with a key. */
export type Desk = {
  cookies: Record<Who, string>
  get(path: string, who?: Who): Promise<Shown>
  /** Sends a form of the console. */
  post(path: string, fields?: Record<string, string>, who?: Who): Promise<Shown>
  /** The same, and opens the page to which it leads. */
  submit(path: string, fields?: Record<string, string>, who?: Who): Promise<Shown>
}

export async function openDesk(edge: TestEdge): Promise<Desk> {
  const cookies = { viewer: '', operator: '', admin: '' }
  for (const role of roles) cookies[role] = await signIn(edge, { key: role })

  const get = async (path: string, who: Who = 'operator') =>
    read(await fetch(edge.url + path, { headers: { cookie: cookies[who] }, redirect: 'manual' }))
  async function post(path: string, fields: Record<string, string> = {}, who: Who = 'operator') {
    const response = await sendForm(edge.url, path, { fields, cookie: cookies[who] })
    return read(response)
  }
  async function submit(path: string, fields?: Record<string, string>, who?: Who) {
    const { status, location, text } = await post(path, fields, who)
    if (status !== 303) throw new Error(`${path} answers ${status}: ${text}`)
    const [page = '', anchor] = location!.split('#')
    const shown = await get(page, who)
    // The focus is kept, unless what the form was about is gone.
    const isKept = shown.status !== 200 || shown.body.includes(`id="${anchor}"`)
    expect([path, location, isKept]).toEqual([path, location, true])
    return shown
  }
  return { cookies, get, post, submit }
}

/** Sends a form of the console, as somebody who has its page open. */
export async function sendForm(
  url: string,
  path: string,
  { fields, cookie }: { fields: Record<string, string>; cookie: string },
): Promise<Response> {
  const page = await fetch(new URL('/console/search', url), { headers: { cookie }, redirect: 'manual' })
  const [, form_token = ''] = /name="form_token" value="([^"]+)"/.exec(await page.text()) ?? []
  return fetch(new URL(path, url), {
    ...{ method: 'POST', redirect: 'manual' },
    body: new URLSearchParams({ form_token, ...fields }),
    headers: { cookie, origin: url, 'sec-fetch-site': 'same-origin' },
  })
}

async function read(response: Response): Promise<Shown> {
  const body = await response.text()
  const main = /<main[^]*<\/main>/.exec(body)?.[0] ?? body
  const text = main
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/&(lt|gt|quot|amp|#39|#x27);/g, (_, name: string) => entities[name] ?? '')
  return { status: response.status, location: response.headers.get('location'), body, text }
}

const entities: Record<string, string> = { lt: '<', gt: '>', quot: '"', amp: '&', '#39': "'", '#x27': "'" }

/** A browser that is signed in. */
export async function openDeskBrowser(edge: TestEdge, cookie: string): Promise<WatchedPage> {
  const browser = await openWatchedPage(edge.url)
  await useSession(browser.page, edge.url, cookie)
  return browser
}

/** Fails unless a page is as it should be at every width, light and dark. */
export async function expectGoodPage(browser: WatchedPage, url: string, status = 200): Promise<void> {
  expect(await violationsOf(browser, url, status)).toEqual([])
}
