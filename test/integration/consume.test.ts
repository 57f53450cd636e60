import { createErasures } from '#runtime/erase/erasures.ts'
import { describe, expect, test, vi } from 'vitest'
import { register } from '#runtime/process/metrics.ts'
import { readEnv } from '#runtime/process/config.ts'
import { consumerSettings, kafkaSettings, producerSettings } from '#runtime/process/settings.ts'
import { consume } from '#runtime/consume/consume.ts'
import { type Delivery, drop, type Handler, ok, type Outcome } from '#runtime/consume/outcome.ts'
import { on } from '#runtime/consume/subscription.ts'
import { output } from '#runtime/kafka/output.ts'
import { openProducer } from '#runtime/kafka/produce.ts'
import type { ProducerRecord } from '#runtime/kafka/record.ts'
import { classify, TransientError } from '#runtime/calls/retry.ts'
import { readTable } from '#runtime/kafka/topic-table.ts'
import { createCodec } from '#schemas/codec.ts'
import type { NormalizationMap, OpsEvent, SourcingTrigger } from '#schemas/generated/types.ts'
import { createRegistry } from '#schemas/registry.ts'
import { topics } from '#schemas/topics.ts'
import { createContext } from '../harness/context.ts'
import { limitRecords } from '../harness/group.ts'
import { kafkaWire, startProxy } from '../harness/proxy.ts'
import { stackEnv, testEnv } from '../harness/stack.ts'
import { createTopics, type TestTopics } from '../harness/topics.ts'
import { waitFor } from '../harness/wait-for.ts'

const deadLetters = `${topics.opsEvents.name}.notifier.dlq`

function event(id: string): OpsEvent {
  const text = { kind: 'drift', service: 'test', subject: id, message: 'm', dedupe_key: id }
  return { event_id: id, ...text, data_source_id: null, resolved: false, at: 1, facts: {} }
}

const settingsFor = ({ prefix }: TestTopics, more: Record<string, string> = {}) =>
  readEnv(
    { ...kafkaSettings, ...producerSettings, ...consumerSettings },
    { ...testEnv(), TOPIC_PREFIX: prefix, ...more },
  )

async function encode(testTopics: TestTopics, value: OpsEvent): Promise<Buffer> {
  const codec = createCodec(createRegistry(settingsFor(testTopics).SCHEMA_REGISTRY_URL))
  return codec.encode(topics.opsEvents, testTopics.prefix + topics.opsEvents.name, value)
}

async function produceEvents(testTopics: TestTopics, ids: string[], headers = {}): Promise<void> {
  const records = await Promise.all(
    ids.map(async (id) => ({ key: 'k', value: await encode(testTopics, event(id)), headers })),
  )
  await testTopics.produce(topics.opsEvents.name, records)
}

async function start(testTopics: TestTopics, handle: Handler<OpsEvent>, more: Record<string, string> = {}) {
  const service = createContext('notifier')
  const settings = settingsFor(testTopics, more)
  const codec = createCodec(createRegistry(settings.SCHEMA_REGISTRY_URL), { unknownIdAfterMs: 1000 })
  const producer = await openProducer(settings, service.context)
  await consume(settings, service.context, { codec, producer, erasures: createErasures() }, [
    on(topics.opsEvents, handle),
  ])
  return service
}

