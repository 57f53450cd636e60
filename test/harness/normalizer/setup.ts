import { createHash, randomUUID } from 'node:crypto'
import { vi } from 'vitest'
import { makeChange } from '#runtime/changes/change-record.ts'
import type { KindOf, PayloadInput } from '#runtime/changes/kinds.ts'
import { createCodec } from '#schemas/codec.ts'
import type { NormalizationMap, Observation, OpsEvent, RawPayload } from '#schemas/generated/types.ts'
import { createRegistry } from '#schemas/registry.ts'
import { type Topic, topics } from '#schemas/topics.ts'
import { onCleanup } from '../cleanup.ts'
import { createInstallation, type Installation } from '../installation.ts'
import { asRole } from '../roles.ts'
import { waitFor } from '../wait-for.ts'

export type Mapping = {
  SourceField: string
  DataType: string
  MeasurementName?: string
  NestedMappings?: Mapping[]
  ItemKey?: string
}
type WithId = Mapping & { source_measurement_id: number }
export type Source = { id: number; name: string; mappings: WithId[] }
export type Received<T> = {
  value: T
  bytes: Buffer
  key: string | null
  headers: Record<string, string>
  partition: number
}
type NormalizerBench = ReturnType<typeof normalizerBench>
export type InstalledNormalizer = NormalizerBench & { installation: Installation; restart(): Promise<void> }
export type Fed = RawPayload & { headers?: Record<string, string> }

/** An installation with a running normalizer under its role, for a whole file. Commands that the test runs itself find it, too. */
export async function installNormalizer(): Promise<InstalledNormalizer> {
  const installation = await createInstallation()
  for (const [name, value] of Object.entries(installation.env)) vi.stubEnv(name, value)
  onCleanup(() => void vi.unstubAllEnvs())
  const role = asRole('normalizer', installation.env)
  const limits = { MAX_LEAVES: '1000', MAX_DEPTH: '20', MAX_INCIDENTS_PER_DAY: '20' }
  const start = () => installation.start('normalizer', { ...role, MAP_WAIT_MS: '4000', ...limits })
  let service = await start()
  /** The new process ends with the test that asks for it. */
  const restart = async () => {
    await service.stop()
    service = await start()
  }
  return { installation, restart, ...normalizerBench(installation) }
}

