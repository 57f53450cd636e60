import type { KafkaMessage } from 'kafkajs'

type Headers = Record<string, string | Buffer | (string | Buffer)[] | undefined>

/** A record as it goes to the broker. Its key chooses the partition; without one any may be chosen. */
export type ProducerRecord = { topic: string; key: string | Buffer | null; value: Buffer | null; headers: Headers }

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
