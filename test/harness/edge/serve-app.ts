import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLog } from '#runtime/process/log.ts'
import type { AppDeps } from '../../../services/edge/server/app.ts'
import { createLimits } from '../../../services/edge/server/limits.ts'
import type { RouteDoc } from '../../../services/edge/server/route.ts'
import { onCleanup } from '../cleanup.ts'

/** For routes whose description does not matter. */
export const emptyDoc: RouteDoc = { summary: '', responses: {} }

/** What an app needs besides its credentials, with one limit for all kinds of requests; 0: none. Nobody is signed in. */
export function plainDeps(perMinute: number): Omit<AppDeps, 'checkToken' | 'checkApiKey' | 'isKnownApiKey'> {
  return {
    checkSourceKey: () => Promise.reject(new Error('no key')),
    limits: createLimits({
      ...{ RATE_LIMIT_ANONYMOUS: perMinute, RATE_LIMIT_SOURCE: perMinute },
      ...{ RATE_LIMIT_API_KEY: perMinute, RATE_LIMIT_SESSION: perMinute, RATE_LIMIT_REFUSED: perMinute },
    }),
    sessions: { find: async () => null, hasSeen: () => false, ownsForm: async () => true },
    publicUrl: undefined,
    askToSignIn: () => ({ status: 303, headers: { location: '/console/sign-in' }, body: null }),
    refuseForm: () => ({ status: 409, headers: {}, body: null }),
    keepForm: async () => null,
    bodies: { readBody: async () => Buffer.alloc(0), receiveBody: async () => () => undefined },
    trustProxy: 0,
    responseTimeoutMs: 60_000,
    log: createLog('edge', 'fatal'),
  }
}

/** Serves `app` on a free port until the test is over. */
export async function serveApp(app: RequestListener): Promise<{ url: string; server: Server }> {
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onCleanup(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}
