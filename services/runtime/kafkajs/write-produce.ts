// The body of a produce request, versions 3 to 8 (https://kafka.apache.org/protocol#The_Messages_Produce), with its record
// batches (https://kafka.apache.org/documentation/#recordbatch).

type Bytes = Buffer | string | null | undefined
/** A record as kafkajs has it. */
export type Message = { key?: Bytes; value: Bytes; headers?: Record<string, Bytes | Bytes[]>; timestamp?: string }
type Batch = { partition: number; messages: readonly Message[] }
export type TopicBatches = { topic: string; partitions: readonly Batch[] }

/** Key, value, and name and value of each header. `size`: of what comes after the size itself. */
type Sized = { fields: Bytes[]; size: number }

/** Bytes of a batch before its records; and of those, the ones that its length does not count. */
const batchHead = 61
const uncounted = 12

/** All of it in one buffer, each byte written once. Records have the time at which this is called, and no compression. */
export function writeProduce(acks: number, timeout: number, topics: readonly TopicBatches[]): Buffer {
  const sized = topics.flatMap(({ partitions }) => partitions.map(({ messages }) => messages.map(measure)))
  const buffer = Buffer.allocUnsafe(sizeOfAll(topics, sized))
  const next = sized.values()
  let at = buffer.writeInt16BE(-1, 0)
  at = buffer.writeInt32BE(timeout, buffer.writeInt16BE(acks, at))
  at = buffer.writeInt32BE(topics.length, at)
  for (const { topic, partitions } of topics) {
    at = buffer.writeInt16BE(Buffer.byteLength(topic), at)
    at += buffer.write(topic, at)
    at = buffer.writeInt32BE(partitions.length, at)
    for (const { partition } of partitions) {
      at = buffer.writeInt32BE(partition, at)
      const end = writeBatch(buffer, at + 4, next.next().value as Sized[])
      buffer.writeInt32BE(end - at - 4, at)
      at = end
    }
  }
  return buffer
}

function sizeOfAll(topics: readonly TopicBatches[], sized: readonly (readonly Sized[])[]): number {
  let size = 12
  for (const { topic } of topics) size += 6 + Buffer.byteLength(topic)
  for (const records of sized) {
    size += 8 + batchHead
    for (const record of records) size += sizeOfInt(record.size) + record.size
  }
  return size
}

function measure({ key, value, headers = {} }: Message, offset: number): Sized {
  const fields: Bytes[] = [key, value]
  for (const [name, header] of Object.entries(headers))
    for (const one of Array.isArray(header) ? header : [header]) fields.push(name, one)
  // Attributes, and by how much it is later than the first.
  let size = 2 + sizeOfInt(offset) + sizeOfInt(fields.length / 2 - 1)
  for (const field of fields) {
    const length = lengthOf(field)
    size += sizeOfInt(length) + Math.max(0, length)
  }
  return { fields, size }
}

/** Returns where it ends. */
function writeBatch(buffer: Buffer, start: number, records: readonly Sized[]): number {
  const now = BigInt(Date.now())
  // All that is zero: first offset, epoch of the leader, attributes, epoch of the producer, first sequence.
  buffer.fill(0, start, start + batchHead)
  buffer[start + 16] = 2
  buffer.writeInt32BE(records.length - 1, start + 23)
  buffer.writeBigInt64BE(now, start + 27)
  buffer.writeBigInt64BE(now, start + 35)
  buffer.writeBigInt64BE(-1n, start + 43)
  buffer.writeInt32BE(records.length, start + 57)
  let at = start + batchHead
  for (const [offset, record] of records.entries()) at = writeRecord(buffer, at, offset, record)
  buffer.writeInt32BE(at - start - uncounted, start + 8)
  buffer.writeUInt32BE(checksum(buffer.subarray(start + 21, at)), start + 17)
  return at
}

function writeRecord(buffer: Buffer, start: number, offset: number, { fields, size }: Sized): number {
  let at = writeInt(buffer, start, size)
  buffer[at++] = 0
  buffer[at++] = 0
  at = writeInt(buffer, at, offset)
  at = writeField(buffer, writeField(buffer, at, fields[0]), fields[1])
  at = writeInt(buffer, at, fields.length / 2 - 1)
  for (let index = 2; index < fields.length; index++) at = writeField(buffer, at, fields[index])
  return at
}

function writeField(buffer: Buffer, start: number, field: Bytes): number {
  const length = lengthOf(field)
  const at = writeInt(buffer, start, length)
  if (length <= 0) return at
  if (typeof field === 'string') buffer.write(field, at)
  else buffer.set(field as Buffer, at)
  return at + length
}

function lengthOf(field: Bytes): number {
  return typeof field === 'string' ? Buffer.byteLength(field) : (field?.length ?? -1)
}

/** A zigzag varint. */
function writeInt(buffer: Buffer, start: number, value: number): number {
  let at = start
  let left = ((value << 1) ^ (value >> 31)) >>> 0
  for (; left > 127; left >>>= 7) buffer[at++] = (left & 127) | 128
  buffer[at++] = left
  return at
}

function sizeOfInt(value: number): number {
  let size = 1
  for (let left = ((value << 1) ^ (value >> 31)) >>> 0; left > 127; left >>>= 7) size++
  return size
}

/** Eight tables of CRC-32C: what a byte does that stands so many bytes before the end. */
const tables = new Int32Array(8 * 256)
for (let byte = 0; byte < 256; byte++) {
  let rest = byte
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0x82f63b78 : rest >>> 1
  tables[byte] = rest
}
const look = (index: number) => tables[index] as number
for (let index = 256; index < tables.length; index++)
  tables[index] = look(look(index - 256) & 255) ^ (look(index - 256) >>> 8)

/** CRC-32C, eight bytes at a time, which takes half of what one at a time takes. */
function checksum(bytes: Buffer): number {
  const byte = (index: number) => bytes[index] as number
  let crc = -1
  let at = 0
  for (const end = bytes.length - 7; at < end; at += 8) {
    crc ^= byte(at) | (byte(at + 1) << 8) | (byte(at + 2) << 16) | (byte(at + 3) << 24)
    crc =
      look(1792 + (crc & 255)) ^
      look(1536 + ((crc >>> 8) & 255)) ^
      look(1280 + ((crc >>> 16) & 255)) ^
      look(1024 + (crc >>> 24)) ^
      look(768 + byte(at + 4)) ^
      look(512 + byte(at + 5)) ^
      look(256 + byte(at + 6)) ^
      look(byte(at + 7))
  }
  for (; at < bytes.length; at++) crc = look((crc ^ byte(at)) & 255) ^ (crc >>> 8)
  return ~crc >>> 0
}
