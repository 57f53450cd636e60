import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mintToken, type TokenSecrets } from '#runtime/web/token.ts'
import { answerCall, type EdgeAnswer, type EdgeState } from './answer-call.ts'

/** A call that the module made. `text`: its body, null if it is longer than the edge takes. `at`: ms of a steady clock. */
export type EdgeCall = {
  method: string
  path: string
  query: string
  headers: IncomingMessage['headers']
  text: string | null
  answer: EdgeAnswer
  at: number
}

/** What the module does in one call to it: the token that it was given, and the calls that it made. */
export type Step = { token: string; taskId: number | null; calls: EdgeCall[] }

/** The edge as modules see it. It answers as the contract says, and keeps what it is sent in memory only. */
export type RecordingEdge = {
  url: string
  /** Begins a step: calls from now on belong to it. */
  begin(taskId?: number): Promise<Step>
  /** Resolves when the module makes a call, or after `ms`. */
  waitForCall(ms: number): Promise<void>
  close(): Promise<void>
}

/** The id of the source that modules are told. */
export const sourceId = 4711

const maxBodyBytes = 8 * 1024 * 1024
const lifetimeSeconds = 6 * 3600

export async function startRecordingEdge(host: string, port: number, shared: string): Promise<RecordingEdge> {
  const secrets: TokenSecrets = { shared, analytics: randomBytes(32).toString('hex') }
  const state: EdgeState = { secrets, sourceId, measurements: [], tasks: new Set() }
  const waiting = new Set<() => void>()
  const steps: Step[] = []

  async function take(request: IncomingMessage): Promise<EdgeAnswer> {
    const current = steps.at(-1)
    const text = await readBody(request)
    const { pathname, search } = new URL(`http://edge${request.url ?? '/'}`)
    const { method = '', headers } = request
    const answer =
      text === null
        ? { status: 413, body: { detail: 'Request body too large' } }
        : await answerCall(state, { method, path: pathname, headers, text })
    const call = { ...{ method, path: pathname, query: search, headers, text, answer }, at: performance.now() }
    const own = pathname === '/crawling-finished' ? (findRun(steps, call) ?? current) : current
    own?.calls.push(call)
    for (const wake of waiting) wake()
    return answer
  }

  const server = createServer((request, response) => {
    take(request).then(
      ({ status, body }) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      () => response.destroy(),
    )
  })
  server.listen(port, host)
  await once(server, 'listening')
  const { address, port: own, family } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${own}`,
    async begin(taskId) {
      const claims = { sourceId, jti: randomUUID(), now: Date.now(), lifetimeSeconds }
      const token = await mintToken(taskId === undefined ? claims : { ...claims, taskId }, secrets)
      if (taskId !== undefined) state.tasks.add(taskId)
      const step = { token, taskId: taskId ?? null, calls: [] }
      steps.push(step)
      return step
    },
    async waitForCall(ms) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, ms)
      waiting.add(resolve)
      await promise
      waiting.delete(resolve)
      clearTimeout(timer)
    },
    async close() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

/** The run that a late finish belongs to: by its task and its token. */
function findRun(steps: readonly Step[], { text, headers }: EdgeCall): Step | undefined {
  const [, task] = /"task_id"\s*:\s*"?(\d+)/.exec(text ?? '') ?? []
  return steps.find(({ taskId, token }) => String(taskId) === task && headers.authorization?.includes(token))
}

/** Null: it is too long. The rest is read and thrown away, so that the module gets its answer. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= maxBodyBytes) chunks.push(chunk)
  }
  return size > maxBodyBytes ? null : Buffer.concat(chunks).toString('utf8')
}
