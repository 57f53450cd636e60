import type { KafkaMessage } from 'kafkajs'
import type { SourceRecord } from '../consume/dead-letter.ts'

/** A record as it was read from its topic, with the time (ms) it was written. */
export type FetchedRecord = SourceRecord & { timestamp: number }

export function asRecord(
  topic: string,
  partition: number,
  { key, value, headers, offset, timestamp }: KafkaMessage,
): FetchedRecord {
  return { topic, partition, offset, key, value, headers: headers ?? {}, timestamp: Number(timestamp) }
}

/** A header as text, the first of several with this name. */
export function headerText({ headers }: Pick<SourceRecord, 'headers'>, name: string): string | undefined {
  const header = headers[name]
  return (Array.isArray(header) ? header[0] : header)?.toString()
}
