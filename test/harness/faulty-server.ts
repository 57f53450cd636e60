import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { serve } from './serve.ts'

export type HttpCall = { method: string; path: string; search: string; headers: IncomingHttpHeaders; body: string }
export type Reply = { status: number; headers?: Record<string, string>; body?: string }

/**
 * What happens to a call: `pass` handles and answers it; `keep-answer` and `lose-answer` handle it and send nothing,
 * or close the connection; `lose-call` closes the connection unhandled; `hang` does nothing; a reply is sent in place
 * of handling it.
 */
export type Fate = 'pass' | 'keep-answer' | 'lose-answer' | 'lose-call' | 'hang' | Reply

/**
 * Resolves with the address of an HTTP server that asks `decide` about each call and gives `handle` those that pass.
 */
export async function startFaultyServer(
  handle: (call: HttpCall) => Reply,
  decide: (call: HttpCall) => Fate,
): Promise<string> {
  return serve(async (request, response) => {
    const body = await text(request).catch(() => null)
    // The client was killed, or cut its request.
    if (body === null) return
    const { pathname, search } = new URL(request.url ?? '/', 'http://stand-in')
    const call = { method: request.method ?? '', path: pathname, search, headers: request.headers, body }
    const fate = decide(call)
    if (typeof fate === 'object') return send(response, fate)
    if (fate === 'hang') return
    if (fate === 'lose-call') return void request.socket.destroy()
    const reply = handle(call)
    if (fate === 'pass') send(response, reply)
    if (fate === 'lose-answer') request.socket.destroy()
  })
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
