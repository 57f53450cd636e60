import { beforeAll, describe, expect, test } from 'vitest'
import { emptyDoc as doc, plainDeps, serveApp } from '../../../test/harness/edge/serve-app.ts'
import { sendRaw } from '../../../test/harness/edge/send-raw.ts'
import { sessionCookie } from '../access/session-token.ts'
import type { Session } from '../access/sessions.ts'
import { HttpError } from '../http/http-error.ts'
import { json } from '../http/response.ts'
import { type AppDeps, createApp } from './app.ts'
import type { Route } from './route.ts'

const tokens: Record<string, Session> = Object.fromEntries(
  (['viewer', 'operator', 'admin'] as const).map((role, at) => [
    role.padEnd(43, 'x'),
    { sessionId: role, userId: role === 'operator' ? null : at + 1, role, name: role, formToken: role },
  ]),
)
const cookieOf = (role: string) => `${sessionCookie}=${role.padEnd(43, 'x')}`
const apiKey = `Bearer parma_${'x'.repeat(43)}`

const changed: string[] = []
const page = (method: 'get' | 'post', role: 'person' | 'maybe-person'): Route => ({
  ...{ method, role, path: `/console/${role}`, doc },
  handle: (_: unknown, viewer: Session | null) => {
    if (method === 'post') changed.push(`${role} ${viewer?.name ?? 'nobody'}`)
    return json(200, viewer?.name ?? 'nobody')
  },
})
const routes: Route[] = [
  ...[page('get', 'person'), page('post', 'person'), page('get', 'maybe-person'), page('post', 'maybe-person')],
  { method: 'get', path: '/api/v1/look', role: 'viewer', doc, handle: (_, viewer) => json(200, viewer) },
  {
    method: 'post',
    path: '/api/v1/act',
    role: 'operator',
    doc,
    handle: (_, { name }) => {
      changed.push(`act ${name}`)
      return json(200, name)
    },
  },
]
const deps: AppDeps = {
  ...plainDeps(0),
  checkToken: () => Promise.reject(new HttpError(401, 'no token')),
  checkApiKey: async (header, role) => {
    if (header !== apiKey) throw new HttpError(401, 'no key')
    if (role === 'operator') throw new HttpError(403, 'no operator')
    return { keyId: 5, name: 'console', role: 'viewer' }
  },
  isKnownApiKey: async () => false,
  sessions: {
    find: async (header) => tokens[header?.split('=')[1] ?? ''] ?? null,
    hasSeen: (header) => (header?.split('=')[1] ?? '') in tokens,
    ownsForm: async ({ name }) => name !== 'operator',
  },
  askToSignIn: (_, method, url) => ({ status: 303, headers: { location: `ask ${method} ${url}` }, body: null }),
  publicUrl: 'https://parma.example',
}
let url = ''
beforeAll(async () => {
  url = (await serveApp(createApp(routes, deps))).url
})

type Sent = { as?: string; origin?: string | null; site?: string; key?: string; method?: string }

async function ask(path: string, { as, origin, site, key, method = 'GET' }: Sent = {}) {
  const headers: Record<string, string> = {
    ...(as !== undefined && { cookie: cookieOf(as) }),
    ...(origin !== null && origin !== undefined && { origin }),
    ...(site !== undefined && { 'sec-fetch-site': site }),
    ...(key !== undefined && { authorization: key }),
  }
  // fetch would add a header of its own.
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const text = await sendRaw(
    url,
    `${method} ${path} HTTP/1.1\r\nhost: ${new URL(url).host}\r\nconnection: close\r\ncontent-length: 0\r\n${lines.join('')}\r\n`,
  )
  const [head = '', body = ''] = text.split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), location: /^location: (.*)$/im.exec(head)?.[1], body }
}

describe('pages', () => {
  test('open for whoever has signed in', async () => {
    expect(await ask('/console/person', { as: 'viewer' })).toMatchObject({ status: 200, body: '"viewer"' })
    expect(await ask('/console/maybe-person', { as: 'viewer' })).toMatchObject({ status: 200, body: '"viewer"' })
  })

  test('others are asked to sign in, with the whole address of the page', async () => {
    for (const as of [undefined, 'stranger'])
      expect(await ask('/console/person?a=b&c=%2F', { as: as! })).toMatchObject({
        status: 303,
        location: 'ask GET /console/person?a=b&c=%2F',
      })
    expect(await ask('/console/maybe-person', { as: 'stranger' })).toMatchObject({ status: 200, body: '"nobody"' })
  })

  test('one that does not exist has the navigation of whoever has signed in', async () => {
    const { status, body } = await ask('/console/nothing', { as: 'viewer' })
    expect([status, body]).toEqual([404, expect.stringContaining('<nav aria-label="Main">')])
    for (const as of [undefined, 'stranger'])
      expect(await ask('/console/nothing', { as: as! })).toMatchObject({
        ...{ status: 404, body: expect.not.stringContaining('<nav') as string },
      })
  })

  test('an API key opens no page', async () => {
    expect((await ask('/console/person', { key: apiKey })).status).toBe(303)
  })
})

