import { createHash, randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { topics } from '#schemas/topics.ts'
import { expelMembers, readLag } from '../group.ts'
import { createInstallation, type Installation } from '../installation.ts'
import { isKafka, kafkaWire, plain, type Proxy, startProxy } from '../proxy.ts'
import type { StartedService } from '../service.ts'
import { waitFor } from '../wait-for.ts'
import { type Fed, type Mapping, normalizerBench } from '../normalizer/setup.ts'

type Server = 'kafka' | 'postgres' | 'firestore'
/** Where a service dies: at a server, whose request or answer never arrives. */
export type Point = {
  at: string
  server: Server
  hold: 'request' | 'answer'
  /** Whether this is the request; `first` is the batch's first payload. */
  of: (message: Buffer, first: Fed) => boolean
  /** How often the batch is told then. */
  told?: number
}

const saying = (text: string) => (message: Buffer) => message.includes(text)
/** What is below `/parts/` of a document is no part of it. */
const document = (message: Buffer, { event_id }: Fed) =>
  new RegExp(`/raw_data/${event_id}(?!/)`).test(message.toString('latin1'))

/** Ops events are sent by the outbox, before or after it. */
const observations = (message: Buffer) => isKafka('produce')(message) && message.includes(topics.observations.name)

export const normalizerPoints: Point[] = [
  { at: 'before its transaction', server: 'postgres', hold: 'request', of: saying('START TRANSACTION') },
  { at: 'between ledger and values', server: 'postgres', hold: 'request', of: saying('INSERT INTO normalizer.value') },
  { at: 'before its commit', server: 'postgres', hold: 'request', of: saying('COMMIT') },
  { at: 'after its commit, which nobody answers', server: 'postgres', hold: 'answer', of: saying('COMMIT') },
  { at: 'after its commit, before its outputs', server: 'kafka', hold: 'request', of: observations },
  { at: 'after its outputs, which nobody answers', server: 'kafka', hold: 'answer', of: observations, told: 2 },
  {
    at: 'after its outputs, before its offset',
    server: 'kafka',
    hold: 'request',
    of: isKafka('offset-commit'),
    told: 2,
  },
  { at: 'after its offset', server: 'kafka', hold: 'answer', of: isKafka('offset-commit') },
]

export const rawSinkPoints: Point[] = [
  { at: 'before its documents', server: 'firestore', hold: 'request', of: saying('/raw_data/') },
  { at: 'after the parts of one, before it', server: 'firestore', hold: 'request', of: document },
  { at: 'after a document, which nobody answers', server: 'firestore', hold: 'answer', of: document },
  { at: 'after its documents, before its offset', server: 'kafka', hold: 'request', of: isKafka('offset-commit') },
  { at: 'after its offset', server: 'kafka', hold: 'answer', of: isKafka('offset-commit') },
]

export type Killing = {
  bench: ReturnType<typeof normalizerBench>
  installation: Installation
  /** Feeds `batch`, kills the service there and when `isDone` says so, and starts it again. */
  killAt(point: Point, batch: [Fed, ...Fed[]], isDone?: () => Promise<boolean>): Promise<void>
}

/** Each of these starts one or two services, which takes long on a busy machine. */
const patienceMs = 120_000

/** A service that reaches its servers through proxies, so that it can be killed between any two steps of a batch. */
export async function startKilling(name: string): Promise<Killing> {
  const installation = await createInstallation()
  const { env, topics: own } = installation
  const bench = normalizerBench(installation)
  const { KAFKA_BROKERS = '', FIRESTORE_EMULATOR_HOST = '' } = env
  const database = new URL(env.DATABASE_URL ?? '')
  const proxies: Record<Server, Proxy> = {
    kafka: await startProxy(KAFKA_BROKERS, kafkaWire(KAFKA_BROKERS)),
    postgres: await startProxy(database.host, plain),
    firestore: await startProxy(FIRESTORE_EMULATOR_HOST, plain),
  }
  database.host = proxies.postgres.address
  const [group, topic] = [own.prefix + name, own.prefix + topics.rawPayloads.name]
  let service: StartedService | null = null
  /** The one before is gone, but the group would wait for it. */
  async function restart(): Promise<void> {
    await service?.kill()
    await expelMembers(group)
    service = await installation.start(name, {
      KAFKA_BROKERS: proxies.kafka.address,
      FIRESTORE_EMULATOR_HOST: proxies.firestore.address,
      DATABASE_URL: database.href,
    })
  }
  return {
    bench,
    installation,
    async killAt({ at, server, hold, of }, batch, isDone = () => Promise.resolve(true)) {
      await restart()
      await waitFor('all before it to be committed', async () => (await readLag(group, topic)) === 0, patienceMs)
      let isHeld = false
      void proxies[server].hold(hold, (message) => of(message, batch[0])).held.then(() => (isHeld = true))
      await bench.feed(batch, 1)
      await waitFor(`the batch to be ${at}`, async () => isHeld && (await isDone()), patienceMs)
      await restart()
    },
  }
}

const mappings: Mapping[] = [
  { SourceField: 'name', DataType: 'text' },
  { SourceField: 'size', DataType: 'int' },
  {
    SourceField: 'repos',
    DataType: 'nested',
    NestedMappings: [
      { SourceField: 'url', DataType: 'link' },
      { SourceField: 'stars', DataType: 'int' },
    ],
  },
]

/** Kills the normalizer at this point of a batch; then there is one of everything. */
export async function killNormalizer({ bench, installation, killAt }: Killing, point: Point): Promise<void> {
  const [source, company] = [await bench.addSource(mappings), await bench.addCompany()]
  const repos = [1, 2, 3].map((stars) => ({ url: `u${stars}`, stars }))
  const full = bench.payload(source, company, { name: 'a', size: 'many', repos, extra: 1 })
  const empty = bench.payload(source, company, '[1]')
  const small = bench.payload(source, company, { name: 'b', size: 7, repos: [] })
  await killAt(point, [full, empty, small])
  const next = bench.payload(source, company, { name: 'c', size: 8, repos: [] })
  await bench.feed([next], 1)
  await bench.observed([full, small, next], patienceMs)

  expect(await bench.counts(source)).toEqual({
    ...{ processed_event: 4, value: 7 + 2 + 2, refused: 2, series: 5 },
    ...{ text: 3, int: 5, link: 3 },
  })
  const [first = 0, second = 0, third = 0] = await Promise.all(
    [full, small, next].map((one) => timeOf(installation, one)),
  )
  expect(first < second && second < third).toBe(true)

  const told = (await bench.observations()).filter(({ value }) => value.data_source_id === source.id)
  const bytes = (one: Fed) =>
    told.filter(({ value }) => value.event_id === one.event_id).map((record) => record.bytes.toString('hex'))
  for (const one of [full, small]) {
    expect(bytes(one)).toHaveLength(point.told ?? 1)
    expect(new Set(bytes(one)).size).toBe(1)
  }
  expect(bytes(next)).toHaveLength(1)
  const events = await bench.opsEvents(source)
  const begun = events.filter(({ resolved }) => !resolved).map(({ kind }) => kind)
  expect([...new Set(begun)].sort()).toEqual(['no-raw-data', 'retyped-path', 'unknown-path'])
  for (const same of Map.groupBy(events, ({ kind, resolved }) => `${kind} ${resolved}`).values()) {
    // The outbox sends again what it had sent and not yet removed at the kill, under the same id.
    expect(same.length).toBeLessThanOrEqual(2)
    expect(new Set(same.map(({ event_id }) => event_id)).size).toBe(1)
  }
}

async function timeOf({ database }: Installation, { event_id }: Fed): Promise<number | undefined> {
  const [row] = await database.query<{ observed_at: Date }>(
    'SELECT observed_at FROM normalizer.lineage WHERE event_id = $1',
    [event_id],
  )
  return row?.observed_at.getTime()
}

/** Kills raw-sink at this point of a batch; then each payload is one whole document. */
export async function killRawSink({ bench, installation, killAt }: Killing, point: Point): Promise<void> {
  const source = { id: 1, name: `s${randomUUID()}`, mappings: [] }
  // Its body does not fit beside the rest of its document.
  const large = bench.payload(source, 1, { text: 'ä'.repeat(700_000) })
  const small = bench.payload(source, 1, { name: 'b' })
  const collection = installation.firestore.client.collection(`parma/mining/datasource/${source.name}/raw_data`)
  const isStored = async () => (await collection.doc(large.event_id).get()).exists
  // HTTP/2 answers more than requests, so an answer that is held may be to something else.
  await killAt(point, [large, small], point.hold === 'answer' ? isStored : undefined)
  const next = bench.payload(source, 1, { name: 'c' })
  await bench.feed([next], 1)

  await waitFor('the next document', async () => (await collection.doc(next.event_id).get()).exists, patienceMs)
  const { docs } = await collection.get()
  expect(docs.map(({ id }) => id).sort()).toEqual([large, small, next].map(({ event_id }) => event_id).sort())
  for (const document of docs) {
    const parts = await document.ref.collection('parts').orderBy('__name__').get()
    const count = document.id === large.event_id ? 2 : 1
    expect([document.get('body_parts'), parts.size]).toEqual([count, count])
    const body = Buffer.concat(parts.docs.map((part) => part.get('bytes') as Buffer))
    expect(createHash('sha256').update(body).digest('hex')).toBe(document.get('content_hash'))
  }
  expect(await installation.topics.read(`${topics.rawPayloads.name}.raw-sink.dlq`)).toEqual([])
}
