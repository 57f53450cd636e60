import { createServer } from 'node:http'
import { once } from 'node:events'
import { Gauge } from 'prom-client'
import { withDeadline } from '../calls/deadline.ts'
import { register } from './metrics.ts'

/** Throws, or rejects, to say what is wrong. Gives a text when something is wrong but work can go on. */
type Check = () => string | void | Promise<string | void>

export type Health = {
  /** Something without which no work can be done now (a broker, a database). Its absence restarts nothing. */
  ready(name: string, check: Check): void
  /** The same for a server that others run, such as Postgres: while it is away, no record is blamed for what happens. */
  dependency(name: string, check: Check): void
  /** The names of dependencies that are away. */
  away(): Promise<string[]>
  /** Something only a restart can mend (a stuck handler). */
  live(name: string, check: Check): void
  /** From now on /readyz says 503, so that nobody sends new work, and asks no check: what checks ask is being closed. */
  drain(): void
}

let isReady: () => Promise<boolean> = () => Promise.resolve(false)

new Gauge({
  name: 'parma_ready',
  help: 'Whether the process is ready (1), as /readyz says, or not (0)',
  async collect() {
    this.set((await isReady()) ? 1 : 0)
  },
})

const checkTimeoutMs = 1500
const degraded = 'degraded: '

/**
 * /livez, /readyz (each check with its verdict as JSON, 200 or 503) and /metrics on a port of their own.
 * Until `ready` checks are registered and `started` is called, /readyz says 503.
 */
export async function startHealth(port: number, host: string): Promise<Health & AsyncDisposable & { started(): void }> {
  const checks = { ready: new Map<string, Check>(), live: new Map<string, Check>() }
  const dependencies = new Map<string, Check>()
  let state: 'starting' | 'started' | 'draining' = 'starting'

  async function judge(kind: 'ready' | 'live'): Promise<{ status: number; body: Record<string, string> }> {
    const body: Record<string, string> = { service: kind === 'ready' ? state : 'alive' }
    if (kind === 'ready' && state === 'draining') return { status: 503, body }
    await Promise.all([...checks[kind]].map(async ([name, check]) => void (body[name] = await verdict(check))))
    const isFine = (text: string) => text === 'ok' || text.startsWith(degraded)
    const failed = Object.entries(body).some(([name, text]) => name !== 'service' && !isFine(text))
    return { status: failed || (kind === 'ready' && state !== 'started') ? 503 : 200, body }
  }

  isReady = async () => (await judge('ready')).status === 200

  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0]
    const kind = path === '/livez' ? 'live' : path === '/readyz' ? 'ready' : null
    if (kind)
      judge(kind).then(
        ({ status, body }) =>
          response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
        () => response.writeHead(500).end(),
      )
    else if (path === '/metrics')
      register.metrics().then(
        (text) => response.setHeader('content-type', register.contentType).end(text),
        () => response.writeHead(500).end(),
      )
    else response.writeHead(404).end()
  }).listen(port, host)
  await once(server, 'listening')

  return {
    ready: (name, check) => void checks.ready.set(name, check),
    dependency(name, check) {
      checks.ready.set(name, check)
      dependencies.set(name, check)
    },
    async away() {
      const verdicts = await Promise.all(
        [...dependencies].map(async ([name, check]) => ({ name, is: await verdict(check) })),
      )
      return verdicts.filter(({ is }) => is !== 'ok').map(({ name }) => name)
    },
    live: (name, check) => void checks.live.set(name, check),
    started: () => void (state = 'started'),
    drain: () => void (state = 'draining'),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

async function verdict(check: Check): Promise<string> {
  try {
    const late = () => new Error(`no answer within ${checkTimeoutMs} ms`)
    // As an async function, so that a check that throws at once rejects.
    const found = await withDeadline((async () => check())(), checkTimeoutMs, late)
    return typeof found === 'string' ? degraded + found : 'ok'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
