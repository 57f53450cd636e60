import { expect, test } from 'vitest'
import { allTopics } from '#schemas/topics.ts'
import { compareTopics, wantedTopics } from './topic-plan.ts'

const wanted = [{ name: 't', partitions: 6, config: { 'retention.ms': '1', 'cleanup.policy': 'delete' } }]
const asWanted = { partitions: 6, config: { 'retention.ms': '1', 'cleanup.policy': 'delete', 'segment.ms': '9' } }

test('nothing to do where all is as wanted, whatever else is set', () => {
  expect(compareTopics(wanted, new Map([['t', asWanted]]))).toEqual([])
  expect(compareTopics(wanted, new Map([['t', { ...asWanted, partitions: 12 }]]))).toEqual([])
})

test('says what is missing and what differs', () => {
  expect(compareTopics(wanted, new Map())).toEqual([
    { kind: 'create', topic: 't', partitions: 6, config: wanted[0]?.config },
  ])
  const other = { partitions: 3, config: { ...asWanted.config, 'retention.ms': '2' } }
  expect(compareTopics(wanted, new Map([['t', other]]))).toEqual([
    { kind: 'configure', topic: 't', from: { 'retention.ms': '2' }, to: { 'retention.ms': '1' } },
    { kind: 'repartition', topic: 't', from: 3, to: 6 },
  ])
})

test('every consumer of a topic has a dead letter topic that takes its largest record with headers', () => {
  const names = new Map(wantedTopics({ TOPIC_PREFIX: 'p.' }).map((topic) => [topic.name, topic]))
  for (const topic of allTopics)
    for (const consumer of topic.consumers) {
      const letters = names.get(`p.${topic.name}.${consumer}.dlq`)
      const limit = (config: Record<string, string> = {}) => Number(config['max.message.bytes'])
      expect(limit(letters?.config)).toBe(limit(topic.config) + 64 * 1024)
      expect(letters?.partitions).toBe(topic.partitions)
      expect(letters?.config['cleanup.policy']).toBe('delete')
    }
})
