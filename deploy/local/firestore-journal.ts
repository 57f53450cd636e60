// Firestore emulators keep documents in memory only. This gRPC proxy in front of one writes each successful write call
// to a journal, and replays the journal to every new emulator process before it lets clients through. A client sees a
// write succeed only when it is in the journal.
import { once } from 'node:events'
import { openSync, readFileSync, truncateSync, writeSync } from 'node:fs'
import { createServer as createHttp1Server } from 'node:http'
import * as http2 from 'node:http2'
import { createServer } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import {
  decodeWrites,
  dropTransaction,
  encodeWrite,
  frame,
  joinCommits,
  methodOf,
  pathOf,
  unframe,
} from './firestore-writes.ts'
import type { Write, WriteMethod } from './firestore-writes.ts'

const [file = '', port, emulatorPort] = process.argv.slice(2)
const journal = openSync(file, 'a')
let emulator: http2.ClientHttp2Session | null = null

const unavailable = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '14' }

function forward(client: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders): void {
  client.on('error', (error) => console.error('client', error.message))
  if (!emulator) return client.respond({ ...unavailable, 'grpc-message': 'emulator restarting' }, { endStream: true })
  const call = emulator.request(headers)
  const method = methodOf(headers[':path'] ?? '')
  const request = method ? buffer(client) : null
  client.pipe(call)
  const trailers = once(call, 'trailers') as Promise<[http2.IncomingHttpHeaders]>
  trailers.catch(() => undefined)
  call.on('response', (response, flags) => {
    const isWhole = (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0
    client.respond(response, { endStream: isWhole, waitForTrailers: !isWhole })
    if (!isWhole) call.pipe(client)
  })
  client.on('wantTrailers', () => {
    finish(trailers, method, request).then(
      (last) => client.sendTrailers(last),
      (error: unknown) => client.destroy(error as Error),
    )
  })
  client.on('close', () => call.close())
  call.on('error', (error) => console.error('emulator', error.message))
  // A session whose other end closes it ends its calls without an error.
  call.on('close', () => {
    if (call.rstCode === http2.constants.NGHTTP2_NO_ERROR) return
    if (client.headersSent || client.destroyed) client.close(http2.constants.NGHTTP2_REFUSED_STREAM)
    else client.respond({ ...unavailable, 'grpc-message': 'the emulator ended' }, { endStream: true })
  })
}

async function finish(
  trailers: Promise<[http2.IncomingHttpHeaders]>,
  method: WriteMethod | null,
  request: Promise<Buffer> | null,
): Promise<http2.IncomingHttpHeaders> {
  const [last] = await trailers
  if (method && request && last['grpc-status'] === '0') {
    const message = unframe(await request)
    writeSync(journal, encodeWrite({ method, message: method === 'Commit' ? dropTransaction(message) : message }))
  }
  return last
}

async function call(session: http2.ClientHttp2Session, { method, message }: Write): Promise<string> {
  const stream = session.request({
    ':method': 'POST',
    ':path': pathOf(method),
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: 'Bearer owner',
  })
  let status = ''
  stream.on('response', (headers) => (status = String(headers['grpc-status'] ?? '')))
  stream.on('trailers', (headers) => (status = String(headers['grpc-status'])))
  stream.end(frame(message))
  await buffer(stream)
  return status
}

/** Replays all writes in order. A single call that the emulator refuses was replayed to it before. */
async function replay(session: http2.ClientHttp2Session): Promise<void> {
  const { writes, end } = decodeWrites(readFileSync(file))
  truncateSync(file, end)
  for (const group of joinCommits(writes, 4e6, 200)) {
    const [first] = group
    if (
      first &&
      (await call(session, { ...first, message: Buffer.concat(group.map(({ message }) => message)) })) === '0'
    )
      continue
    for (const write of group) {
      const status = await call(session, write)
      if (status !== '0') console.log(`a ${write.method} was refused with status ${status}`)
    }
  }
  console.log(`played ${writes.length} writes`)
}

async function followEmulator(): Promise<never> {
  for (let attempt = 1; ; attempt++, await delay(100)) {
    const session = http2.connect(`http://127.0.0.1:${emulatorPort}`)
    const ended = once(session, 'close')
    try {
      await Promise.race([once(session, 'connect'), ended])
      if (session.destroyed) continue
      await replay(session)
      emulator = session
      attempt = 0
      await ended
    } catch (error) {
      if (attempt === 1) console.error('waiting for the emulator:', (error as Error).message)
      session.destroy()
    }
    emulator = null
  }
}

const grpc = http2.createServer({ maxSessionMemory: 100 }).on('stream', forward)
grpc.on('sessionError', (error) => console.error('client', error.message))
const health = createHttp1Server((_request, response) => response.writeHead(emulator ? 200 : 503).end())

createServer((socket) => {
  socket.on('error', (error) => console.error('client', error.message))
  socket.once('readable', () => {
    const start = socket.read() as Buffer | null
    if (start === null) return
    socket.unshift(start)
    const isHttp2 = start.subarray(0, 3).toString() === 'PRI'
    ;(isHttp2 ? grpc : health).emit('connection', socket)
  })
}).listen(Number(port), '127.0.0.1')
// Everything is on disk; an orderly exit lets Node keep its compile cache.
process.once('SIGTERM', () => process.exit())
await followEmulator()