test('the form of somebody else’s page changes nothing', async () => {
  changed.length = 0
  const from = { method: 'POST', origin: new URL(url).origin }
  expect((await ask('/console/person', { ...from, as: 'operator' })).status).toBe(409)
  expect((await ask('/console/maybe-person', { ...from, as: 'operator' })).status).toBe(200)
  expect(changed).toEqual(['maybe-person operator'])
})

describe('what changes something', () => {
  const own = () => new URL(url).origin

  test.each([
    ['no origin', {}],
    ['no origin, and a site of its own', { site: 'same-origin' }],
    ['another origin', { origin: 'https://evil.example', site: 'cross-site' }],
    ['another origin that says it is the same', { origin: 'https://evil.example', site: 'same-origin' }],
    ['another port', { origin: 'http://127.0.0.1:1', site: 'same-site' }],
    ['a hidden origin', { origin: 'null', site: 'cross-site' }],
    ['a frame of another site', { origin: 'own', site: 'cross-site' }],
    ['an address that was typed', { origin: 'own', site: 'none' }],
  ])('from %s is refused, with and without a session', async (_, { origin, ...sent }: Sent) => {
    changed.length = 0
    const from = { ...sent, method: 'POST', ...(origin && { origin: origin === 'own' ? own() : origin }) }
    for (const path of ['/console/person', '/console/maybe-person', '/api/v1/act'])
      expect([path, (await ask(path, { ...from, as: 'admin' })).status]).toEqual([path, 403])
    for (const path of ['/console/person', '/console/maybe-person'])
      expect([path, (await ask(path, from)).status]).toEqual([path, 403])
    expect(changed).toEqual([])
  })

  test.each([
    ['the same host', 'own', 'same-origin'],
    ['the same host, of a browser that names no site', 'own', undefined],
    ['the address for people, behind a proxy', 'https://parma.example', 'same-origin'],
  ])('from %s is taken', async (_, origin, site) => {
    changed.length = 0
    const sent = { method: 'POST', origin: origin === 'own' ? own() : origin, ...(site !== undefined && { site }) }
    for (const path of ['/console/person', '/console/maybe-person', '/api/v1/act'])
      expect([path, (await ask(path, { ...sent, as: 'admin' })).status]).toEqual([path, 200])
    expect(changed).toEqual(['person admin', 'maybe-person admin', 'act admin'])
  })

  test('a form without a session changes nothing and is asked to sign in', async () => {
    changed.length = 0
    expect(await ask('/console/person?x=1', { method: 'POST', origin: own() })).toMatchObject({
      status: 303,
      location: 'ask POST /console/person?x=1',
    })
    expect(changed).toEqual([])
  })

  test('with an API key needs no origin', async () => {
    expect((await ask('/api/v1/act', { method: 'POST', key: apiKey })).body).toContain('no operator')
  })
})

describe('the API', () => {
  test('takes a session, and says whose it is', async () => {
    const { status, body } = await ask('/api/v1/look', { as: 'viewer' })
    expect([status, JSON.parse(body)]).toEqual([200, tokens['viewer'.padEnd(43, 'x')]])
  })

  test('a key goes before a session', async () => {
    expect(JSON.parse((await ask('/api/v1/look', { as: 'admin', key: apiKey })).body)).toEqual({
      ...{ userId: null, role: 'viewer', name: 'console' },
    })
    expect((await ask('/api/v1/look', { as: 'admin', key: 'Bearer parma_wrong' })).status).toBe(401)
  })

  test('a session that has ended is 401, and says where to sign in', async () => {
    const { status, body } = await ask('/api/v1/look', { as: 'stranger' })
    expect([status, JSON.parse(body)]).toEqual([
      401,
      expect.objectContaining({
        detail: 'The session has ended.',
        remedy: expect.stringContaining('/console/sign-in'),
      }),
    ])
  })

  test('who has too low a role is 403', async () => {
    const origin = new URL(url).origin
    expect((await ask('/api/v1/act', { method: 'POST', origin, as: 'viewer' })).status).toBe(403)
    expect((await ask('/api/v1/act', { method: 'POST', origin, as: 'operator' })).status).toBe(200)
  })
})

test('a session above its limit has the navigation, too', async () => {
  const { url: limited } = await serveApp(createApp(routes, { ...deps, limits: plainDeps(2).limits }))
  const open = async () => {
    const response = await fetch(`${limited}/console/person`, { headers: { cookie: cookieOf('viewer') } })
    return [response.status, (await response.text()).includes('<nav aria-label="Main">')]
  }
  expect([await open(), await open(), await open()]).toEqual([
    [200, false],
    [200, false],
    [429, true],
  ])
})

test('strange sessions run into the limit of their address, known ones do not', async () => {
  const { url: limited } = await serveApp(createApp(routes, { ...deps, limits: plainDeps(5).limits }))
  const statusOf = async (as: string) =>
    (await fetch(`${limited}/console/maybe-person`, { headers: { cookie: cookieOf(as) } })).status
  const strange: number[] = []
  for (let count = 0; count < 8; count++) strange.push(await statusOf(`stranger${count}`))
  expect(strange).toEqual([200, 200, 200, 200, 200, 429, 429, 429])
  expect(await statusOf('viewer')).toBe(200)
})
