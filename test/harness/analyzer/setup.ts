import { randomUUID } from 'node:crypto'
import { vi } from 'vitest'
import { isoDay } from '#runtime/text/format.ts'
import { createCodec } from '#schemas/codec.ts'
import type { News, Observation, ObservedValue } from '#schemas/generated/types.ts'
import { createRegistry } from '#schemas/registry.ts'
import { type Topic, topics } from '#schemas/topics.ts'
import { onCleanup } from '../cleanup.ts'
import { createInstallation } from '../installation.ts'
import type { StartedService } from '../service.ts'
import { waitFor } from '../wait-for.ts'

/** The time of day 0 of each series. */
export const start = Date.parse('2026-11-16T10:00:00Z')
const dayMs = 86_400_000

export type AnalyzerBench = Awaited<ReturnType<typeof installAnalyzer>>

/** An installation with a running analyzer, which `env` goes to, for a whole file. Commands that the test runs itself find it, too. */
export async function installAnalyzer(env: NodeJS.ProcessEnv = {}) {
  const installation = await createInstallation()
  for (const [name, value] of Object.entries(installation.env)) vi.stubEnv(name, value)
  onCleanup(() => void vi.unstubAllEnvs())
  const codec = createCodec(createRegistry(installation.env.SCHEMA_REGISTRY_URL ?? ''))
  let eventNo = 0

  /** One more replica. It reads rules that are at most 200 ms old. */
  function startAnalyzer(env: NodeJS.ProcessEnv = {}): Promise<StartedService> {
    return installation.start('analyzer', { RULES_MAX_AGE_MS: '200', ...env })
  }

  async function insert(statement: string, values: unknown[] = []): Promise<number> {
    const [row] = await installation.database.query<{ id: number }>(statement, values)
    return row!.id
  }

  /** A company with one measurement, and the observations that speak of it. */
  async function createSeries(type = 'int', name = 'stars') {
    const company = await insert(
      `INSERT INTO public.company (name, modified_at) VALUES ('langfuse', now()) RETURNING id`,
    )
    const source =
      await insert(`INSERT INTO public.data_source (source_name, is_active, frequency, health_status, modified_at)
      VALUES ('github', true, 'DAILY', 'UP', now()) RETURNING id`)
    const measurement = await insert(
      `INSERT INTO public.source_measurement (source_module_id, type, measurement_name, modified_at) VALUES ($1, $2, $3, now()) RETURNING id`,
      [source, type, name],
    )
    const series = await insert(
      'INSERT INTO public.company_source_measurement (source_measurement_id, company_id) VALUES ($1, $2) RETURNING company_measurement_id AS id',
      [measurement, company],
    )
    const value = (found: Partial<ObservedValue>): ObservedValue => ({
      ...{
        seq: 0,
        source_measurement_id: measurement,
        company_measurement_id: series,
        measurement_name: name,
        type,
        path: name,
      },
      ...{ item_key: null, item_label: null, number: null, text: null, date: null, members: null },
      ...found,
    })
    const observation = (
      day: number,
      values: Partial<ObservedValue>[],
      changes: Partial<Observation> = {},
    ): Observation => ({
      ...{
        event_id: randomUUID(),
        event_no: ++eventNo,
        part: 1,
        parts: 1,
        data_source_id: source,
        source_name: 'github',
      },
      ...{ company_id: String(company), task_id: 7, map_version: 1, observed_at: start + day * dayMs, history: false },
      ...{ replay_id: null, subject_key: '', values: values.map(value), refused: 0, empty_lists: [] },
      ...changes,
    })
    const addRule = (threshold: number, method: string | null = null, entries: number | null = null) =>
      insert(
        `INSERT INTO public.notification_rules (rule_name, source_measurement_id, threshold, aggregation_method, num_aggregation_entries, modified_at)
         VALUES ('a rule', $1, $2, $3, $4, now()) RETURNING rule_id AS id`,
        [measurement, threshold, method, entries],
      )
    return { company, source, measurement, series, observation, addRule }
  }

  /** Stores the values of observations as the normalizer does. */
  async function store(...observations: Observation[]): Promise<void> {
    const { database } = installation
    for (const month of new Set(observations.map(({ observed_at }) => isoDay(observed_at).slice(0, 7))))
      await database.query('SELECT normalizer.create_month($1)', [`${month}-15T00:00:00Z`])
    const rows = observations.flatMap(({ values, ...of }) =>
      values.map((value) => ({ ...of, ...value, observed_at: new Date(of.observed_at), date: null })),
    )
    await database.query(
      `INSERT INTO normalizer.value (event_no, observed_at, number, seq, company_measurement_id, source_measurement_id,
         company_id, data_source_id, type, path, subject_key, item_key, item_label, text, members)
       SELECT event_no, observed_at, number, seq, company_measurement_id, source_measurement_id, company_id,
         data_source_id, type, path, subject_key, item_key, item_label, text, members
       FROM jsonb_populate_recordset(NULL::normalizer.value, $1::jsonb)`,
      [JSON.stringify(rows)],
    )
  }

  async function send(...observations: Observation[]): Promise<void> {
    const { topics: own } = installation
    const values = await Promise.all(
      observations.map((one) => codec.encode(topics.observations, own.prefix + topics.observations.name, one)),
    )
    await own.produce(
      topics.observations.name,
      values.map((value, index) => {
        const { company_id, event_id } = observations[index]!
        return { key: company_id, value, headers: { traceparent: traceOf(event_id) } }
      }),
    )
  }

  async function readAll<T>(
    topic: Topic<T>,
  ): Promise<{ value: T; headers: Record<string, string>; key: string | null; sentAt: number }[]> {
    const records = await installation.topics.read(topic.name)
    return Promise.all(
      records.map(async ({ value, ...rest }) => ({ ...rest, value: await codec.decode(topic, value) })),
    )
  }

  const newsOf = async (company: number): Promise<News[]> =>
    (await readAll(topics.news)).map(({ value }) => value).filter(({ company_id }) => company_id === String(company))

  /** Resolves when the observations have taken effect. */
  async function settled(...observations: Observation[]): Promise<void> {
    await waitFor('the observations to be judged', async () => {
      const ids = [...new Set(observations.map(({ event_id }) => event_id))]
      const rows = await installation.database.query(
        'SELECT FROM analyzer.event_status WHERE event_id = ANY($1) AND stage = $2',
        [ids, 'judged'],
      )
      return rows.length === ids.length
    })
  }

  /** All news items of a company. Those that parma-web does not show lack its columns. */
  const stored = (company: number) =>
    installation.database.query<{ title: string; trigger_factor: string | null; silent: boolean }>(
      `SELECT n.title, n.message, p.trigger_factor, p.timestamp::text, p.data_source_id, p.source_measurement_id, n.silent
       FROM analyzer.news n LEFT JOIN public.news p ON n.public_news_id = p.id WHERE n.company_id = $1
       ORDER BY n.event_no, n.group_index`,
      [company],
    )

  /** What parma-web shows of a company, with the dates that it writes beside them. */
  const shown = async (company: number) => {
    const rows = await installation.database.query<{ title: string; created_at: string }>(
      'SELECT title, created_at::text FROM public.news WHERE company_id = $1 ORDER BY id',
      [company],
    )
    return rows.map(({ title, created_at }) => `${created_at} ${title}`)
  }

  const service = await startAnalyzer(env)
  return { installation, service, startAnalyzer, createSeries, store, send, readAll, newsOf, settled, stored, shown }
}

/** The `traceparent` with which an event reaches the analyzer here. */
function traceOf(eventId: string): string {
  return `00-${eventId.replaceAll('-', '')}-00f067aa0ba902b7-01`
}