describe('a consumer', () => {
  test('dead-letters exactly what it cannot read, untouched, and processes the neighbours', async () => {
    const testTopics = await createTopics()
    const good = await encode(testTopics, event('good'))
    const unknown = Buffer.from(good)
    unknown.writeInt32BE(987_654, 1)
    const poison = {
      'null-value': null,
      'too-short': Buffer.alloc(0),
      'wrong-magic-byte': Buffer.concat([Buffer.from([1]), good.subarray(1)]),
      'unknown-schema-id': unknown,
      undecodable: good.subarray(0, 9),
    }
    const records = Object.values(poison).flatMap((value) => [
      { key: 'k', value, headers: { event_id: 'mine' } },
      { key: 'k', value: good },
    ])
    await testTopics.produce(topics.opsEvents.name, records)

    const seen: string[] = []
    const { failures, checks } = await start(testTopics, async (batch) => {
      seen.push(...batch.map(({ value }) => value.event_id))
      return batch.map(() => ok())
    })
    await waitFor('the good ones', () => seen.length === 5)
    const letters = await waitFor('the dead ones', async () => {
      const read = await testTopics.read(deadLetters)
      return read.length === 5 && read
    })
    expect(letters.map(({ headers, value, key }) => [headers['__dlq.reason'], value, key])).toEqual(
      Object.entries(poison).map(([reason, value]) => [reason, value, 'k']),
    )
    expect(letters[0]?.headers).toMatchObject({
      event_id: 'mine',
      '__dlq.errors.topic': testTopics.prefix + topics.opsEvents.name,
      '__dlq.errors.offset': '0',
      '__dlq.errors.group': `${testTopics.prefix}notifier`,
      '__dlq.service': 'notifier',
      '__dlq.stage': 'decode',
    })
    expect(failures).toEqual([])
    expect(() => checks.get('kafka_consumer')?.()).not.toThrow()
  })

  test('says how far it is behind, whatever arrives while it works, and that it is not when it is through', async () => {
    const testTopics = await createTopics()
    const held = Promise.withResolvers<void>()
    const isHeld = Promise.withResolvers<void>()
    await produceEvents(testTopics, ['first'])
    await start(testTopics, async (batch) => {
      isHeld.resolve()
      await held.promise
      return batch.map(() => ok())
    })
    const topic = testTopics.prefix + topics.opsEvents.name
    const behind = async () => {
      const { values = [] } = (await register.getSingleMetric('parma_consumer_lag_records')?.get()) ?? {}
      return values.filter(({ labels }) => labels['topic'] === topic).reduce((sum, { value }) => sum + value, 0)
    }
    await isHeld.promise
    await produceEvents(testTopics, ['second', 'third', 'fourth'])
    await waitFor('four records that wait', async () => (await behind()) === 4)
    held.resolve()
    await waitFor('none that waits', async () => (await behind()) === 0)
  })

  test('isolates the one record whose values the database refuses', async () => {
    const testTopics = await createTopics()
    await produceEvents(testTopics, ['a', 'b', 'bad', 'c'])
    const done: string[] = []
    await start(testTopics, async (batch) => {
      if (batch.some(({ value }) => value.event_id === 'bad'))
        throw Object.assign(new Error('out of range'), { code: '22003' })
      done.push(...batch.map(({ value }) => value.event_id))
      return batch.map(() => ok())
    })
    const [letter] = await waitFor('the dead letter', async () => {
      const read = await testTopics.read(deadLetters)
      return read.length > 0 && read
    })
    expect(done).toEqual(['a', 'b', 'c'])
    expect(letter?.headers).toMatchObject({
      '__dlq.reason': 'refused-by-database',
      '__dlq.stage': 'handle',
      '__dlq.errors.message': 'out of range',
    })
  })

  test('sets aside a record whose outputs are too large, by our limit or by the broker’s, and sends those of its neighbours', async () => {
    const testTopics = await createTopics()
    const { name } = topics.triggers
    await limitRecords(testTopics.prefix + name, 20_000)
    const sizes: Record<string, number> = { a: 9000, ours: 2_000_000, b: 9000, theirs: 30_000, c: 9000, two: 9000 }
    await produceEvents(testTopics, Object.keys(sizes))
    const { failures } = await start(testTopics, async (batch) =>
      batch.map(({ value: { event_id } }) => {
        const trigger: SourcingTrigger = {
          ...{ event_id, kind: 'unsubscribe', requested_at: 1, data_source_id: null, company_id: null },
          mail: 'm'.repeat(sizes[event_id] ?? 0),
        }
        const one = output(topics.triggers, event_id, event_id, trigger)
        return event_id === 'two' ? ok(one, one) : ok(one)
      }),
    )
    const letters = await waitFor('two dead letters', async () => {
      const read = await testTopics.read(deadLetters)
      return read.length === 2 && read
    })
    expect(letters.map(({ headers }) => [headers['__dlq.reason'], headers['__dlq.stage']])).toEqual(
      Array(2).fill(['output-too-large', 'handle']),
    )
    expect(letters.map(({ headers }) => headers['__dlq.errors.offset']).sort()).toEqual(['1', '3'])
    expect(letters[0]?.headers['__dlq.errors.message']).toMatch(
      /2000\d{3} bytes, and sourcing\.triggers\.v1 takes 1048576/,
    )
    const sent = (await testTopics.read(name)).map(({ key }) => key)
    expect([...new Set(sent)].sort()).toEqual(['a', 'b', 'c', 'two'])
    expect(failures).toEqual([])
  })

  test('writes a dead letter without the value when its topic does not take the whole', async () => {
    const testTopics = await createTopics()
    await limitRecords(testTopics.prefix + deadLetters, 5000)
    const large = { key: 'k', value: 'x'.repeat(10_000), headers: { event_id: 'large', more: 'y'.repeat(6000) } }
    const small = { key: 'k', value: 'no Avro' }
    await testTopics.produce(topics.opsEvents.name, [small, large, small])
    await produceEvents(testTopics, ['good'])
    const done: string[] = []
    const { failures } = await start(testTopics, async (batch) => {
      done.push(...batch.map(({ value }) => value.event_id))
      return batch.map(() => ok())
    })
    const found = await waitFor('all dead letters', async () => {
      const read = await testTopics.read(deadLetters)
      const byOffset = new Map(read.map((letter) => [letter.headers['__dlq.errors.offset'], letter]))
      return byOffset.size === 3 && byOffset
    })
    expect(['0', '1', '2'].map((offset) => found.get(offset)?.value?.length ?? null)).toEqual([7, null, 7])
    expect(found.get('1')).toMatchObject({
      key: 'k',
      headers: { event_id: 'large', '__dlq.reason': 'wrong-magic-byte' },
    })
    expect(found.get('1')?.headers['__dlq.left.out']).toMatch(/^10000 bytes, sha256:[0-9a-f]{64}$/)
    await waitFor('the good record', () => done.length > 0)
    expect(done).toEqual(['good'])
    expect(failures).toEqual([])
  })

  test('finds the one record with which the database always fails, among neighbours that pass', async () => {
    const testTopics = await createTopics()
    await produceEvents(testTopics, ['a', 'b', 'bad', 'c'])
    const done: string[] = []
    const { failures } = await start(testTopics, async (batch) => {
      if (batch.some(({ value }) => value.event_id === 'bad'))
        throw Object.assign(new Error('cache lookup failed'), { code: 'XX000' })
      done.push(...batch.map(({ value }) => value.event_id))
      return batch.map(() => ok())
    })
    const [letter] = await waitFor(
      'the dead letter',
      async () => {
        const read = await testTopics.read(deadLetters)
        return read.length > 0 && read
      },
      120_000,
    )
    await waitFor('the last record', () => done.includes('c'))
    expect(done).toEqual(['a', 'b', 'c'])
    expect(letter?.headers).toMatchObject({
      '__dlq.reason': 'refused-by-database',
      '__dlq.errors.message': 'failed 10 times alone: cache lookup failed',
    })
    expect(failures).toEqual([])
  })

  test('waits out transient errors in place, in order', async () => {
    const testTopics = await createTopics()
    await produceEvents(testTopics, ['a', 'b'])
    let attempts = 0
    const done: string[] = []
    const { failures } = await start(testTopics, async (batch) => {
      if (++attempts < 4) throw new TransientError('not yet')
      done.push(...batch.map(({ value }) => value.event_id))
      return batch.map(() => ok())
    })
    await produceEvents(testTopics, ['c'])
    await waitFor('all', () => done.length === 3)
    expect(done).toEqual(['a', 'b', 'c'])
    expect(failures).toEqual([])
    expect(await testTopics.read(deadLetters)).toEqual([])
  })

  test('ends on an unknown error, uncommitted; the next member gets the record again, and only it', async () => {
    const testTopics = await createTopics()
    await produceEvents(testTopics, ['a'])
    const done: string[] = []
    const keep = async (batch: Delivery<OpsEvent>[]): Promise<Outcome[]> => {
      done.push(...batch.map(({ value }) => value.event_id))
      return batch.map(() => ok())
    }
    const first = await start(testTopics, keep)
    await waitFor('the first record', () => done.length === 1)
    await first.stop()
    await produceEvents(testTopics, ['b'])

    const second = await start(testTopics, () => Promise.reject(new TypeError('a slip')))
    await waitFor('the failure', () => second.failures.length > 0)
    expect(second.failures[0]).toMatchObject({ message: 'a slip' })
    await second.stop()

    await start(testTopics, keep)
    await waitFor('the second record', () => done.length > 1)
    expect(done).toEqual(['a', 'b'])
    expect(await testTopics.read(deadLetters)).toEqual([])
  })

  test('pauses a partition where everything is dead, is not ready and says so; others go on, a restart changes nothing', async () => {
    const testTopics = await createTopics()
    const limit = { MAX_DEAD_LETTERS_IN_A_ROW: '7' }
    const done: string[] = []
    const keep = async (batch: Delivery<OpsEvent>[]): Promise<Outcome[]> => {
      done.push(...batch.filter(({ value }) => value.service === 'test').map(({ value }) => value.event_id))
      return batch.map(() => ok())
    }
    const bad = (count: number) => Array.from({ length: count }, () => ({ key: 'k', partition: 0, value: 'no Avro' }))
    const good = async (id: string, partition: number) => ({
      key: id,
      partition,
      value: await encode(testTopics, event(id)),
    })
    const name = topics.opsEvents.name
    const first = await start(testTopics, keep, limit)
    await testTopics.produce(name, bad(4))
    await waitFor('dead letters below the limit', async () => (await testTopics.read(deadLetters)).length === 4)
    await first.stop()

    const second = await start(testTopics, keep, limit)
    await testTopics.produce(name, [...bad(3), await good('after', 0)])
    const isPaused = (text: string) => () => {
      try {
        void second.checks.get('kafka_consumer')?.()
        return false
      } catch (error) {
        return (error as Error).message.includes(text)
      }
    }
    await waitFor('the brake', isPaused('paused after too many dead letters in a row: partition 0'))
    await testTopics.produce(name, [await good('one', 1), await good('two', 2)])
    await waitFor('the other partitions', () => done.includes('one') && done.includes('two'))
    expect(await testTopics.read(deadLetters)).toHaveLength(4)
    const codec = createCodec(createRegistry(settingsFor(testTopics).SCHEMA_REGISTRY_URL))
    const reported = await waitFor('the ops event', async () => {
      const records = await testTopics.read(name)
      const own = records
        .filter(({ key }) => key === 'notifier')
        .map(({ value }) => codec.decode(topics.opsEvents, value))
      return own.length > 0 && Promise.all(own)
    })
    expect(reported).toMatchObject([
      { kind: 'partition-paused', resolved: false, facts: { partition: '0', offset: '4' } },
    ])
    expect(reported[0]?.message).toMatch(/7 dead letters in a row on partition 0 of ops\.events\.v1: wrong-magic-byte/)
    expect(second.failures).toEqual([])
    await second.stop()

    await start(testTopics, keep, { MAX_DEAD_LETTERS_IN_A_ROW: '8' })
    await waitFor('dead letters, with a larger limit', async () => (await testTopics.read(deadLetters)).length === 7)
    const both = await waitFor('the end of the incident', async () => {
      const records = await testTopics.read(name)
      const own = records.filter(({ key }) => key === 'notifier')
      return own.length === 2 && Promise.all(own.map(({ value }) => codec.decode(topics.opsEvents, value)))
    })
    expect(both.map(({ resolved }) => resolved).toSorted()).toEqual([false, true])
  })

  test('has its outputs acknowledged before it commits, in the trace of their cause', async () => {
    const testTopics = await createTopics()
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    await produceEvents(testTopics, ['a'], { traceparent })
    await start(testTopics, async (batch) =>
      batch.map(({ value }) =>
        value.event_id === 'a' ? ok(output(topics.opsEvents, 'other', 'b', event('b'))) : drop('an output of mine'),
      ),
    )
    const records = await waitFor('the output', async () => {
      const read = await testTopics.read(topics.opsEvents.name)
      return read.length === 2 && read
    })
    const sent = records.find(({ key }) => key === 'other')
    expect(sent?.headers).toMatchObject({ event_id: 'b' })
    expect(sent?.headers.traceparent).toMatch(
      /^00-4bf92f3577b34da6a3ce929d0e0e4736-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$/,
    )
  })

  test('passes over what is replayed for another service', async () => {
    const testTopics = await createTopics()
    await produceEvents(testTopics, ['theirs'], { replay_for: 'analyzer' })
    await produceEvents(testTopics, ['mine'], { replay_for: 'notifier' })
    const done: string[] = []
    await start(testTopics, async (batch) => {
      done.push(...batch.map(({ value }) => value.event_id))
      return batch.map(() => ok())
    })
    await waitFor('mine', () => done.length > 0)
    expect(done).toEqual(['mine'])
  })

  test('keeps its place in the group while a handler is slower than the session', async () => {
    const testTopics = await createTopics()
    await produceEvents(testTopics, ['slow'])
    const handled: number[] = []
    const { failures } = await start(
      testTopics,
      async (batch) => {
        handled.push(batch.length)
        // Longer than the session of 6 s: only heartbeats keep this member's partitions.
        await new Promise((done) => setTimeout(done, 9000))
        return batch.map(() => ok())
      },
      { SESSION_TIMEOUT_MS: '6000' },
    )
    await waitFor('the slow record', () => handled.length > 0)
    await produceEvents(testTopics, ['next'])
    await waitFor('the next record', () => handled.length > 1, 30_000)
    expect(handled).toEqual([1, 1])
    expect(failures).toEqual([])
  })

  test('reads on within a minute when its connections fall silent', async () => {
    const testTopics = await createTopics()
    const { KAFKA_BROKERS: broker = '' } = stackEnv()
    const proxy = await startProxy(broker, kafkaWire(broker))
    const done: string[] = []
    const handle: Handler<OpsEvent> = async (batch) => {
      done.push(...batch.map(({ value }) => value.event_id))
      return batch.map(() => ok())
    }
    const { failures } = await start(testTopics, handle, { KAFKA_BROKERS: proxy.address })
    await produceEvents(testTopics, ['before'])
    await waitFor('the record before', () => done.includes('before'))
    proxy.silence()
    await produceEvents(testTopics, ['after'])
    await waitFor('the record after', () => done.includes('after'), 55_000)
    expect(failures).toEqual([])
  })
})

