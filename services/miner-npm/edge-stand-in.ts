import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { SignJWT } from 'jose'

/** The secret that tests share with the module. */
export const secret = 'a secret of the installation, long enough'

type Call = { path: string; authorization: string | undefined; body: Record<string, unknown> }
type Reply = { status: number; headers?: Record<string, string>; body?: unknown }

/**
 * What a module sees of parma-analytics, for tests. It records each call and answers by the contract, or as `replyTo`
 * does.
 */
export type EdgeStandIn = {
  url: string
  calls: Call[]
  /** The most calls that were open at once. */
  mostOpen: number
  replyTo: (call: Call) => Reply | undefined | Promise<undefined>
  fed(): Record<string, unknown>[]
  close(): Promise<void>
}

export async function startEdge(): Promise<EdgeStandIn> {
  let open = 0
  const edge: EdgeStandIn = {
    url: '',
    calls: [],
    mostOpen: 0,
    replyTo: () => undefined,
    fed: () => edge.calls.filter(({ path }) => path === '/feed-raw-data').map(({ body }) => body),
    close: () => closeServer(server),
  }

  async function answer(request: IncomingMessage): Promise<Reply> {
    const { url: path = '', headers } = request
    const call = { path, authorization: headers.authorization, body: (await json(request)) as Record<string, unknown> }
    edge.calls.push(call)
    const asked = await edge.replyTo(call)
    if (asked) return asked
    if (path === '/source-measurement') return { status: 201, body: { id: 100 + edge.calls.length } }
    if (path === '/crawling-finished') return { status: 201, body: { ...call.body, return_message: 'finished' } }
    return { status: 201, body: { return_message: 'Raw data received and saved. ' } }
  }

  const server = createServer((request, response) => {
    edge.mostOpen = Math.max(edge.mostOpen, ++open)
    void answer(request).then(({ status, headers, body }) => {
      open--
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
    })
  }).listen(0, '127.0.0.1')
  edge.url = await addressOf(server)
  return edge
}

/**
 * A token as parma-analytics mints it: the outer one signed by `key`, the inner one by a secret that no module knows.
 */
export async function mint(key = secret, sourceId = 7, expiresIn = '30m', alg = 'HS256'): Promise<string> {
  const sign = (claims: Record<string, unknown>, by: string) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg, typ: 'JWT' })
      .setExpirationTime(expiresIn)
      .sign(new TextEncoder().encode(by))
  return sign({ sourcing_id: await sign({ sourcing_id: sourceId }, key.repeat(2)) }, key)
}

/** Calls a module as parma-analytics does: a GET without a body, else a POST; text goes out as it is. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers are judged by the tests
export async function callModule(url: string, body?: unknown, token?: string): Promise<{ status: number; body: any }> {
  const response = await fetch(url, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token ?? (await mint())}`, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: response.status, body: await response.json() }
}

export async function addressOf(server: Server): Promise<string> {
  if (!server.listening) await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections()
  if (server.listening) await new Promise((done) => server.close(done))
}
