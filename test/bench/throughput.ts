import { createErasures } from '#runtime/erase/erasures.ts'
import { Kafka, logLevel } from 'kafkajs'
import { createCodec } from '../../schemas/codec.ts'
import type { OpsEvent } from '../../schemas/generated/types.ts'
import { createRegistry } from '../../schemas/registry.ts'
import { topics } from '../../schemas/topics.ts'
import { applyTopics } from '../../services/cli/topics.ts'
import { readEnv } from '../../services/runtime/process/config.ts'
import { consumerSettings, kafkaSettings, producerSettings } from '../../services/runtime/process/settings.ts'
import { consume } from '../../services/runtime/consume/consume.ts'
import { on } from '../../services/runtime/consume/subscription.ts'
import { createLog } from '../../services/runtime/process/log.ts'
import { ok } from '../../services/runtime/consume/outcome.ts'
import { output } from '../../services/runtime/kafka/output.ts'
import { openProducer } from '../../services/runtime/kafka/produce.ts'
import type { ServiceContext } from '../../services/runtime/process/service.ts'
import { samplePayload } from './codec.ts'
import type { Measure } from './measure.ts'
import { formatNumber, summarize } from './statistics.ts'

const records = 30_000
const bodyBytes = 300
const rounds = 3
const perSend = 1000
const deadlineMs = 60_000
const prefix = 'bench.'
const [source, target] = [prefix + topics.rawPayloads.name, prefix + topics.opsEvents.name]

/**
 * Counts the records sent and says when all are. The clock runs from the first record fetched to the last
 * acknowledged.
 */
function createRace() {
  let startedAt: number | null = null
  let sent = 0
  let finish: (seconds: number) => void = () => undefined
  const seconds = new Promise<number>((done) => (finish = done))
  return {
    taken: () => void (startedAt ??= performance.now()),
    sent(count: number) {
      sent += count
      if (sent >= records && startedAt !== null) finish((performance.now() - startedAt) / 1000)
    },
    /** Records per second. */
    async rate(): Promise<number> {
      const late = AbortSignal.timeout(deadlineMs)
      const tooLate = new Promise<never>((_, fail) =>
        late.addEventListener('abort', () => fail(new Error(`${sent} of ${records} records in ${deadlineMs} ms`))),
      )
      return records / (await Promise.race([seconds, tooLate]))
    },
  }
}
type Race = ReturnType<typeof createRace>

/**
 * Consume, handle, produce with acks=-1, commit: the runtime's records per second as a share of a bare kafkajs loop's.
 */
