import { once } from 'node:events'
import { type IncomingMessage, request as send } from 'node:http'
import { connect, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { TransientError } from '#runtime/calls/retry.ts'
import { sendRaw } from '../../../test/harness/edge/send-raw.ts'
import { emptyDoc as doc, plainDeps, serveApp } from '../../../test/harness/edge/serve-app.ts'
import { HttpError } from '../http/http-error.ts'
import { json } from '../http/response.ts'
import { type AppDeps, createApp } from './app.ts'
import { createBodyReader } from './body.ts'
import type { Route } from './route.ts'

const viewerKey = `Bearer parma_${'x'.repeat(43)}`
const caller = { sourceId: 7, taskId: null, run: 'r', exp: 0 }
const scheduled = vi.fn()
const received = vi.fn()
const fail = (error: unknown) => () => {
  throw error
}

const routes: Route[] = [
  {
    method: 'get',
    path: '/schedule',
    role: 'anyone',
    doc,
    handle: () => (scheduled(), { status: 200, headers: {}, body: null }),
  },
  {
    method: 'get',
    path: '/mine/:id',
    role: 'source',
    doc,
    handle: ({ params, query }, { sourceId }) => json(200, { params, query, sourceId }),
  },
  {
    method: 'post',
    path: '/mine',
    role: 'source',
    doc,
    handle: async ({ readBody }) => json(201, { size: (await readBody()).length }),
  },
  { method: 'delete', path: '/mine', role: 'source', doc, handle: () => json(200, 'gone') },
  {
    method: 'get',
    path: '/maybe',
    role: 'maybe-source',
    doc,
    handle: (_, who) => json(200, who?.sourceId ?? 'nobody'),
  },
  { method: 'get', path: '/broken', role: 'anyone', doc, handle: fail(new Error('secret detail')) },
  {
    method: 'get',
    path: '/away',
    role: 'anyone',
    doc,
    handle: fail(new TransientError('postgres://user:password@host')),
  },
  { method: 'get', path: '/api/v1/look', role: 'viewer', doc, handle: (_, { name }) => json(200, name) },
  { method: 'get', path: '/feeds/mine', role: 'anyone', doc, handle: () => json(200, 'feed') },
  { method: 'post', path: '/api/v1/act', role: 'operator', doc, handle: () => json(200, 'done') },
  {
    method: 'get',
    path: '/api/v1/own',
    role: 'viewer-or-source',
    doc,
    handle: (_, who) => json(200, 'sourceId' in who ? who.sourceId : who.name),
  },
  { method: 'get', path: '/api/v1/broken', role: 'anyone', doc, handle: fail(new Error('secret detail')) },
  {
    method: 'get',
    path: '/api/v1/away',
    role: 'anyone',
    doc,
    handle: fail(new TransientError('postgres://u:p@host')),
  },
  {
    method: 'get',
    path: '/refused',
    role: 'anyone',
    doc,
    handle: fail(new HttpError(422, [{ type: 'missing' }], { 'x-one': 'two' })),
  },
]

const bodies = createBodyReader({ maxBytes: 1000, maxBufferedBytes: 2500 })

const deps = {
  ...plainDeps(0),
  async checkToken(header) {
    if (header !== 'good') throw new HttpError(401, 'no')
    return caller
  },
  async checkApiKey(header, role) {
    if (header !== viewerKey) throw new HttpError(401, 'no')
    if (role === 'operator') throw new HttpError(403, 'no operator')
    return { keyId: 5, name: 'console', role: 'viewer' }
  },
  isKnownApiKey: async () => false,
  bodies: {
    ...bodies,
    readBody(request) {
      received(request.url)
      return bodies.readBody(request)
    },
  },
} satisfies AppDeps
let url = ''

beforeAll(async () => {
  url = (await serveApp(createApp(routes, deps))).url
})

const ask = (path: string, init: RequestInit = {}) => fetch(url + path, init)
const token = { authorization: 'good' }

describe('errors have the form of the predecessor', () => {
  test('unknown path', async () => {
    const answer = await ask('/nothing')
    expect([answer.status, await answer.text()]).toEqual([404, '{"detail":"Not Found"}'])
  })

  test.each(['/%ff', '/mine/%ff', '/mine/%', '/Schedule', '//schedule', '/../schedule/x'])('path %s', async (path) => {
    const text = await sendRaw(
      url,
      `GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: good\r\nconnection: close\r\n\r\n`,
    )
    expect(text).toMatch(/^HTTP\/1.1 404 /)
    expect(text).toContain('{"detail":"Not Found"}')
  })

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'HEAD'])(
    '%s on a route that only has GET',
    async (method) => {
      const answer = await ask('/schedule', { method })
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET'])
      expect(await answer.text()).toBe(method === 'HEAD' ? '' : '{"detail":"Method Not Allowed"}')
      expect(scheduled).not.toHaveBeenCalled()
    },
  )

  test('405 names every method of the path', async () => {
    expect((await ask('/mine')).headers.get('allow')).toBe('POST, DELETE')
  })

  test('an unexpected error shows no details', async () => {
    const answer = await ask('/broken')
    expect(answer.status).toBe(500)
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(await answer.text()).toBe('Internal Server Error')
  })

  test('an outage is 503, and shows no details either', async () => {
    const answer = await ask('/away')
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5'])
    expect(await answer.json()).toEqual({ detail: 'Part of the system is not available.' })
  })

  test('an HttpError becomes its detail, with its headers', async () => {
    const answer = await ask('/refused')
    expect([answer.status, answer.headers.get('x-one'), await answer.json()]).toEqual([
      422,
      'two',
      { detail: [{ type: 'missing' }] },
    ])
  })
})

