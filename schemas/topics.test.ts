import { expect, test } from 'vitest'
import { listSchemas } from './avro.ts'
import { allTopics, deadLetterTopic, maxBodyBytes, recordLifeDays, subjectOf, topics } from './topics.ts'

test('every schema is the values of one topic, and every topic has its schema', () => {
  expect(allTopics.map((topic) => topic.schema).sort()).toEqual(listSchemas())
})

test('the subject of a topic is its name in the cluster with -value', () => {
  expect(subjectOf('staging.mining.raw-payloads.v1')).toBe('staging.mining.raw-payloads.v1-value')
})

test('a dead letter topic takes what its source takes and 64 KiB more, for 30 days and up to 1 GiB, in as many partitions', () => {
  expect(Number(topics.rawPayloads.config['max.message.bytes'])).toBeGreaterThan(maxBodyBytes)
  for (const topic of allTopics) {
    const letters = deadLetterTopic(topic, 'normalizer')
    const limit = Number(topic.config['max.message.bytes'] ?? 1024 * 1024)
    expect(letters).toMatchObject({
      name: `${topic.name}.normalizer.dlq`,
      partitions: topic.partitions,
      key: topic.key,
    })
    expect(letters.config).toEqual({
      'cleanup.policy': 'delete',
      'retention.ms': String(30 * 24 * 60 * 60 * 1000),
      'retention.bytes': String(1024 ** 3),
      'max.message.bytes': String(limit + 64 * 1024),
    })
  }
})

test('a record lives no longer than any topic and its dead letter topic keep one', () => {
  expect(recordLifeDays).toBe(60)
})

test('every topic but the compacted one is bounded in size, all of them together too', () => {
  const sizes = allTopics.flatMap(({ config, partitions, consumers }) => {
    const own = config['cleanup.policy'] === 'compact' ? 0 : Number(config['retention.bytes'])
    return [own * partitions, ...consumers.map(() => 1024 ** 3 * partitions)]
  })
  expect(sizes.every((size) => Number.isFinite(size))).toBe(true)
  expect(sizes.reduce((sum, size) => sum + size)).toBe(192 * 1024 ** 3)
})
