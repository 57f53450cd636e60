import { createHash, randomUUID } from 'node:crypto'
import { Kafka, logLevel } from 'kafkajs'
import type pg from 'pg'
import { createCodec } from '../../schemas/codec.ts'
import type { RawPayload } from '../../schemas/generated/types.ts'
import { createRegistry } from '../../schemas/registry.ts'
import { type Topic, topics } from '../../schemas/topics.ts'
import { applyTopics } from '../../services/cli/topics.ts'
import type { History } from '../harness/github.ts'
import type { ModuleMap } from '../harness/module.ts'

const perSend = 1000

/** Puts `count` payloads on the topic that `env` names, those of `history` again and again, each as a new event. */
export async function fillBacklog(env: NodeJS.ProcessEnv, database: pg.Pool, history: History, count: number) {
  await using feed = await openFeed(env, database, history)
  await feed.send(count)
}

/** Sends payloads to the topic that `env` names, and resolves to their event ids. */
export type Feed = AsyncDisposable & { send(count: number): Promise<string[]> }

/** Creates the source, companies and map of `history` as the handshake and parma-web do. `known`: companies that are there. */
export async function openFeed(
  env: NodeJS.ProcessEnv,
  database: pg.Pool,
  history: History,
  known?: readonly number[],
): Promise<Feed> {
  await applyTopics({}, env)
  const codec = createCodec(createRegistry(env['SCHEMA_REGISTRY_URL'] ?? ''))
  const kafka = new Kafka({ clientId: 'bench', brokers: [env['KAFKA_BROKERS'] ?? ''], logLevel: logLevel.NOTHING })
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  async function send<T>(topic: Topic<T>, records: { key: string; value: T }[]): Promise<void> {
    const name = (env['TOPIC_PREFIX'] ?? '') + topic.name
    const messages = records.map(async ({ key, value }) => ({ key, value: await codec.encode(topic, name, value) }))
    await producer.send({ topic: name, acks: -1, messages: await Promise.all(messages) })
  }

  const { Source: source_name } = history.map
  const data_source_id = await addSource(database, source_name)
  const Mappings = await addMeasurements(database, data_source_id, history.map.Mappings)
  const content = JSON.stringify({ Source: source_name, Mappings })
  const map = { data_source_id, source_name, version: 1, content, content_hash: sha256(content) }
  const value = { ...map, event_id: randomUUID(), received_at: Date.now() }
  await send(topics.normalizationMaps, [{ key: `${data_source_id}/1`, value }])

  const companies = known ?? (await addCompanies(database, countCompanies(history)))
  const templates = history.payloads.map(({ company, rawData, observedAt }): RawPayload => {
    const company_id = String(companies[company])
    const body = Buffer.from(JSON.stringify({ source_name, company_id, raw_data: rawData }))
    return {
      ...{
        event_id: '',
        received_at: 0,
        task_id: 1,
        map_version: null,
        replay: null,
        history: observedAt !== undefined,
      },
      ...{ data_source_id, source_name, company_id, body, content_hash: sha256(body) },
      observed_at: observedAt === undefined ? null : Date.parse(observedAt),
    }
  })
  let sent = 0
  return {
    async send(count) {
      const ids: string[] = []
      while (ids.length < count) {
        const records = Array.from({ length: Math.min(perSend, count - ids.length) }, () => {
          const template = templates[sent++ % templates.length] as RawPayload
          const value = { ...template, event_id: randomUUID(), received_at: Date.now() }
          return { key: value.company_id, value }
        })
        await send(topics.rawPayloads, records)
        ids.push(...records.map(({ value }) => value.event_id))
      }
      return ids
    },
    [Symbol.asyncDispose]: () => producer.disconnect(),
  }
}

/** Makes the whole backlog new again for `service`, which may not run meanwhile. */
export async function startBacklogAnew(env: NodeJS.ProcessEnv, service: string): Promise<void> {
  const kafka = new Kafka({ clientId: 'bench', brokers: [env['KAFKA_BROKERS'] ?? ''], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.deleteGroups([(env['TOPIC_PREFIX'] ?? '') + service]).finally(() => admin.disconnect())
}

async function addSource(database: pg.Pool, name: string): Promise<number> {
  const { rows } = await database.query<{ id: number }>(
    `INSERT INTO data_source (source_name, is_active, frequency, health_status, modified_at)
     VALUES ($1, true, 'DAILY', 'UP', now()) RETURNING id`,
    [name],
  )
  return (rows[0] as { id: number }).id
}

const countCompanies = ({ payloads }: History) => 1 + Math.max(...payloads.map(({ company }) => company))

export async function addCompanies(database: pg.Pool, count: number): Promise<number[]> {
  const { rows } = await database.query<{ id: number }>(
    `INSERT INTO company (name, modified_at) SELECT 'Bench ' || n, now() FROM generate_series(1, $1) AS n RETURNING id`,
    [count],
  )
  return rows.map(({ id }) => id)
}

type Entry = ModuleMap['Mappings'][number]

async function addMeasurements(database: pg.Pool, source: number, entries: Entry[], parent?: number): Promise<Entry[]> {
  const added: Entry[] = []
  for (const entry of entries) {
    const { rows } = await database.query<{ id: number }>(
      `INSERT INTO source_measurement (source_module_id, parent_measurement_id, measurement_name, type, modified_at)
       VALUES ($1, $2, $3, $4, now()) RETURNING id`,
      [source, parent, entry.MeasurementName, entry.DataType],
    )
    const source_measurement_id = (rows[0] as { id: number }).id
    const { NestedMappings } = entry
    const nested = NestedMappings && {
      NestedMappings: await addMeasurements(database, source, NestedMappings, source_measurement_id),
    }
    added.push({ ...entry, source_measurement_id, ...nested })
  }
  return added
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
