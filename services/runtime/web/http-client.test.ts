import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type LookupFunction, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createHttpClient, type HttpClientOptions, type HttpFailure, type HttpRequest } from './http-client.ts'

const loopback = { allowedPrivateNetworks: ['127.0.0.0/8'] }
const ask = { method: 'GET', timeoutMs: 5000, maxBytes: 1000 } as const

/** Answers every name with the next of `answers`, the last one for ever; counts the questions. */
function names(...answers: string[][]): LookupFunction & { asked: string[] } {
  const asked: string[] = []
  const lookup: LookupFunction = (name, _, done) => {
    const addresses = answers[Math.min(asked.push(name), answers.length) - 1] ?? []
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )
  }
  return Object.assign(lookup, { asked })
}

function client(options: HttpClientOptions) {
  const one = createHttpClient(options)
  onTestFinished(() => one[Symbol.asyncDispose]())
  return one
}

async function failureOf(options: HttpClientOptions, request: HttpRequest): Promise<[HttpFailure, string]> {
  const error: unknown = await client(options)
    .request(request)
    .catch((one: unknown) => one)
  expect(error).toMatchObject({ name: 'HttpClientError' })
  const { reason, message } = error as { reason: HttpFailure; message: string }
  return [reason, message]
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A TCP server that hands each connection to `speak`, and what was said to it. */
async function listen(speak: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    sockets.add(socket.on('error', () => undefined))
    speak(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('addresses', () => {
  test.each([
    ...[
      'http://127.0.0.1',
      'http://127.1',
      'http://0x7f.1',
      'http://2130706433',
      'http://017700000001',
      'http://0.0.0.0',
    ],
    ...['http://[::1]', 'http://[::ffff:7f00:1]', 'http://[::ffff:127.0.0.1]', 'http://[::]', 'http://[fd00::1]'],
    ...['http://169.254.169.254/latest/meta-data', 'http://10.0.0.1', 'https://192.168.0.1'],
  ])('%s is refused before any connection', async (url) => {
    const [reason, message] = await failureOf({ allowedPrivateNetworks: [] }, { ...ask, url })
    expect(reason).toBe('address-refused')
    expect(message).toContain(new URL(url).hostname.replace(/^\[|\]$/g, ''))
    expect(message).toContain('ALLOWED_PRIVATE_NETWORKS')
  })

  test.each(['http://localhost', 'http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ'])('%s is refused, as the system resolves it', async (url) => {
    expect((await failureOf({ allowedPrivateNetworks: [] }, { ...ask, url }))[0]).toBe('address-refused')
  })

  test('a name that resolves into a private network is refused, naming both', async () => {
    const lookup = names(['127.0.0.1'])
    const [reason, message] = await failureOf(
      { allowedPrivateNetworks: [], lookup },
      { ...ask, url: 'http://127-0-0-1.nip.example' },
    )
    expect(reason).toBe('address-refused')
    expect(message).toMatch(/^127-0-0-1\.nip\.example \(127\.0\.0\.1\) /)
  })

  test('of several addresses only those that may be called are', async () => {
    const address = await serve((_, response) => response.end('here'))
    const lookup = names(['10.0.0.1', '127.0.0.1', '::1'])
    const answer = await client({ ...loopback, lookup }).request({
      ...ask,
      url: `http://module.example:${address.split(':')[1]}`,
    })
    expect(answer.body.toString()).toBe('here')
  })

  test('a name that turns to another address is judged again', async () => {
    const address = await serve((_, response) => response.end('here'))
    const lookup = names(['127.0.0.1'], ['169.254.169.254'])
    const one = client({ ...loopback, lookup })
    const url = `http://module.example:${address.split(':')[1]}`
    expect((await one.request({ ...ask, url })).status).toBe(200)
    await expect(one.request({ ...ask, url })).rejects.toMatchObject({ reason: 'address-refused' })
    expect(lookup.asked).toEqual(['module.example', 'module.example'])
  })

  test('a name without an address is refused', async () => {
    expect((await failureOf({ ...loopback, lookup: names([]) }, { ...ask, url: 'http://module.example' }))[0]).toBe(
      'address-refused',
    )
  })

  test('an unknown name is said to be unknown', async () => {
    const lookup: LookupFunction = (_, __, done) =>
      done(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }), [])
    expect((await failureOf({ ...loopback, lookup }, { ...ask, url: 'http://module.example' }))[0]).toBe(
      'name-not-found',
    )
  })

  test.each(['', 'module', 'ftp://127.0.0.1', 'file:///etc/passwd', 'data:,x', 'http://user:secret@127.0.0.1'])(
    '%j is no address',
    async (url) => {
      const [reason, message] = await failureOf(loopback, { ...ask, url })
      expect(reason).toBe('bad-url')
      expect(message).not.toContain('secret')
    },
  )
})

describe('answers', () => {
  test('sends method, headers and body, and gives back status and bytes', async () => {
    const seen = vi.fn()
    const address = await serve((request, response) => {
      request.setEncoding('utf8').on('data', (body: string) => {
        seen(request.method, request.url, request.headers['authorization'], body)
        response.writeHead(201, { 'x-one': 'two' }).end('["ok"]')
      })
    })
    const answer = await client(loopback).request({
      ...ask,
      method: 'POST',
      url: `http://${address}/companies?a=b`,
      headers: { authorization: 'Bearer x' },
      body: '{"task_id":1}',
    })
    expect(seen).toHaveBeenCalledExactlyOnceWith('POST', '/companies?a=b', 'Bearer x', '{"task_id":1}')
    expect(answer).toMatchObject({ status: 201, headers: { 'x-one': 'two' }, body: Buffer.from('["ok"]') })
  })

  test.each([404, 500])('status %i is an answer', async (status) => {
    const address = await serve((_, response) => response.writeHead(status).end('no'))
    expect(await client(loopback).request({ ...ask, url: `http://${address}` })).toMatchObject({
      status,
      body: Buffer.from('no'),
    })
  })

  test('a redirect is not followed', async () => {
    const hits = vi.fn()
    const address = await serve((request, response) => {
      hits(request.url)
      response.writeHead(302, { location: '/elsewhere' }).end()
    })
    expect((await failureOf(loopback, { ...ask, url: `http://${address}/` }))[0]).toBe('redirect')
    expect(hits).toHaveBeenCalledExactlyOnceWith('/')
  })

  test.each([
    ['said in advance', (size: number) => ({ 'content-length': String(size) })],
    ['not said in advance', () => ({})],
  ])('an answer of maxBytes is read, one of a byte more is not: %s', async (_, headers) => {
    let size = 0
    const address = await serve((__, response) => response.writeHead(200, headers(size)).end('x'.repeat(size)))
    const one = client(loopback)
    size = ask.maxBytes
    expect((await one.request({ ...ask, url: `http://${address}` })).body).toHaveLength(size)
    size++
    await expect(one.request({ ...ask, url: `http://${address}` })).rejects.toMatchObject({ reason: 'too-large' })
  })

  test('an endless answer ends at maxBytes and closes the connection', async () => {
    const closed = vi.fn()
    const address = await serve((_, response) => {
      const write = () => void (response.write('x'.repeat(200)) && setImmediate(write))
      response.on('drain', write).on('close', closed)
      write()
    })
    expect((await failureOf(loopback, { ...ask, url: `http://${address}` }))[0]).toBe('too-large')
    await vi.waitFor(() => expect(closed).toHaveBeenCalled())
  })

  test('where the status decides, it is an answer whatever the body does', async () => {
    const address = await serve((request, response) => {
      if (request.url === '/moved') response.writeHead(301, { location: '/elsewhere' }).end('moved')
      else if (request.url === '/large') response.writeHead(200).end('x'.repeat(200_000))
      else response.writeHead(202, { 'content-length': 10 }).write('xy', () => setImmediate(() => response.destroy()))
    })
    const one = client(loopback)
    const answerOf = (path: string) => one.request({ ...ask, url: `http://${address}${path}`, statusDecides: true })
    expect(await answerOf('/moved')).toMatchObject({ status: 301, body: Buffer.from('moved') })
    expect(await answerOf('/broken')).toMatchObject({ status: 202, body: Buffer.from('xy') })
    const { status, body } = await answerOf('/large')
    expect([status, body.length <= ask.maxBytes]).toEqual([200, true])
  })

  test('a compressed answer is not unpacked', async () => {
    const address = await serve((request, response) => {
      response.setHeader('content-encoding', 'gzip').end(String(request.headers['accept-encoding']))
    })
    expect((await client(loopback).request({ ...ask, url: `http://${address}` })).body.toString()).toBe('undefined')
  })
})

describe('time', () => {
  const brief = { ...ask, timeoutMs: 300 }

  test('a server that says nothing ends at the deadline', async () => {
    const address = await listen(() => undefined)
    expect((await failureOf(loopback, { ...brief, url: `http://${address}` }))[0]).toBe('timeout')
  })

  test('drops that trickle in do not move the deadline', async () => {
    const address = await serve((_, response) => {
      const timer = setInterval(() => response.write('.'), 20)
      response.on('close', () => clearInterval(timer))
    })
    expect((await failureOf(loopback, { ...brief, url: `http://${address}` }))[0]).toBe('timeout')
  })

  test('a look-up that never answers ends at the deadline', async () => {
    expect(
      (
        await failureOf(
          { ...loopback, connectTimeoutMs: 1000, lookup: () => undefined },
          { ...brief, url: 'http://module.example' },
        )
      )[0],
    ).toBe('timeout')
  })

  test('a connection that is not made ends at its own deadline', async () => {
    const options = { ...loopback, connectTimeoutMs: 200, lookup: (() => undefined) as LookupFunction }
    expect((await failureOf(options, { ...ask, url: 'http://module.example' }))[0]).toBe('connect')
  })

  test('the caller can give it up', async () => {
    const address = await listen(() => undefined)
    const stop = new AbortController()
    const failure = failureOf(loopback, { ...ask, url: `http://${address}`, signal: stop.signal })
    stop.abort()
    expect((await failure)[0]).toBe('aborted')
  })
})

describe('broken servers', () => {
  test('nobody listens', async () => {
    const address = await listen((socket) => socket.destroy())
    const free = createTcpServer().listen(0, '127.0.0.1')
    await once(free, 'listening')
    const { port } = free.address() as AddressInfo
    await new Promise((done) => free.close(done))
    expect((await failureOf(loopback, { ...ask, url: `http://127.0.0.1:${port}` }))[0]).toBe('connect')
    expect((await failureOf(loopback, { ...ask, url: `http://${address}` }))[0]).toBe('broken')
  })

  test('no TLS where the address says https', async () => {
    const address = await listen((socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')))
    const [reason, message] = await failureOf(loopback, { ...ask, url: `https://${address}` })
    expect([reason, message]).toEqual(['tls', 'no TLS connection: wrong version number'])
  })

  test.each([
    ['no HTTP', 'hello\r\n\r\n'],
    ['cut in the body', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'],
    ['headers without end', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}`],
  ])('%s', async (_, text) => {
    const address = await listen((socket) => socket.once('data', () => socket.end(text)))
    expect((await failureOf(loopback, { ...ask, url: `http://${address}` }))[0]).toBe('broken')
  })
})

describe('certificates', () => {
  const dir = mkdtempSync(join(tmpdir(), 'certificate-'))
  const [store, passphrase] = [join(dir, 'store.p12'), 'changeit']
  const keytool = (...args: string[]) =>
    execFileSync('keytool', [...args, '-alias', 'module', '-keystore', store, '-storepass', passphrase], {
      stdio: 'pipe',
    })
  keytool(
    '-genkeypair',
    '-keyalg',
    'EC',
    '-validity',
    '2',
    '-dname',
    'CN=module.example',
    '-ext',
    'san=dns:module.example',
  )
  const ca = keytool('-exportcert', '-rfc').toString()

  async function serveTls(): Promise<string> {
    const server = createTlsServer({ pfx: readFileSync(store), passphrase }, (_, response) => response.end('safe'))
    server.on('tlsClientError', () => undefined).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    return String((server.address() as AddressInfo).port)
  }
  const lookup = names(['127.0.0.1'])

  test('one that nobody vouches for is refused', async () => {
    expect(
      (await failureOf({ ...loopback, lookup }, { ...ask, url: `https://module.example:${await serveTls()}` }))[0],
    ).toBe('tls')
  })

  test('a private authority can be trusted, for its own names only', async () => {
    const options = { ...loopback, lookup, ca }
    const port = await serveTls()
    const answer = await client(options).request({ ...ask, url: `https://module.example:${port}` })
    expect(answer.body.toString()).toBe('safe')
    expect((await failureOf(options, { ...ask, url: `https://other.example:${port}` }))[0]).toBe('tls')
    expect((await failureOf(options, { ...ask, url: `https://127.0.0.1:${port}` }))[0]).toBe('tls')
  })
})

test('http:// is refused but for hosts named, before anything is sent', async () => {
  let calls = 0
  const server = createServer((_, response) => {
    calls++
    response.end('plain')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/`
  const strict = (httpHosts: string[]) => ({ ...loopback, httpHosts })
  for (const hosts of [[], ['localhost'], [`127.0.0.1:${port + 1}`], ['0.0.1']])
    expect((await failureOf(strict(hosts), { ...ask, url }))[0]).toBe('bad-url')
  expect(calls).toBe(0)
  for (const hosts of [['127.0.0.1'], [`127.0.0.1:${port}`]])
    expect((await client(strict(hosts)).request({ ...ask, url })).body.toString()).toBe('plain')
})
