import { createRequire } from 'node:module'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Message, type TopicBatches, writeProduce } from './write-produce.ts'

const require = createRequire(import.meta.url)
type Request = { encode(): Promise<{ buffer: Buffer }> }
const protocol = 'kafkajs/src/protocol'
// As kafkajs has it: nothing here imports the mends.
const makeRequest = require(`${protocol}/requests/produce/v3/request.js`) as (of: object) => Request

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
afterEach(() => void vi.useRealTimers())

const text = (length: number) => 'x'.repeat(length)
const many = (count: number): Message[] =>
  Array.from({ length: count }, (_, index) => ({ key: `${index}`, value: 'v' }))
const onePartition = (messages: Message[]) => [{ topic: 'one', partitions: [{ partition: 3, messages }] }]

const cases: [string, readonly TopicBatches[]][] = [
  [
    'a record',
    onePartition([{ key: '1', value: Buffer.from('value'), headers: { event_id: 'e', n: Buffer.from('b') } }]),
  ],
  ['one without key and value', onePartition([{ key: null, value: null }])],
  ['one with empty ones', onePartition([{ key: '', value: Buffer.alloc(0), headers: { empty: '' } }])],
  ['headers of one name', onePartition([{ key: '1', value: 'v', headers: { a: ['1', Buffer.from('2')], b: '3' } }])],
  ['texts that are not ASCII', onePartition([{ key: 'Zürich', value: '🎉 日本', headers: { größe: 'ß' } }])],
  ...[63, 64, 8191, 8192, 1_048_576].map((length): [string, readonly TopicBatches[]] => [
    `a text of ${length} bytes`,
    onePartition([{ key: '1', value: text(length) }, ...many(2)]),
  ]),
  ['more records than one byte counts', onePartition(many(200))],
  [
    'several topics and partitions',
    [
      { topic: 'one', partitions: [0, 11].map((partition) => ({ partition, messages: many(partition + 1) })) },
      { topic: 'größer', partitions: [{ partition: 2, messages: many(3) }] },
    ],
  ],
  ['nothing', []],
]

test.each(cases)('%s has the bytes that kafkajs gives it', async (_, topicData) => {
  const theirs = await makeRequest({ acks: -1, timeout: 10_000, topicData: topicData.map(withSequence) }).encode()
  expect(writeProduce(-1, 10_000, topicData).equals(theirs.buffer)).toBe(true)
})

function withSequence({ topic, partitions }: TopicBatches) {
  return { topic, partitions: partitions.map((batch) => ({ ...batch, firstSequence: 0 })) }
}

test('a header without a value, at which kafkajs fails, is read as null', async () => {
  const messages = [{ key: '1', value: 'v', headers: { none: null, some: 'text' } }]
  const written = writeProduce(-1, 1, onePartition(messages))
  const Decoder = require(`${protocol}/decoder.js`) as { new (bytes: Buffer): object }
  const decode = require(`${protocol}/requests/fetch/v4/decodeMessages.js`) as (of: object) => Promise<Message[]>
  // What comes before the size of the batch: no transaction, acks, timeout, one topic by name, one partition by number.
  const [read] = await decode(new Decoder(written.subarray(2 + 2 + 4 + 4 + (2 + 3) + 4 + 4)))
  expect(read?.headers).toEqual({ none: null, some: Buffer.from('text') })
})
