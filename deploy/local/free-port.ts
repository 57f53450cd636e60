import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

type Range = readonly [from: number, below: number]

/** The ports of config.ts. */
export const settledPorts: Range = [24_000, 25_000]
/** Ports that a stack keeps for itself: free while it is down, so nobody else may pick them at random. */
export const keptPorts: Range = [25_000, 28_000]
/**
 * All ranges lie below the one from which systems take ports of outgoing connections: Linux from 32768, others from
 * 49152.
 */
const passingPorts: Range = [28_000, 32_000]

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
export async function findFreePort([from, below] = passingPorts): Promise<number> {
  for (;;) {
    const port = randomInt(from, below)
    if (given.has(port) || !(await isFree(port))) continue
    given.add(port)
    return port
  }
}
