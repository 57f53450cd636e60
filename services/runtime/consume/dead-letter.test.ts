import { expect, test } from 'vitest'
import { countInARow, deadLetterOf } from './dead-letter.ts'

const source = {
  topic: 'mining.raw-payloads.v1',
  partition: 3,
  offset: '42',
  key: Buffer.from('7'),
  value: Buffer.from([9, 9]),
  headers: { event_id: 'e1', traceparent: Buffer.from('00-…') },
}
const death = {
  reason: 'wrong-magic-byte' as const,
  message: 'm'.repeat(5000),
  stage: 'decode' as const,
  service: 'normalizer',
  group: 'normalizer',
  deadLetterTopic: 'mining.raw-payloads.v1.normalizer.dlq',
  deliveryCount: 2,
  now: new Date('2026-01-02T03:04:05Z'),
}

test('keeps key, value and headers, leaves the partition to the key, and says what happened', () => {
  const { headers, ...rest } = deadLetterOf(source, death)
  expect(rest).toEqual({ topic: death.deadLetterTopic, key: source.key, value: source.value })
  expect(headers).toEqual({
    ...source.headers,
    '__dlq.errors.topic': 'mining.raw-payloads.v1',
    '__dlq.errors.partition': '3',
    '__dlq.errors.offset': '42',
    '__dlq.errors.group': 'normalizer',
    '__dlq.errors.delivery.count': '2',
    '__dlq.errors.message': 'm'.repeat(1000),
    '__dlq.reason': 'wrong-magic-byte',
    '__dlq.stage': 'decode',
    '__dlq.service': 'normalizer',
    '__dlq.first.failed.at': '2026-01-02T03:04:05.000Z',
  })
})

test('a second death keeps the time of the first', () => {
  const first = deadLetterOf(source, death)
  const second = deadLetterOf(
    { ...source, headers: first.headers },
    { ...death, now: new Date('2026-02-02T00:00:00Z') },
  )
  expect(second.headers['__dlq.first.failed.at']).toBe('2026-01-02T03:04:05.000Z')
})

test('counts dead letters in a row, over batches, up to the limit', () => {
  const count = (before: number, kinds: string) =>
    countInARow(
      before,
      [...kinds].map((kind) => ({ kind: kind === 'd' ? 'dead' : 'ok' })),
      3,
    )
  expect(count(0, 'dd')).toBe(2)
  expect(count(2, 'odd')).toBe(2)
  expect(count(2, 'ddo')).toBe(null)
  expect(count(0, 'ddoddoddo')).toBe(0)
})
