import { createHash } from 'node:crypto'
import { type DeadReason } from './outcome.ts'
import type { FetchedRecord, ProducerRecord } from '../kafka/record.ts'

export type Death = {
  reason: DeadReason
  message: string
  stage: 'decode' | 'handle'
  service: string
  group: string
  deadLetterTopic: string
  deliveryCount: number
  now: Date
}

const maxMessageLength = 1000

/**
 * The dead letter of a record: key, value and headers untouched, and headers that say what happened (names of KIP-1191
 * with `reason`, `stage`, `service` and `first.failed.at` beside them). Holds no stack trace. The key chooses its partition:
 * the dead letter topic may not have that of the source.
 */
export function deadLetterOf(source: Omit<FetchedRecord, 'timestamp'>, death: Death): ProducerRecord {
  return {
    topic: death.deadLetterTopic,
    key: source.key,
    value: source.value,
    headers: {
      ...source.headers,
      '__dlq.errors.topic': source.topic,
      '__dlq.errors.partition': String(source.partition),
      '__dlq.errors.offset': source.offset,
      '__dlq.errors.group': death.group,
      '__dlq.errors.delivery.count': String(death.deliveryCount),
      '__dlq.errors.message': death.message.slice(0, maxMessageLength),
      '__dlq.reason': death.reason,
      '__dlq.stage': death.stage,
      '__dlq.service': death.service,
      '__dlq.first.failed.at': source.headers['__dlq.first.failed.at'] ?? death.now.toISOString(),
    },
  }
}

const maxShortHeaderBytes = 4096

/**
 * A dead letter that its topic takes although the record is too large for it (a producer may have compressed it): without
 * its value and what else may be large. `__dlq.left.out` says what is missing. The record stays on its topic for as long
 * as that keeps it.
 */
export function shortLetterOf({ topic, key, value, headers }: ProducerRecord): ProducerRecord {
  const own = Object.entries(headers).filter(
    ([name, header]) =>
      (name.startsWith('__dlq.') || shortHeaders.has(name)) &&
      !Array.isArray(header) &&
      Buffer.byteLength(header ?? '') <= maxShortHeaderBytes,
  )
  const hash = createHash('sha256')
    .update(value ?? '')
    .digest('hex')
  return {
    topic,
    key: Buffer.byteLength(key ?? '') <= maxShortHeaderBytes ? key : null,
    value: null,
    headers: { ...Object.fromEntries(own), '__dlq.left.out': `${value?.length ?? 0} bytes, sha256:${hash}` },
  }
}

const shortHeaders = new Set(['event_id', 'traceparent', 'task_id', 'replay_count'])

/**
 * How many dead letters in a row there are after `outcomes`, when there were `before`; null when they reach `limit` on the
 * way: then it is no longer a bad record but something systematic.
 */
export function countInARow(before: number, outcomes: readonly { kind: string }[], limit: number): number | null {
  let inARow = before
  for (const { kind } of outcomes) {
    inARow = kind === 'dead' ? inARow + 1 : 0
    if (inARow >= limit) return null
  }
  return inARow
}
