import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { Config } from '../config.ts'

/** Longer than clients keep an idle connection, so that it is not closed while a request is on its way. */
const keepAliveMs = 75_000

/** Serves `app` until the service stops. Requests under way are answered before anything that they need is closed. */
export async function listen(config: Config, { log, scope }: ServiceContext, app: RequestListener): Promise<void> {
  const limits = {
    headersTimeout: config.HEADERS_TIMEOUT_MS,
    requestTimeout: config.REQUEST_TIMEOUT_MS,
    keepAliveTimeout: keepAliveMs,
    connectionsCheckingInterval: 1000,
    maxHeaderSize: config.MAX_HEADER_BYTES,
  }
  const server = createServer(limits, app)
  server.maxConnections = config.MAX_CONNECTIONS
  server.listen(config.EDGE_PORT, config.EDGE_HOST)
  await once(server, 'listening')
  log.info({ address: server.address() }, 'listening')
  scope.defer(async () => {
    const closed = new Promise((done) => server.close(done))
    // A connection whose request is under way becomes idle later, and would stay open for a next request.
    const sweep = setInterval(() => server.closeIdleConnections(), 50)
    await closed.finally(() => clearInterval(sweep))
  })
}