describe('a producer', () => {
  test('never takes a record for sent that no partition has answered for', async () => {
    const testTopics = await createTopics()
    const { context } = createContext('edge')
    const producer = await openProducer(settingsFor(testTopics), context)
    const topic = testTopics.prefix + topics.news.name
    const records = ['a', 'b'].map((key) => ({ topic, key, value: Buffer.alloc(1), headers: {} }))
    // As if a partition had vanished from the metadata: kafkajs skips such records and reports success.
    const astray = { ...records[0], partition: 99 } as unknown as ProducerRecord
    const error: unknown = await producer.send([...records, astray]).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ message: `no broker has answered for ${topic}/99` })
    expect(classify(error)).toBe('transient')
    await producer.send(records)
    expect(await testTopics.read(topics.news.name)).toHaveLength(4)
  })

  test('sends a record of the largest size beside small ones', async () => {
    const testTopics = await createTopics()
    const { context } = createContext('edge')
    const producer = await openProducer(settingsFor(testTopics), context)
    const topic = testTopics.prefix + topics.rawPayloads.name
    const send = (size: number) => producer.send([{ topic, key: 'k', value: Buffer.alloc(size), headers: {} }])
    await Promise.all([send(10), send(8 * 1024 * 1024), send(500_000), send(500_000), send(10)])
    const sizes = (await testTopics.read(topics.rawPayloads.name)).map(({ value }) => value?.length)
    expect(sizes).toEqual([10, 8 * 1024 * 1024, 500_000, 500_000, 10])
  })

  test('refuses one record that is too large, not its neighbours', async () => {
    const testTopics = await createTopics()
    const { context } = createContext('edge')
    const producer = await openProducer(settingsFor(testTopics), context)
    const topic = testTopics.prefix + topics.news.name
    const send = (size: number) => producer.send([{ topic, key: 'k', value: Buffer.alloc(size), headers: {} }])
    const results = await Promise.allSettled([send(10), send(3 * 1024 * 1024), send(20)])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect((await testTopics.read(topics.news.name)).map(({ value }) => value?.length)).toEqual([10, 20])
  })

  test('refuses more than may wait', async () => {
    const testTopics = await createTopics()
    const { context } = createContext('edge')
    const producer = await openProducer(settingsFor(testTopics, { PRODUCE_MAX_PENDING_BYTES: '1000' }), context)
    const topic = testTopics.prefix + topics.news.name
    const record = { topic, key: 'k', value: Buffer.alloc(700), headers: {} }
    const first = producer.send([record])
    await expect(producer.send([record])).rejects.toThrow('too many records are waiting')
    await first
    await producer.send([record])
    expect(await testTopics.read(topics.news.name)).toHaveLength(2)
  })
})

test('a table is complete when it is ready, and follows what comes later', async () => {
  const testTopics = await createTopics()
  const settings = settingsFor(testTopics)
  const codec = createCodec(createRegistry(settings.SCHEMA_REGISTRY_URL))
  const name = testTopics.prefix + topics.normalizationMaps.name
  const map = (version: number): NormalizationMap => ({
    ...{
      event_id: 'e',
      data_source_id: 1,
      source_name: 'npm',
      version,
      content: '{}',
      content_hash: 'h',
      received_at: 1,
    },
  })
  const record = async (version: number) => ({
    key: `1/${version}`,
    value: await codec.encode(topics.normalizationMaps, name, map(version)),
  })
  await testTopics.produce(topics.normalizationMaps.name, [
    await record(1),
    { key: '1/0', value: 'no Avro' },
    await record(2),
  ])

  const rows: number[] = []
  const { context, failures } = createContext('normalizer')
  await readTable(settings, context, codec, topics.normalizationMaps, ({ version }) => void rows.push(version))
  expect(rows.toSorted()).toEqual([1, 2])
  await testTopics.produce(topics.normalizationMaps.name, [await record(3)])
  await vi.waitFor(() => expect(rows).toContain(3), 10_000)
  expect(failures).toEqual([])
})
