import { expect, test } from 'vitest'
import { allTopics } from '#schemas/topics.ts'
import { compareTopics, wantedTopics } from './topic-plan.ts'

const wanted = [{ name: 't', partitions: 6, config: { 'retention.ms': '1', 'cleanup.policy': 'delete' } }]
const asWanted = {
  partitions: 6,
  replicas: 1,
  config: { 'retention.ms': '1', 'cleanup.policy': 'delete', 'segment.ms': '9', 'min.insync.replicas': '1' },
}

test('nothing to do where all is as wanted, whatever else is set', () => {
  expect(compareTopics(wanted, new Map([['t', asWanted]]), 3)).toEqual([])
  expect(compareTopics(wanted, new Map([['t', { ...asWanted, partitions: 12 }]]), 3)).toEqual([])
})

test('says what is missing and what differs', () => {
  expect(compareTopics(wanted, new Map(), 1)).toEqual([
    { kind: 'create', topic: 't', partitions: 6, config: wanted[0]?.config },
  ])
  const other = { ...asWanted, partitions: 3, config: { ...asWanted.config, 'retention.ms': '2' } }
  expect(compareTopics(wanted, new Map([['t', other]]), 1)).toEqual([
    { kind: 'configure', topic: 't', from: { 'retention.ms': '2' }, to: { 'retention.ms': '1' } },
    { kind: 'repartition', topic: 't', from: 3, to: 6 },
  ])
})

test('of more than two replicas all but one must have a record, of those a topic really has', () => {
  const insync = (replicas: number) =>
    compareTopics(wanted, new Map(), replicas).map(
      (change) => change.kind === 'create' && change.config['min.insync.replicas'],
    )
  expect([1, 2, 3, 5].map(insync)).toEqual([[undefined], [undefined], ['2'], ['4']])
  expect(compareTopics(wanted, new Map([['t', { ...asWanted, replicas: 3 }]]), 1)).toEqual([
    { kind: 'configure', topic: 't', from: { 'min.insync.replicas': '1' }, to: { 'min.insync.replicas': '2' } },
  ])
})

test('dead letter topics get as many partitions as their source has, whoever gave it them', () => {
  const both = [...wanted, { ...wanted[0]!, name: 't.dlq', source: 't' }]
  const existing = new Map([['t', { ...asWanted, partitions: 12 }]])
  expect(compareTopics(both, existing, 1)).toMatchObject([{ kind: 'create', topic: 't.dlq', partitions: 12 }])
  existing.set('t.dlq', asWanted)
  expect(compareTopics(both, existing, 1)).toEqual([{ kind: 'repartition', topic: 't.dlq', from: 6, to: 12 }])
})

test('partitions may be given for all topics, or for one and its dead letters', () => {
  const partitions = (given: Record<string, number>) =>
    new Map(
      wantedTopics({ TOPIC_PREFIX: '' }, { partitions: new Map(Object.entries(given)) }).map((one) => [
        one.name,
        one.partitions,
      ]),
    )
  const named = partitions({ 'mining.raw-payloads.v1': 12 })
  expect(named.get('mining.raw-payloads.v1')).toBe(12)
  expect(named.get('mining.raw-payloads.v1.normalizer.dlq')).toBe(12)
  expect(named.get('insights.news.v1')).toBe(6)
  expect(partitions({ '*': 3, 'mining.raw-payloads.v1': 12 })).toEqual(
    new Map([...named].map(([name, count]) => [name, count === 12 ? 12 : 3])),
  )
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

test('the size of a partition may be given for all topics, or for one and its dead letters; 0 is no limit', () => {
  const sizes = (given: Record<string, number>) =>
    new Map(
      wantedTopics({ TOPIC_PREFIX: '' }, { retentionBytes: new Map(Object.entries(given)) }).map(({ name, config }) => [
        name,
        config['retention.bytes'],
      ]),
    )
  const given = sizes({ '*': 5000, 'mining.raw-payloads.v1': 0 })
  expect(given.get('mining.raw-payloads.v1')).toBe('-1')
  expect(given.get('mining.raw-payloads.v1.normalizer.dlq')).toBe('-1')
  expect(given.get('insights.news.v1')).toBe('5000')
  expect(given.get('mining.normalization-maps.v1')).toBeUndefined()
  expect(sizes({}).get('insights.news.v1')).toBe(String(1024 ** 3))
})