export const throughput: Measure = async ({ serviceEnv, say }) => {
  const env = { ...serviceEnv(), TOPIC_PREFIX: prefix, TOPIC_PARTITIONS: '3' }
  const settings = readEnv({ ...kafkaSettings, ...producerSettings, ...consumerSettings }, env)
  await applyTopics({}, env)
  const codec = createCodec(createRegistry(settings.SCHEMA_REGISTRY_URL))
  const kafka = new Kafka({ clientId: 'bench', brokers: settings.KAFKA_BROKERS, logLevel: logLevel.NOTHING })
  await fill(kafka, await codec.encode(topics.rawPayloads, source, samplePayload(bodyBytes)))
  const value = await codec.encode(topics.opsEvents, target, sampleEvent())

  const rates: { bare: number; own: number }[] = []
  for (let round = 1; round <= rounds; round++) {
    say(`throughput, round ${round} of ${rounds}`)
    const group = `${prefix}bare-${round}`
    rates.push({
      bare: await runBare(kafka, group, value, createRace()),
      own: await runOwn(`runtime-${round}`, createRace()),
    })
  }
  const [bare, own] = [summarize(rates.map((one) => one.bare)), summarize(rates.map((one) => one.own))]
  const shares = summarize(rates.map((one) => (100 * one.own) / one.bare))
  const detail = `of a bare kafkajs loop in the same run; ${rounds} rounds, ${formatNumber(shares.min)} to ${formatNumber(shares.max)}`
  const perSecond = { unit: 'records/s', below: null, detail: `median of ${rounds} rounds of ${records} records` }
  return [
    { what: 'bare consume and produce', value: bare.median, ...perSecond },
    { what: 'runtime, consume to produce', value: own.median, ...perSecond },
    { what: 'share of the runtime', value: shares.median, unit: '%', detail, below: null },
  ]

  async function runOwn(name: string, race: Race): Promise<number> {
    await using scope = new AsyncDisposableStack()
    const stop = new AbortController()
    scope.defer(() => stop.abort())
    const failed = Promise.withResolvers<never>()
    const context: ServiceContext = {
      ...{ name, log: createLog(name, 'silent'), scope, stopping: stop.signal, fail: failed.reject },
      step: (_, work) => work(() => undefined),
      health: {
        ...{ ready: () => undefined, dependency: () => undefined, away: () => Promise.resolve([]) },
        ...{ live: () => undefined, drain: () => undefined },
      },
    }
    const producer = await openProducer(settings, context)
    const counting: typeof producer = {
      async send(outgoing) {
        await producer.send(outgoing)
        race.sent(outgoing.length)
      },
    }
    await consume(settings, context, { codec, producer: counting, erasures: createErasures() }, [
      on(topics.rawPayloads, async (batch) => {
        race.taken()
        return batch.map(({ value: { company_id, event_id } }) =>
          ok(output(topics.opsEvents, company_id, event_id, sampleEvent())),
        )
      }),
    ])
    return await Promise.race([race.rate(), failed.promise])
  }
}

function sampleEvent(): OpsEvent {
  const text = { kind: 'bench', service: 'bench', subject: 'bench', message: 'x'.repeat(300), dedupe_key: 'bench' }
  return {
    event_id: '8517922a-a7f2-537f-895f-9e49f6bed872',
    ...text,
    data_source_id: 1,
    resolved: false,
    at: 1,
    facts: {},
  }
}

async function fill(kafka: Kafka, value: Buffer): Promise<void> {
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  const messages = Array.from({ length: perSend }, (_, index) => ({
    key: String(index),
    value,
    headers: { event_id: '1' },
  }))
  for (let sent = 0; sent < records; sent += messages.length) await producer.send({ topic: source, acks: -1, messages })
  await producer.disconnect()
}

/** The bare minimum: batches as they arrive, sent on in thousands of records, then the commit. */
async function runBare(kafka: Kafka, groupId: string, value: Buffer, race: Race): Promise<number> {
  const producer = kafka.producer({ allowAutoTopicCreation: false, maxInFlightRequests: 1 })
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 1000, maxBytesPerPartition: 2 ** 21 })
  await using scope = new AsyncDisposableStack()
  scope.defer(() => producer.disconnect())
  scope.defer(() => consumer.disconnect())
  await Promise.all([producer.connect(), consumer.connect()])
  const failed = Promise.withResolvers<never>()
  consumer.on('consumer.crash', ({ payload }) => failed.reject(payload.error))
  await consumer.subscribe({ topic: source, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: 2,
    async eachBatch({ batch, resolveOffset, commitOffsetsIfNecessary }) {
      const { partition, messages } = batch
      race.taken()
      const outgoing = messages.map(({ key }) => ({ key, value, headers: { event_id: '1', traceparent: '1' } }))
      for (let at = 0; at < outgoing.length; at += perSend) {
        const some = outgoing.slice(at, at + perSend)
        await producer.send({ topic: target, acks: -1, messages: some })
        race.sent(some.length)
      }
      resolveOffset(batch.lastOffset())
      const next = String(BigInt(batch.lastOffset()) + 1n)
      await commitOffsetsIfNecessary({ topics: [{ topic: source, partitions: [{ partition, offset: next }] }] })
    },
  })
  return await Promise.race([race.rate(), failed.promise])
}
