import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { onCleanup } from './cleanup.ts'

export type HttpCall = { method: string; path: string; search: string; headers: IncomingHttpHeaders; body: string }
export type Reply = { status: number; headers?: Record<string, string>; body?: string }

/**
 * What becomes of a call: it is done and answered; done, its answer kept back, or lost with the connection; lost on the
 * way; taken by nobody and never answered; or not done, and answered with this.
 */
export type Fate = 'pass' | 'keep-answer' | 'lose-answer' | 'lose-call' | 'hang' | Reply

/** An HTTP server that does what `decide` says with each call, and `handle` with those that it does. Gone when the test is. */
export async function startFaultyServer(
  handle: (call: HttpCall) => Reply,
  decide: (call: HttpCall) => Fate,
): Promise<string> {
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { pathname, search } = new URL(request.url ?? '/', 'http://stand-in')
      const call = { method: request.method ?? '', path: pathname, search, headers: request.headers, body }
      const fate = decide(call)
      if (typeof fate === 'object') return send(response, fate)
      if (fate === 'hang') return
      if (fate === 'lose-call') return void request.socket.destroy()
      const reply = handle(call)
      if (fate === 'pass') send(response, reply)
      if (fate === 'lose-answer') request.socket.destroy()
    }, ignoreCutRequest)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onCleanup(async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Counts from 0 how often each key was asked for. */
export function createCounter() {
  const counts = new Map<string, number>()
  return {
    next(key: string): number {
      const nth = counts.get(key) ?? 0
      counts.set(key, nth + 1)
      return nth
    },
    of: (key: string) => counts.get(key) ?? 0,
  }
}

function send(response: ServerResponse, { status, headers = {}, body = '' }: Reply): void {
  response.writeHead(status, headers).end(body)
}

/** A client that was killed. */
const ignoreCutRequest = () => undefined
