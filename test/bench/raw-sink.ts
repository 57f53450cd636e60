import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { memoryTarget } from '../../deploy/service-values.ts'
import { readHistory } from '../harness/github.ts'
import { waitFor } from '../harness/wait-for.ts'
import { fillBacklog } from './backlog.ts'
import { startFirestoreStub } from './firestore-stub.ts'
import { makeFlatHistory } from './flat-history.ts'
import type { Measure } from './measure.ts'
import { runService, type RunningService } from './run-service.ts'
import { formatNumber } from './statistics.ts'
import { readCpu, readPeak } from './usage.ts'

const backlog = 100_000
const warmUpMs = 5000
const seconds = 10

/**
 * Documents from Kafka to a stub that only confirms, which measures raw-sink, and to the emulator, which measures
 * that.
 */
export const rawSink: Measure = async ({ serviceEnv, say }) => {
  const env: NodeJS.ProcessEnv = { ...serviceEnv(), TOPIC_PREFIX: 'bench-raw-sink.' }
  const history = readHistory(20, 1000)
  if (!history) say('raw-sink: no ../shared/data/github-history.ndjson.gz here, flat payloads stand in')
  say(`raw-sink: a backlog of ${backlog} payloads`)
  const pool = new pg.Pool({ connectionString: env['DATABASE_URL'] })
  await fillBacklog(env, pool, history ?? makeFlatHistory(), backlog).finally(() => pool.end())

  await using stub = await startFirestoreStub()
  say('raw-sink: against the stub')
  const own = await measureDocuments({ ...env, FIRESTORE_EMULATOR_HOST: stub.host }, stub.written)
  say('raw-sink: against the emulator')
  const emulated = await measureDocuments(env)
  const what = history ? 'github history' : 'flat payloads'
  const cpu = `CPU ${formatNumber(own.cpu * 1e6)} µs a document, ${formatNumber(own.writes)} writes each`
  const memory = `peak RSS with the heap of its pod, backlog ${formatNumber(backlog)}`
  return [
    { what: 'raw-sink, to a stub', value: own.rate, unit: 'documents/s', below: null, detail: `${what}; ${cpu}` },
    { what: 'raw-sink, to the emulator', value: emulated.rate, unit: 'documents/s', below: null, detail: what },
    { what: '  memory', value: own.peak, unit: 'MiB', below: memoryTarget('raw-sink'), detail: memory },
  ]
}

async function measureDocuments(env: NodeJS.ProcessEnv, written: () => number = () => 0) {
  await using service = await runService('raw-sink', env)
  await waitFor('the first documents', async () => (await look(service)).documents > 0)
  await delay(warmUpMs)
  const [first, writtenFirst] = [await look(service), written()]
  await delay(seconds * 1000)
  const [last, writtenLast] = [await look(service), written()]
  const documents = last.documents - first.documents
  return {
    rate: (documents * 1000) / (last.at - first.at),
    cpu: (last.cpu - first.cpu) / documents,
    writes: (writtenLast - writtenFirst) / documents,
    peak: readPeak(service.pid),
  }
}

async function look({ healthUrl, pid }: RunningService) {
  const metrics = await (await fetch(`${healthUrl}/metrics`)).text()
  const counter = /^parma_messages_consumed_total\{topic="[^"]*mining\.raw-payloads\.v1",outcome="ok"\} (\d+)/m
  return { documents: Number(counter.exec(metrics)?.[1] ?? 0), at: performance.now(), cpu: readCpu(pid) }
}
