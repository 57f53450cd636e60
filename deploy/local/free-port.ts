import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Whether nobody listens on `port` of this machine. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer()
    server.once('error', () => done(false))
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)))
  })
}

const given = new Set<number>()

/** A port nobody listens on, never the same twice within this process. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    // Below the range that systems hand out for outgoing connections, so that none of those can take it meanwhile.
    const port = randomInt(25_000, 32_000)
    if (given.has(port) || !(await isFree(port))) continue
    given.add(port)
    return port
  }
}