/** Makes sources, companies and payloads for tests, and reads and writes the topics around the normalizer. */
export function normalizerBench({ database, topics: testTopics, env }: Installation) {
  const codec = createCodec(createRegistry(env.SCHEMA_REGISTRY_URL ?? ''))
  const encode = <T>(topic: Topic<T>, value: T) => codec.encode(topic, testTopics.prefix + topic.name, value)
  const one = async (text: string, values: unknown[]) =>
    ((await database.query<{ id: number }>(text, values))[0] as { id: number }).id

  async function addMeasurements(source: number, mappings: Mapping[], parent: number | null = null): Promise<WithId[]> {
    const added: WithId[] = []
    for (const mapping of mappings) {
      const id = await one(
        `INSERT INTO source_measurement (source_module_id, parent_measurement_id, measurement_name, type, modified_at)
         VALUES ($1, $2, $3, $4, now()) RETURNING id`,
        [source, parent, mapping.MeasurementName ?? mapping.SourceField, mapping.DataType],
      )
      const nested = mapping.NestedMappings
        ? { NestedMappings: await addMeasurements(source, mapping.NestedMappings, id) }
        : {}
      added.push({ MeasurementName: mapping.SourceField, ...mapping, ...nested, source_measurement_id: id })
    }
    return added
  }

  async function read<T>(topic: Topic<T>): Promise<Received<T>[]> {
    const records = await testTopics.read(topic.name)
    return Promise.all(
      records.map(async ({ value, key, headers, partition }) => ({
        ...{ value: await codec.decode(topic, value), bytes: value as Buffer, key, headers, partition },
      })),
    )
  }

  const bench = {
    addCompany: () => one(`INSERT INTO company (name, modified_at) VALUES ('c', now()) RETURNING id`, []),

    /** A data source with its measurements; with `version`, its map is published too. */
    async addSource(mappings: Mapping[], version: number | null = 1): Promise<Source> {
      const name = `s${randomUUID().slice(0, 8)}`
      const id = await one(
        `INSERT INTO data_source (source_name, is_active, frequency, health_status, modified_at)
         VALUES ($1, true, 'DAILY', 'UP', now()) RETURNING id`,
        [name],
      )
      const source = { id, name, mappings: await addMeasurements(id, mappings) }
      if (version !== null) await bench.publishMap(source, version)
      return source
    },
    addMeasurements,

    async publishMap({ id, name, mappings }: Source, version: number): Promise<void> {
      const content = JSON.stringify({ Source: name, Mappings: mappings })
      const value: NormalizationMap = {
        ...{ event_id: randomUUID(), data_source_id: id, source_name: name, version, content, received_at: Date.now() },
        content_hash: createHash('sha256').update(content).digest('hex'),
      }
      const key = `${id}/${version}`
      await testTopics.produce(topics.normalizationMaps.name, [
        { key, value: await encode(topics.normalizationMaps, value) },
      ])
    },

    /**
     * A payload as the edge makes it. It names the map version, so that it waits for the map: the table reads alone.
     */
    payload(source: Source, company: number | string, data: unknown, more: Partial<Fed> = {}): Fed {
      const raw = typeof data === 'string' ? data : JSON.stringify(data)
      const body = Buffer.from(`{"source_name": "${source.name}", "company_id": "${company}", "raw_data": ${raw}}`)
      return {
        ...{
          event_id: randomUUID(),
          received_at: Date.now(),
          observed_at: null,
          history: false,
          task_id: null,
          map_version: 1,
          replay: null,
        },
        ...{ data_source_id: source.id, source_name: source.name, company_id: String(company) },
        ...{
          body,
          content_hash: createHash('sha256')
            .update(more.body ?? body)
            .digest('hex'),
        },
        ...more,
      }
    },

    async feed(payloads: Fed[], partition?: number): Promise<void> {
      const records = await Promise.all(
        payloads.map(async ({ headers = {}, ...payload }) => ({
          ...{ key: payload.company_id, value: await encode(topics.rawPayloads, payload), partition },
          headers: { event_id: payload.event_id, ...headers },
        })),
      )
      await testTopics.produce(topics.rawPayloads.name, records)
    },

    /** Asks for a change, as the edge does, and returns its id. */
    async askFor<K extends KindOf<'normalizer'>>(kind: K, payload: PayloadInput<K>): Promise<string> {
      const { key, value } = makeChange({ name: 'key:a', role: 'operator' }, kind, payload, Date.now())
      await testTopics.produce(topics.changes.name, [{ key, value: await encode(topics.changes, value) }])
      return value.event_id
    },

    /** Waits until the ledger has all of these and their observations are out, and returns those by event. */
    async observed(payloads: Fed[], deadlineMs?: number): Promise<Received<Observation>[][]> {
      const ids = payloads.map(({ event_id }) => event_id)
      await bench.settled(payloads, deadlineMs)
      return waitFor(
        `observations of ${payloads.length} payloads`,
        async () => {
          const all = Map.groupBy(await read(topics.observations), ({ value }) => value.event_id)
          const found = ids.map((id) => all.get(id) ?? [])
          return (
            found.every(
              (records) => new Set(records.map(({ value }) => value.part)).size === records[0]?.value.parts,
            ) && found
          )
        },
        deadlineMs,
      )
    },

    /** The observation of one payload, which must be in one part. */
    async observedOnce(payload: Fed): Promise<Received<Observation>> {
      const [[record] = []] = await bench.observed([payload])
      if (record?.value.parts !== 1) throw new Error(`${record?.value.parts} parts of one payload`)
      return record
    },

    /** Waits until the ledger has a row of each of these, and returns the reasons of refusal. */
    async settled(payloads: Fed[], deadlineMs?: number): Promise<(string | null)[]> {
      return waitFor(
        `${payloads.length} payloads in the ledger`,
        async () => {
          const rows = await database.query<{ event_id: string; replay_id: string; reason: string | null }>(
            'SELECT event_id, replay_id, reason FROM normalizer.processed_event WHERE event_id = ANY($1)',
            [payloads.map(({ event_id }) => event_id)],
          )
          const found = payloads.map(({ event_id, replay }) =>
            rows.find((row) => row.event_id === event_id && row.replay_id === (replay?.replay_id ?? '')),
          )
          return found.every((row) => row !== undefined) && found.map((row) => row?.reason ?? null)
        },
        deadlineMs,
      )
    },

    observations: () => read(topics.observations),
    async opsEvents(source: Source): Promise<OpsEvent[]> {
      await waitFor('operational events to be published', async () => {
        const open = await database.query('SELECT FROM normalizer.outbox WHERE published_at IS NULL')
        return open.length === 0
      })
      return (await read(topics.opsEvents))
        .map(({ value }) => value)
        .filter((event) => event.data_source_id === source.id)
    },
    deadLetters: () => testTopics.read(`${topics.rawPayloads.name}.normalizer.dlq`),
    /** Counts of everything that is stored of a source. */
    async counts(source: Source): Promise<Record<string, number>> {
      const tables = ['int', 'float', 'text', 'paragraph', 'comment', 'link', 'image', 'date', 'nested']
      const ofSource = `JOIN company_source_measurement USING (company_measurement_id)
        JOIN source_measurement m ON m.id = source_measurement_id WHERE m.source_module_id = $1`
      const queries = [
        ...tables.map((name) => [name, `SELECT count(*)::int FROM measurement_${name}_value ${ofSource}`] as const),
        [
          'series',
          `SELECT count(*)::int FROM company_source_measurement JOIN source_measurement m ON m.id = source_measurement_id WHERE m.source_module_id = $1`,
        ] as const,
        ...['value', 'processed_event'].map(
          (name) => [name, `SELECT count(*)::int FROM normalizer.${name} WHERE data_source_id = $1`] as const,
        ),
        [
          'refused',
          'SELECT count(*)::int FROM normalizer.refused WHERE superseded_by IS NULL AND data_source_id = $1',
        ] as const,
      ]
      const counted = await Promise.all(
        queries.map(
          async ([name, text]) =>
            [name, (await database.query<{ count: number }>(text, [source.id]))[0]?.count ?? 0] as const,
        ),
      )
      return Object.fromEntries(counted.filter(([, count]) => count > 0))
    },
  }
  return bench
}
