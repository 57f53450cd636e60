import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onCleanup } from './cleanup.ts'

export type Proxy = {
  /** host:port, for a service in place of the server's address. */
  address: string
  /**
   * Holds back the next request that `matches`, or its answer, and everything after it on that connection in that
   * direction, for good. `held` resolves when it has arrived here: an answer arrives when the server has done its
   * work.
   */
  hold(what: 'request' | 'answer', matches: (message: Buffer) => boolean): { held: Promise<void> }
  /** Cuts all open connections at once. */
  cut(): void
  /** Passes on nothing more of what is open now, which stays open. New connections are as before. */
  silence(): void
  /** Changes what becomes of connections and of what they carry, until the next call. */
  set(weather: Weather): void
}

/**
 * `calm` passes everything on; `down` cuts all connections, and new ones at once; `still` passes nothing on, and what was
 * open then stays open and silent for good; `answerless` passes requests on, and cuts their connection in place of an
 * answer; `delayMs` holds each message back for so long.
 */
export type Weather = 'calm' | 'down' | 'still' | 'answerless' | { delayMs: number }

/** How to read a protocol, just enough to tell one message from the next. */
export type Wire = {
  /** The whole messages in the bytes so far, and the rest. */
  cut(bytes: Buffer): { messages: Buffer[]; rest: Buffer }
  /** Whether `message` is the answer to `request`, or comes after it. */
  isAnswer(request: Buffer, message: Buffer): boolean
  /** Puts the proxy's port into answers that tell clients where to connect. */
  rewrite?(answer: Buffer, port: number): Buffer
}

type Trap = { what: 'request' | 'answer'; matches(message: Buffer): boolean; spring(): void }

/** A proxy between a service and one of its servers. It is closed when the test is over. */
export async function startProxy(target: string, wire: Wire): Promise<Proxy> {
  const { hostname, port: targetPort } = new URL(`tcp://${target}`)
  let trap: Trap | null = null
  let weather: Weather = 'calm'
  let silences = 0
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    if (weather === 'down') return void client.destroy()
    const upstream = connect(Number(targetPort), hostname)
    join(client, upstream)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  function join(client: Socket, upstream: Socket): void {
    /** The trap that this connection is in, and the request that went into it. */
    let caught: { trap: Trap; request: Buffer } | null = null
    let isStill = false
    const born = silences
    let isLost = false
    /** What a silence swallowed never comes, so neither does what follows it. */
    const swallows = () => (isLost ||= weather === 'still' || silences > born)
    const [toServer, toClient] = [sendInOrder(upstream), sendInOrder(client)]
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      // What is held when one side goes never reaches the other.
      socket
        .on('error', () => undefined)
        .on('close', () => {
          sockets.delete(socket)
          other.destroy()
        })
    }
    readMessages(client, wire, (message) => {
      if (swallows() || caught?.trap.what === 'request') return
      if (!caught && trap?.matches(message)) {
        caught = { trap, request: message }
        trap = null
        if (caught.trap.what === 'request') return caught.trap.spring()
      }
      toServer(message, delayOf(weather))
    })
    readMessages(upstream, wire, (message) => {
      if (caught?.trap.what === 'answer' && !isStill && wire.isAnswer(caught.request, message)) {
        isStill = true
        caught.trap.spring()
      }
      if (isStill || swallows()) return
      if (weather === 'answerless') return void client.destroy()
      toClient(wire.rewrite?.(message, port) ?? message, delayOf(weather))
    })
  }

  const cut = () => sockets.forEach((socket) => socket.destroy())
  onCleanup(async () => {
    cut()
    await new Promise((done) => server.close(done))
  })
  return {
    address: `127.0.0.1:${port}`,
    hold(what, matches) {
      const { promise: held, resolve: spring } = Promise.withResolvers<void>()
      trap = { what, matches, spring }
      return { held }
    },
    cut,
    silence: () => void silences++,
    set(next) {
      weather = next
      if (next === 'still') silences++
      if (next === 'down') cut()
    },
  }
}

const delayOf = (weather: Weather) => (typeof weather === 'object' ? weather.delayMs : 0)

/** Writes each message after its delay, and none before the one before it. */
function sendInOrder(socket: Socket): (message: Buffer, delayMs: number) => void {
  let lastAt = 0
  return (message, delayMs) => {
    const now = performance.now()
    lastAt = Math.max(lastAt, now + delayMs)
    if (lastAt <= now) return void socket.write(message)
    setTimeout(() => socket.write(message), lastAt - now)
  }
}

function readMessages(socket: Socket, wire: Wire, onMessage: (message: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    const cut = wire.cut(rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk)
    rest = cut.rest
    for (const message of cut.messages) onMessage(message)
  })
}

/** Any protocol over TCP: each chunk is a message, and whatever follows is its answer. */
export const plain: Wire = {
  cut: (bytes) => ({ messages: [bytes], rest: Buffer.alloc(0) }),
  isAnswer: () => true,
}

/** Kafka with its broker at `address`. https://kafka.apache.org/protocol#protocol_common */
export function kafkaWire(address: string): Wire {
  const { hostname, port } = new URL(`tcp://${address}`)
  const own = addressBytes(hostname, Number(port))
  return {
    cut(bytes) {
      const messages: Buffer[] = []
      let at = 0
      while (bytes.length >= at + 4 && bytes.length >= at + 4 + bytes.readInt32BE(at)) {
        const end = at + 4 + bytes.readInt32BE(at)
        messages.push(bytes.subarray(at, end))
        at = end
      }
      return { messages, rest: bytes.subarray(at) }
    },
    // By their correlation ids.
    isAnswer: (request, message) => message.readInt32BE(4) === request.readInt32BE(8),
    rewrite(answer, ownPort) {
      const at = answer.indexOf(own)
      if (at >= 0) addressBytes(hostname, ownPort).copy(answer, at)
      return answer
    },
  }
}

export type KafkaRequest = 'produce' | 'offset-commit' | 'join-group'

/** Matches requests of this kind. https://kafka.apache.org/protocol#protocol_api_keys */
export function isKafka(kind: KafkaRequest): (message: Buffer) => boolean {
  const key = { produce: 0, 'offset-commit': 8, 'join-group': 11 }[kind]
  return (message) => message.readInt16BE(4) === key
}

function addressBytes(host: string, port: number): Buffer {
  const bytes = Buffer.alloc(2 + host.length + 4)
  bytes.writeInt16BE(host.length)
  bytes.write(host, 2)
  bytes.writeInt32BE(port, 2 + host.length)
  return bytes
}
