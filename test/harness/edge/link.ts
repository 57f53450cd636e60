import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onCleanup } from '../cleanup.ts'

export type Link = { url: string; cut(): void; freeze(): void; restore(): void }

/** A proxy of the server at `address` that can be cut (connections are closed) or frozen (nothing passes). */
export async function openLink(address: string): Promise<Link> {
  const target = new URL(address)
  const { port, hostname } = target
  const pairs = new Set<[Socket, Socket]>()
  let state: 'open' | 'cut' | 'frozen' = 'open'
  const server = createServer((near) => {
    if (state === 'cut') return void near.destroy()
    const far = connect(Number(port), hostname)
    const pair: [Socket, Socket] = [near, far]
    pairs.add(pair)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (chunk) => to.write(chunk)).on('error', () => to.destroy())
      from.on('close', () => {
        pairs.delete(pair)
        to.destroy()
      })
      if (state === 'frozen') from.pause()
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const all = (work: (socket: Socket) => void) => [...pairs].flat().forEach(work)
  onCleanup(async () => {
    all((socket) => socket.destroy())
    await new Promise((done) => server.close(done))
  })
  target.port = String((server.address() as AddressInfo).port)
  return {
    url: target.href,
    cut() {
      state = 'cut'
      all((socket) => socket.destroy())
    },
    freeze() {
      state = 'frozen'
      all((socket) => socket.pause())
    },
    restore() {
      state = 'open'
      all((socket) => socket.resume())
    },
  }
}