describe('answers', () => {
  test('an empty one has no content type', async () => {
    const answer = await ask('/schedule')
    expect([answer.status, answer.headers.get('content-type'), answer.headers.get('content-length')]).toEqual([
      200,
      null,
      '0',
    ])
  })

  test('of reads under /api/v1 and of feeds have a tag, and are 304 for whoever has it', async () => {
    const get = async (path: string, headers = {}) => ask(path, { headers: { authorization: viewerKey, ...headers } })
    for (const path of ['/api/v1/look', '/feeds/mine']) {
      const etag = (await get(path)).headers.get('etag')
      expect([path, etag]).toEqual([path, expect.stringMatching(/^"[\w-]{27}"$/)])
      const again = await get(path, { 'if-none-match': etag })
      expect([path, again.status, await again.text()]).toEqual([path, 304, ''])
    }
    expect((await ask('/maybe')).headers.get('etag')).toBeNull()
  })

  test('every one has the headers of helmet and none of Express', async () => {
    const { headers } = await ask('/nothing')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('content-security-policy')).toContain("default-src 'self'")
    expect(headers.get('x-powered-by')).toBeNull()
    expect(headers.get('etag')).toBeNull()
  })

  test('a route gets its parameters, the last value of each in the query, and the caller', async () => {
    const answer = await ask('/mine/a%20b?x=1&y=%C3%A9+z&x=2?3', { headers: token })
    expect(await answer.json()).toEqual({ params: { id: 'a b' }, query: { x: '2?3', y: 'é z' }, sourceId: 7 })
  })
})

describe('who may call', () => {
  test('a route of sources rejects before it receives the body', async () => {
    const answer = await ask('/mine', { method: 'POST', body: '{}' })
    expect([answer.status, await answer.json()]).toEqual([401, { detail: 'no' }])
    expect(received).not.toHaveBeenCalled()
  })

  test('an optional token must be valid', async () => {
    expect(await (await ask('/maybe')).json()).toBe('nobody')
    expect(await (await ask('/maybe', { headers: token })).json()).toBe(7)
    expect((await ask('/maybe', { headers: { authorization: 'bad' } })).status).toBe(401)
  })
})

describe('the operator API', () => {
  const authorization = viewerKey

  test("accepts keys of the route's role, and tokens only on routes for both", async () => {
    expect(await (await ask('/api/v1/look', { headers: { authorization } })).json()).toBe('console')
    expect(await (await ask('/api/v1/own', { headers: { authorization } })).json()).toBe('console')
    expect(await (await ask('/api/v1/own', { headers: token })).json()).toBe(7)
    const refused = await Promise.all([
      ask('/api/v1/look'),
      ask('/api/v1/look', { headers: token }),
      ask('/api/v1/act', { method: 'POST', headers: { authorization } }),
      ask('/api/v1/own'),
      ask('/api/v1/own', { headers: { authorization: 'bad' } }),
    ])
    expect(refused.map(({ status }) => status)).toEqual([401, 401, 403, 401, 401])
  })

  test.each<[string, string, number, string]>([
    ['GET', '/api/v1/look', 401, 'unauthenticated'],
    ['GET', '/api/v1/nothing', 404, 'not-found'],
    ['GET', '/api/v1/%ff', 404, 'not-found'],
    ['GET', '/api/v1', 404, 'not-found'],
    ['DELETE', '/api/v1/look', 405, 'method-not-allowed'],
    ['GET', '/api/v1/away', 503, 'unavailable'],
    ['GET', '/api/v1/broken', 500, 'unexpected'],
  ])('%s %s is the problem %i', async (method, path, status, type) => {
    const answer = await ask(path, { method })
    const text = await answer.text()
    expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'application/problem+json'])
    expect(JSON.parse(text)).toMatchObject({ type: `urn:parma:problem:${type}`, status, instance: path })
    expect(text).not.toMatch(/secret|postgres|\.ts/)
    expect(answer.headers.get('retry-after')).toBe(status === 503 ? '5' : null)
    expect(answer.headers.get('allow')).toBe(status === 405 ? 'GET' : null)
  })
})

