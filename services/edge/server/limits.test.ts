import { expect, test } from 'vitest'
import { emptyDoc as doc, plainDeps, serveApp } from '../../../test/harness/edge/serve-app.ts'
import { HttpError } from '../http/http-error.ts'
import { json } from '../http/response.ts'
import { createApp } from './app.ts'
import type { Route } from './route.ts'

const routes: Route[] = [
  { method: 'get', path: '/', role: 'anyone', doc, handle: () => json(200, 'open') },
  { method: 'get', path: '/other', role: 'anyone', doc, handle: () => json(200, 'open') },
  { method: 'get', path: '/maybe', role: 'maybe-source', doc, handle: () => json(200, 'maybe') },
  { method: 'get', path: '/source', role: 'source', doc, handle: () => json(200, 'source') },
  { method: 'get', path: '/api/v1/look', role: 'viewer', doc, handle: () => json(200, 'looked') },
]

/** Calls an edge behind one proxy that allows two requests of each kind. A token is the id of its source. */
async function startApp() {
  const app = createApp(routes, {
    async checkToken(header) {
      if (!Number(header)) throw new HttpError(401, 'no')
      return { sourceId: Number(header), taskId: null, run: '', exp: 0 }
    },
    async checkApiKey(header) {
      if (!header?.startsWith('key')) throw new HttpError(401, 'no')
      return { keyId: Number(header.slice(3)), name: '', role: 'viewer' }
    },
    isKnownApiKey: async (header) => header === 'key7',
    ...plainDeps(2),
    trustProxy: 1,
  })
  const { url } = await serveApp(app)
  return (path: string, authorization = '', address = '192.0.2.1') =>
    fetch(url + path, {
      headers: { 'x-forwarded-for': address, ...(authorization && { authorization }) },
    })
}

async function statuses(times: number, ask: () => Promise<Response>): Promise<number[]> {
  const found: number[] = []
  for (let n = 0; n < times; n++) found.push((await ask()).status)
  return found
}

test('requests without credentials count by address and route', async () => {
  const ask = await startApp()
  expect(await statuses(3, () => ask('/'))).toEqual([200, 200, 429])
  expect(await statuses(3, () => ask('/maybe'))).toEqual([200, 200, 429])
  expect((await ask('/other')).status).toBe(200)
  expect((await ask('/maybe', '7')).status).toBe(200)
  expect((await ask('/', '', '192.0.2.2')).status).toBe(200)
  // What a caller writes before the proxy's own entry is ignored.
  expect((await ask('/', '', '192.0.2.9, 192.0.2.1')).status).toBe(429)
})

test('the addresses of one IPv6 network count as one', async () => {
  const ask = await startApp()
  const found: number[] = []
  for (const host of ['1', '2', '3:4']) found.push((await ask('/', '', `2001:db8:0:1::${host}`)).status)
  expect(found).toEqual([200, 200, 429])
})

test('requests of a source count together, and so do those of a key', async () => {
  const ask = await startApp()
  let addresses = 0
  const address = () => `192.0.2.${++addresses}`
  expect(await statuses(3, () => ask('/source', '7', address()))).toEqual([200, 200, 429])
  expect((await ask('/source', '8')).status).toBe(200)
  expect(await statuses(3, () => ask('/api/v1/look', 'key7', address()))).toEqual([200, 200, 429])
  expect((await ask('/api/v1/look', 'key8')).status).toBe(200)
})

test('invalid credentials count by address; valid tokens and known keys still pass, strange keys are not looked up', async () => {
  const ask = await startApp()
  expect(await statuses(3, () => ask('/source', 'bad'))).toEqual([401, 401, 429])
  expect((await ask('/source', '7')).status).toBe(200)
  expect((await ask('/api/v1/look', 'key7')).status).toBe(200)
  expect((await ask('/api/v1/look', 'key8')).status).toBe(429)
  expect((await ask('/api/v1/look', 'key8', '192.0.2.2')).status).toBe(200)
})

test('a response shows the limit, and a 429 how long to wait', async () => {
  const told = ({ headers }: Response) =>
    ['policy', 'limit', 'remaining', 'reset'].map((name) => headers.get(`ratelimit-${name}`))
  const ask = await startApp()
  const first = await ask('/')
  expect(told(first)).toEqual(['2;w=60', '2', '1', expect.stringMatching(/^\d+$/)])
  expect(first.headers.get('retry-after')).toBeNull()
  await ask('/')
  const refused = await ask('/')
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(told(refused)).toEqual(['2;w=60', '2', '0', expect.stringMatching(/^\d+$/)])
  expect(await refused.json()).toEqual({ detail: 'Too many requests without credentials: at most 2 per minute.' })
  await statuses(3, () => ask('/source', 'bad'))
  const locked = await ask('/api/v1/look', 'key8')
  expect(Number(locked.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(told(locked)).toEqual(['2;w=60', '2', '0', locked.headers.get('retry-after')])
  expect(await locked.json()).toMatchObject({ type: 'urn:parma:problem:too-many-requests', status: 429 })
})
