import { createErasures } from '../erase/erasures.ts'
import { expect, test } from 'vitest'
import { createCodec } from '#schemas/codec.ts'
import { createRegistry } from '#schemas/registry.ts'
import { topics } from '#schemas/topics.ts'
import { readEnv } from '../process/config.ts'
import { consumerSettings, kafkaSettings } from '../process/settings.ts'
import { createLog } from '../process/log.ts'
import { on } from './subscription.ts'
import type { ProducerRecord } from '../kafka/record.ts'
import { TransientError } from '../calls/retry.ts'

/** A processor that stops at the third dead letter in a row, and what it has sent. Every record here is dead: it is empty. */
function openProcessor() {
  const sent: ProducerRecord[] = []
  const outage = { now: false }
  const settings = readEnv(
    { ...kafkaSettings, ...consumerSettings },
    {
      ...{ DEPLOYMENT_ENV: 'local', KAFKA_BROKERS: 'unused:1', SCHEMA_REGISTRY_URL: 'http://unused.invalid' },
      MAX_DEAD_LETTERS_IN_A_ROW: '3',
    },
  )
  const process = on(topics.opsEvents, () => Promise.reject(new Error('no record can be read'))).open({
    ...{
      settings,
      service: 'notifier',
      group: 'notifier',
      log: createLog('notifier', 'silent'),
      erasures: createErasures(),
    },
    codec: createCodec(createRegistry(settings.SCHEMA_REGISTRY_URL)),
    producer: {
      async send(records) {
        if (outage.now) throw new TransientError('no broker')
        sent.push(...records)
      },
    },
  })
  const deadRecords = (partition: number, count: number) =>
    Array.from({ length: count }, (_, at) => ({
      ...{ topic: 'ops.events.v1', partition, offset: String(at), key: null, value: null, headers: {}, timestamp: 0 },
    }))
  const kill = (partition: number, count: number, deadInARow = 0) =>
    process(deadRecords(partition, count), { attempt: 1, deadInARow })
  return { sent, outage, kill, process }
}

test('a record that the dead letter topic does not take is a dead letter without its value', async () => {
  const { sent, process } = openProcessor()
  const record = (value: Buffer, headers = {}) => ({
    ...{ topic: 'ops.events.v1', partition: 0, offset: '7', key: Buffer.from('k'), value, headers, timestamp: 0 },
  })
  const headers = { event_id: 'e', other: 'o'.repeat(10_000) }
  // Larger than any topic of it: it was compressed.
  await process([record(Buffer.alloc(3_000_000, 1), headers), record(Buffer.alloc(10))], { attempt: 1, deadInARow: 0 })
  expect(sent.map(({ value }) => value?.length ?? null)).toEqual([null, 10])
  expect(sent[0]).toMatchObject({
    key: Buffer.from('k'),
    headers: { event_id: 'e', '__dlq.errors.offset': '7', '__dlq.left.out': expect.stringMatching(/^3000000 bytes/) },
  })
  expect(sent[0]?.headers).not.toHaveProperty('other')
})

test('a batch that is tried again counts once towards the brake', async () => {
  const { sent, outage, kill } = openProcessor()
  outage.now = true
  await expect(kill(0, 2)).rejects.toThrow('no broker')
  await expect(kill(0, 2)).rejects.toThrow('no broker')
  outage.now = false
  expect(await kill(0, 2)).toBe(2)
  expect(sent).toHaveLength(2)
  await expect(kill(0, 1, 2)).rejects.toThrow('3 dead letters in a row on partition 0 of ops.events.v1: null-value')
  expect(sent).toHaveLength(2)
})