test('a response that nobody receives is aborted after its timeout', async () => {
  const large: Route = {
    method: 'get',
    path: '/large',
    role: 'anyone',
    doc,
    handle: () => json(200, 'x'.repeat(5e7)),
  }
  const { url, server } = await serveApp(createApp([large], { ...deps, responseTimeoutMs: 100 }))
  const socket = connect(Number(new URL(url).port), '127.0.0.1').pause()
  socket.write('GET /large HTTP/1.1\r\nhost: x\r\n\r\n')
  const [open] = (await once(server, 'connection')) as [Socket]
  await once(open, 'close')
  socket.on('error', () => undefined).resume()
  await once(socket, 'close')
  expect(socket.bytesRead).toBeLessThan(5e7)
})

describe('bodies', () => {
  const post = (body: string | Buffer, headers: Record<string, string> = {}) =>
    ask('/mine', { method: 'POST', body, headers: { ...token, ...headers } })

  /** Sends a body without a content-length. */
  async function postChunked(
    chunks: (string | Buffer)[],
    headers: Record<string, string> = {},
  ): Promise<[number, string]> {
    const request = send(`${url}/mine`, { method: 'POST', headers: { ...token, ...headers } })
    const answered = once(request, 'response')
    for (const chunk of chunks) request.write(chunk)
    request.end()
    const [response] = (await answered) as [IncomingMessage]
    let text = ''
    for await (const chunk of response.setEncoding('utf8')) text += chunk
    return [response.statusCode ?? 0, text]
  }
  const tooLarge = '{"detail":"The body is larger than 1000 bytes."}'

  test('up to the limit are read, one byte more is rejected, in any transfer', async () => {
    expect(await (await post('x'.repeat(1000))).json()).toEqual({ size: 1000 })
    const refused = await post('x'.repeat(1001))
    expect([refused.status, await refused.text()]).toEqual([413, tooLarge])
    expect(await postChunked(['x'.repeat(999), 'x'])).toEqual([201, '{"size":1000}'])
    expect(await postChunked(['x'.repeat(999), 'xx'])).toEqual([413, tooLarge])
    expect(await postChunked(Array.from({ length: 200 }, () => 'x'.repeat(1000)))).toEqual([413, tooLarge])
  })

  test('are unpacked before they are measured', async () => {
    const gzip = { 'content-encoding': 'gzip' }
    expect(await (await post(gzipSync('x'.repeat(1000)), gzip)).json()).toEqual({ size: 1000 })
    expect((await post(gzipSync('x'.repeat(1001)), gzip)).status).toBe(413)
    const bomb = gzipSync(Buffer.alloc(20_000_000))
    expect((await postChunked([bomb], gzip))[0]).toBe(413)
    const refused = async (body: string | Buffer, encoding: string) => {
      const response = await post(body, { 'content-encoding': encoding })
      return [response.status, ((await response.json()) as { detail: string }).detail]
    }
    const isNot = 'as its content-encoding says:'
    expect(await refused('no gzip', 'gzip')).toEqual([
      400,
      `The body is not gzip, ${isNot} incorrect header check within the first 7 bytes.`,
    ])
    expect(await refused('no br', 'br')).toEqual([400, expect.stringMatching(/^The body is not br, as its .* 5 bytes/)])
    expect(await refused('no deflate', 'Deflate')).toEqual([400, expect.stringMatching(/^The body is not deflate, /)])
    const damaged = gzipSync('damaged')
    damaged.writeUInt32LE(0, damaged.length - 8)
    expect(await refused(damaged, 'x-gzip')).toEqual([
      400,
      `The body is not x-gzip, ${isNot} incorrect data check within the first ${damaged.length} bytes.`,
    ])
    expect(await refused(gzipSync('cut off').subarray(0, 15), 'gzip')).toEqual([
      400,
      'The body ends after 15 bytes, in the middle of its gzip.',
    ])
    expect((await post('x', { 'content-encoding': 'constructor' })).status).toBe(415)
    expect((await post('x', { 'content-encoding': 'gzip, gzip' })).status).toBe(415)
  })

  test('that are cut off, or that are too many, leave no memory behind', async () => {
    const { port } = new URL(url)
    const start = `POST /mine HTTP/1.1\r\nhost: x\r\nauthorization: good\r\ncontent-length: 1000\r\n\r\n${'x'.repeat(900)}`
    const open = [1, 2].map(() => connect(Number(port), '127.0.0.1'))
    for (const socket of open) socket.write(start)
    await vi.waitFor(async () => expect((await post('x'.repeat(1000))).status).toBe(503))
    for (const socket of open) socket.destroy()
    await vi.waitFor(async () => expect((await post('x'.repeat(1000))).status).toBe(201))
  })

  test('a connection serves the next request after an error', async () => {
    const { port } = new URL(url)
    const socket = connect(Number(port), '127.0.0.1').setEncoding('utf8')
    let text = ''
    socket.on('data', (chunk: string) => (text += chunk))
    socket.write(
      `POST /mine HTTP/1.1\r\nhost: x\r\nauthorization: good\r\ncontent-length: 2000\r\n\r\n${'x'.repeat(2000)}`,
    )
    socket.write('GET /maybe HTTP/1.1\r\nhost: x\r\n\r\n')
    await vi.waitFor(() => expect(text).toMatch(/413 [^]*"nobody"/))
    socket.destroy()
  })
})
