/** The calls that change documents. All others only read. https://firebase.google.com/docs/firestore/reference/rpc */
const writeMethods = ['Commit', 'BatchWrite'] as const
export type WriteMethod = (typeof writeMethods)[number]

/** One successful write call: its method and its protobuf message, without gRPC's five bytes in front. */
export type Write = { method: WriteMethod; message: Buffer }

export function methodOf(path: string): WriteMethod | null {
  return writeMethods.find((method) => path === pathOf(method)) ?? null
}

export function pathOf(method: WriteMethod): string {
  return `/google.firestore.v1.Firestore/${method}`
}

/** The message with gRPC's frame: a flag (0: not compressed) and its length. */
export function frame(message: Buffer): Buffer {
  const header = Buffer.alloc(5)
  header.writeUInt32BE(message.length, 1)
  return Buffer.concat([header, message])
}

export function unframe(body: Buffer): Buffer {
  if (body[0] !== 0) throw new Error('compressed gRPC message')
  return body.subarray(5, 5 + body.readUInt32BE(1))
}

/**
 * Drops field 3 of a CommitRequest, its transaction, which only the process that began it knows. All three fields of
 * the request are length-delimited (wire type 2).
 */
export function dropTransaction(message: Buffer): Buffer {
  const kept: Buffer[] = []
  for (let at = 0; at < message.length;) {
    const tag = message[at] ?? 0
    const length = readVarint(message, at + 1)
    const end = length.end + length.value
    if (tag >> 3 !== 3) kept.push(message.subarray(at, end))
    at = end
  }
  return Buffer.concat(kept)
}

/**
 * Joins neighbouring commits: protobuf messages in a row are one message with the repeated fields appended, so their
 * writes are applied in the same order. A joined call stays below `maxBytes` and `maxCalls` original calls.
 */
export function* joinCommits(writes: Iterable<Write>, maxBytes: number, maxCalls: number): Generator<Write[]> {
  let group: Write[] = []
  let bytes = 0
  for (const write of writes) {
    const fits = write.method === 'Commit' && bytes + write.message.length <= maxBytes && group.length < maxCalls
    if (group.length > 0 && (!fits || group[0]?.method !== 'Commit')) {
      yield group
      group = []
      bytes = 0
    }
    group.push(write)
    bytes += write.message.length
  }
  if (group.length > 0) yield group
}

/** A write in the journal: the length of the rest, the method, the message. */
export function encodeWrite({ method, message }: Write): Buffer {
  const header = Buffer.alloc(5)
  header.writeUInt32BE(message.length + 1)
  header[4] = writeMethods.indexOf(method)
  return Buffer.concat([header, message])
}

/** All complete writes of a journal, and where they end. A crash cut what follows. */
export function decodeWrites(journal: Buffer): { writes: Write[]; end: number } {
  const writes: Write[] = []
  let at = 0
  while (at + 4 <= journal.length) {
    const next = at + 4 + journal.readUInt32BE(at)
    if (next > journal.length) break
    const method = writeMethods[journal[at + 4] ?? 0]
    if (!method) throw new Error(`unknown method in the journal at byte ${at}`)
    writes.push({ method, message: journal.subarray(at + 5, next) })
    at = next
  }
  return { writes, end: at }
}

function readVarint(bytes: Buffer, start: number): { value: number; end: number } {
  let value = 0
  for (let at = start, scale = 1; ; at++, scale *= 128) {
    const byte = bytes[at]
    if (byte === undefined) throw new Error('protobuf message ends within a length')
    value += (byte & 127) * scale
    if (byte < 128) return { value, end: at + 1 }
  }
}
