import type { KafkaMessage } from 'kafkajs'

type Headers = Record<string, string | Buffer | (string | Buffer)[] | undefined>

/** A record as it goes to the broker. Its key chooses the partition; without one any may be chosen. */
export type ProducerRecord = { topic: string; key: string | Buffer | null; value: Buffer | null; headers: Headers }

/** Bytes that a record takes in its topic, at most. */
export function sizeOf({ key, value, headers }: Pick<ProducerRecord, 'key' | 'value' | 'headers'>): number {
  // A batch of one has 61 bytes around the record, which has up to 40 of its own.
  let size = 101 + lengthOf(key) + lengthOf(value)
  for (const [name, header] of Object.entries(headers))
    for (const one of Array.isArray(header) ? header : [header]) size += lengthOf(name) + lengthOf(one) + 10
  return size
}

function lengthOf(bytes: string | Buffer | null | undefined): number {
  return typeof bytes === 'string' ? Buffer.byteLength(bytes) : (bytes?.length ?? 0)
}

/** A record as it was read from its topic, with the time (ms) it was written. */
export type FetchedRecord = {
  topic: string
  partition: number
  offset: string
  key: Buffer | null
  value: Buffer | null
  headers: Headers
  timestamp: number
}

export function asRecord(
  topic: string,
  partition: number,
  { key, value, headers, offset, timestamp }: KafkaMessage,
): FetchedRecord {
  return { topic, partition, offset, key, value, headers: headers ?? {}, timestamp: Number(timestamp) }
}

/** A header as text, the first of several with this name. */
export function headerText({ headers }: Pick<FetchedRecord, 'headers'>, name: string): string | undefined {
  const header = headers[name]
  return (Array.isArray(header) ? header[0] : header)?.toString()
}
