import { once } from 'node:events'
import * as http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { frame, unframe } from '../../deploy/local/firestore-writes.ts'

/** The least that accepts documents: it has none, confirms every write and keeps nothing. */
export type FirestoreStub = AsyncDisposable & { host: string; written(): number }

export async function startFirestoreStub(): Promise<FirestoreStub> {
  let written = 0
  const answer = (path: string, message: Buffer): Buffer => {
    const parts = [...fieldsOf(message)].filter(({ field }) => field === 2).map(({ bytes }) => bytes)
    if (path.endsWith('/BatchGetDocuments')) return Buffer.concat(parts.map((name) => frame(missing(name))))
    written += parts.length
    return frame(path.endsWith('/Commit') ? committed(parts.length) : batchWritten(parts.length))
  }
  const sessions = new Set<http2.ServerHttp2Session>()
  const server = http2.createServer().on('session', (session) => sessions.add(session))
  server.on('stream', (stream, headers) => {
    buffer(stream).then(
      (request) => {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
        stream.end(answer(headers[':path'] ?? '', unframe(request)))
      },
      () => stream.destroy(),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    written: () => written,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy()
      await new Promise((done) => server.close(done))
    },
  }
}

// Messages of https://github.com/googleapis/googleapis/blob/master/google/firestore/v1/firestore.proto, all their
// fields length-delimited; the times are one second after 1970.
const time = Buffer.from([8, 1])
const delimited = (field: number, bytes: Buffer) => {
  const length: number[] = []
  for (let rest = bytes.length; ; rest >>= 7) {
    if (rest < 128) return Buffer.concat([Buffer.from([(field << 3) | 2, ...length, rest]), bytes])
    length.push((rest & 127) | 128)
  }
}
const writeResult = delimited(1, delimited(1, time))
const repeat = (bytes: Buffer, count: number) => Buffer.concat(Array.from({ length: count }, () => bytes))
const missing = (name: Buffer) => Buffer.concat([delimited(2, name), delimited(4, time)])
const committed = (count: number) => Buffer.concat([repeat(writeResult, count), delimited(2, time)])
const batchWritten = (count: number) =>
  Buffer.concat([repeat(writeResult, count), repeat(delimited(2, Buffer.alloc(0)), count)])

function* fieldsOf(message: Buffer): Generator<{ field: number; bytes: Buffer }> {
  for (let at = 0; at < message.length;) {
    const field = (message[at++] ?? 0) >> 3
    let length = 0
    for (let shift = 0, byte = 128; byte >= 128; shift += 7) {
      byte = message[at++] ?? 0
      length |= (byte & 127) << shift
    }
    yield { field, bytes: message.subarray(at, at + length) }
    at += length
  }
}
