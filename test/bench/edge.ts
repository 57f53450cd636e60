import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { memoryTarget } from '../../deploy/service-values.ts'
import { createCodec } from '../../schemas/codec.ts'
import { createRegistry } from '../../schemas/registry.ts'
import { topics } from '../../schemas/topics.ts'
import { samplePayload } from './codec.ts'
import { authorize, type LoadEnd, shakeHands, startLoad } from './feed-edge.ts'
import type { Load } from './load.ts'
import type { Bench, Measure } from './measure.ts'
import { runEdge } from './run-service.ts'
import { formatNumber, summarize } from './statistics.ts'
import { readCpu, readPeak } from './usage.ts'

const source = 'bench-edge'
const seconds = 10
const callers = 64
const bodyBytes = 3000
const handshakes = 5
const fields = 40

/**
 * What one edge accepts while nobody consumes: payloads of about 3 KB from 64 connections, each answered when Kafka
 * has it (acks=-1). For comparison a bare HTTP server and a bare producer.
 */
export const edge: Measure = async (bench) => {
  bench.say('edge: handshakes')
  const handshake: number[] = []
  // The first source is the one that is fed.
  for (let round = 0; round < handshakes; round++)
    handshake.push(await shakeHands(bench, round === 0 ? source : `${source}-${round}`, fields))
  const authorization = await authorize(bench, source)
  await using own = await runEdge(bench.serviceEnv())
  const load = { url: `${own.url}/feed-raw-data`, authorization, source, seconds }
  const pids = { edge: own.pid, broker: Number(bench.env()['KAFKA_PID']) }

  bench.say('edge: the bare server and the bare producer')
  const echo = await measureEcho(load)
  const producer = await measureProducer(bench)
  bench.say('edge: as fast as it goes')
  const before = await countRecords(bench)
  const closed = await run({ ...load, rate: null }, pids)
  const rate = closed.accepted / seconds
  bench.say('edge: at half of that')
  const open = await run({ ...load, rate: Math.round(rate / 2) }, pids)
  const durable = (await countRecords(bench)) - before
  if (closed.refused + open.refused > 0 || durable < closed.accepted + open.accepted)
    throw new Error(
      `${closed.refused + open.refused} refused, ${durable} records of ${closed.accepted + open.accepted}`,
    )

  // The peak of a process never falls, and the target is that of single payloads.
  const peak = readPeak(pids.edge)
  const batches = []
  for (const batch of [1, 100]) {
    bench.say(`edge: batches of ${batch}`)
    const url = `${own.url}/api/v1/payloads`
    const { accepted, refused } = await run({ ...load, url, batch, rate: null }, pids)
    if (refused > 0) throw new Error(`${refused} batches of ${batch} were refused`)
    batches.push({ batch, rate: (accepted * batch) / seconds })
  }

  const perPayload = (cpu: number) => `${formatNumber((cpu / closed.accepted) * 1e6)} µs`
  const cpu = `CPU a payload: edge ${perPayload(closed.cpu.edge)}, broker ${perPayload(closed.cpu.broker)}, load ${perPayload(closed.cpuSeconds)}`
  const share = (ceiling: number, of = rate) => `${formatNumber((100 * of) / ceiling)} % of it`
  const latency = `p50 ${formatNumber(open.latency.p50)}, max ${formatNumber(open.latency.max)}, open loop at ${formatNumber(rate / 2)}/s`
  const shaken = summarize(handshake)
  return [
    {
      what: 'a bare HTTP server',
      value: echo,
      unit: 'requests/s',
      detail: `the edge does ${share(echo)}`,
      below: null,
    },
    {
      what: 'a bare producer',
      value: producer,
      unit: 'records/s',
      detail: `the edge does ${share(producer)}`,
      below: null,
    },
    { what: 'edge, payloads accepted', value: rate, unit: 'payloads/s', detail: cpu, below: null, above: 3000 },
    ...batches.map(({ batch, rate }) => ({
      what: `edge, payloads in batches of ${batch}`,
      ...{ value: rate, unit: 'payloads/s', below: null },
      detail: `POST /api/v1/payloads; of a bare producer: ${share(producer, rate)}`,
    })),
    { what: 'edge, p99 at half of it', value: open.latency.p99, unit: 'ms', detail: latency, below: 100 },
    {
      what: 'edge, memory',
      value: peak,
      unit: 'MiB',
      detail: 'peak RSS before the batches, heap of its pod',
      below: memoryTarget('edge'),
    },
    {
      what: `handshake of ${fields} fields`,
      ...{ value: shaken.max, unit: 's', below: 1 },
      detail: `${handshakes} new sources: min ${formatNumber(shaken.min)}, median ${formatNumber(shaken.median)}`,
    },
  ]
}

type Run = LoadEnd & { cpu: { edge: number; broker: number } }

/** One run of load.ts; `cpu` is what the processes in `pids` used during it, s. */
async function run(load: Load, pids: { edge: number; broker: number }): Promise<Run> {
  const running = await startLoad(load)
  const [edge, broker] = [readCpu(pids.edge), readCpu(pids.broker)]
  const end = await running.end
  return { ...end, cpu: { edge: readCpu(pids.edge) - edge, broker: readCpu(pids.broker) - broker } }
}

async function measureEcho(load: Omit<Load, 'rate'>): Promise<number> {
  const child = fork(join(import.meta.dirname, 'echo.ts'))
  try {
    const [port] = (await once(child, 'message')) as [number]
    const pid = child.pid ?? 0
    const { accepted } = await run(
      { ...load, url: `http://127.0.0.1:${port}/`, rate: null },
      { edge: pid, broker: pid },
    )
    return accepted / seconds
  } finally {
    child.kill()
  }
}

/** One record of each caller in a send, and the next send after its acknowledgement: the best for callers that wait. */
async function measureProducer({ serviceEnv }: Bench): Promise<number> {
  const env = serviceEnv()
  const { name } = topics.rawPayloads
  const codec = createCodec(createRegistry(env['SCHEMA_REGISTRY_URL'] ?? ''))
  const value = await codec.encode(topics.rawPayloads, name, samplePayload(bodyBytes))
  const kafka = new Kafka({ clientId: 'bench', brokers: [env['KAFKA_BROKERS'] ?? ''], logLevel: logLevel.NOTHING })
  const producer = kafka.producer({ allowAutoTopicCreation: false, maxInFlightRequests: 1 })
  await producer.connect()
  const headers = { event_id: samplePayload(0).event_id, traceparent: '00-1-1-01' }
  const messages = Array.from({ length: callers }, () => ({ key: '1', value, headers }))
  const sendFor = async (ms: number) => {
    let sent = 0
    for (const end = performance.now() + ms; performance.now() < end; sent += messages.length)
      await producer.send({ topic: name, acks: -1, messages })
    return sent
  }
  await sendFor(2000)
  const sent = await sendFor(5000)
  await producer.disconnect()
  return sent / 5
}

async function countRecords({ serviceEnv }: Bench): Promise<number> {
  const kafka = new Kafka({ brokers: [serviceEnv()['KAFKA_BROKERS'] ?? ''], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  const offsets = await admin.fetchTopicOffsets(topics.rawPayloads.name).finally(() => admin.disconnect())
  return offsets.reduce((sum, { high }) => sum + Number(high), 0)
}
