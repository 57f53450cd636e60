import { beforeAll, describe, expect, test } from 'vitest'
import { topics } from '../../schemas/topics.ts'
import { onlyRequestedRuns, startEdge, type TestEdge } from '../harness/edge/setup.ts'
import { type FactsModule, startFactsModule } from '../harness/facts-module.ts'
import { type ModuleFacts, readModuleFacts, type Wire, writeJson } from '../harness/module-facts.ts'
import { waitFor } from '../harness/wait-for.ts'

const modules = readModuleFacts()

let edge: TestEdge
/** Our id of each company in the facts. */
const companies = new Map<string, string>()

beforeAll(async () => {
  edge = await startEdge()
  await Promise.all([
    edge.start('scheduler', { ALLOWED_PRIVATE_NETWORKS: '127.0.0.0/8', ...onlyRequestedRuns }),
    edge.start('normalizer'),
  ])
  // Our ids differ from theirs, so that an id that is not translated shows.
  await edge.database.query(`ALTER SEQUENCE company_id_seq RESTART WITH 1001`)
  const named = new Set(modules.flatMap((facts) => Object.keys(facts.companies_request.companies ?? {})))
  for (const id of [...named].sort()) companies.set(id, String(await edge.addCompany(`Company ${id}`)))
})

type Task = { task_id: number; status: string; result_summary: string; outcome: string; fed: number; ended: boolean }

describe.each(modules)('$source', (facts: ModuleFacts) => {
  let module: FactsModule
  let source = 0

  beforeAll(async () => {
    module = await startFactsModule(facts, edge.url, companies)
    source = await edge.addSource(facts.source, module.endpoint)
  })

  const takeCalls = () => ({ received: module.received.splice(0), sent: module.sent.splice(0) })
  const shake = () => edge.handshake(module.endpoint, source)
  const measurements = () =>
    edge.database.query<{ id: number }>(
      `SELECT m.id, m.measurement_name, m.type, p.measurement_name AS parent
       FROM source_measurement m LEFT JOIN source_measurement p ON p.id = m.parent_measurement_id
       WHERE m.source_module_id = $1 ORDER BY m.id`,
      [source],
    )
  const versions = () =>
    edge.database.query<{ version: number; content: string }>(
      'SELECT version, content FROM edge.normalization_map WHERE data_source_id = $1',
      [source],
    )
  const maps = async () =>
    (await edge.records(topics.normalizationMaps)).filter(({ decoded }) => decoded.data_source_id === source)

  test('is initialised: its measurements have real ids during the call, and its map is durable', async () => {
    const answer = await shake()
    expect([answer.status, answer.json]).toEqual([200, { frequency: facts.frequency }])
    const { received, sent } = takeCalls()
    expect(received.map(({ route }) => route)).toEqual(['GET /initialize'])
    expect(new Set(sent.map(({ authorization }) => authorization))).toEqual(
      new Set(facts.registration_order.length > 0 ? received.map(({ authorization }) => authorization) : []),
    )
    const rows = await measurements()
    expect(rows.map(({ id: _, ...row }) => row)).toEqual(facts.registration_order)
    expect(sent.map(({ answer: { id } }) => id)).toEqual(rows.map(({ id }) => id))
    for (const { answer: said } of sent)
      expect(said).toEqual({ id: said['id'], creation_msg: 'Source Measurement successfully created' })

    const [stored, ...more] = await versions()
    const [map, ...others] = await maps()
    expect([more, others]).toEqual([[], []])
    expect(map?.key).toBe(`${source}/1`)
    expect(map?.decoded).toMatchObject({ version: 1, source_name: facts.source, content: stored?.content })
    expect(readIds(stored?.content ?? '')).toEqual(rows.map(({ id }) => id))
  })

  test('is initialised again: nothing is doubled', async () => {
    const before = await measurements()
    module.behave('good_run', 'compact')
    for (let times = 0; times < 2; times++) expect((await shake()).status).toBe(200)
    takeCalls()
    expect(await measurements()).toEqual(before)
    expect(await versions()).toHaveLength(1)
    expect(new Set((await maps()).map(({ decoded }) => decoded.event_id)).size).toBe(1)
  })

  test.each<['good_run' | 'bad_run', Wire]>([
    ['good_run', 'escaped'],
    ['good_run', 'compact'],
    ['bad_run', 'escaped'],
  ])('%s, %s: is called, feeds and finishes, and every leaf is accounted for', async (run, wire) => {
    module.behave(run, wire)
    const task = await runOnce()
    const { received, sent } = takeCalls()
    const asked = facts.companies_request.companies
    const crawl = received
      .filter(({ route }) => route === 'POST /companies')
      .map(({ body }) => JSON.parse(body) as object)
    const request = asked && Object.fromEntries(Object.entries(asked).map(([id, found]) => [module.ours(id), found]))
    // Some modules find something for every company, and others add companies.
    expect(crawl).toEqual([{ task_id: task.task_id, companies: request && expect.objectContaining(request) }])
    expect(new Set([...received, ...sent].map(({ authorization }) => authorization)).size).toBe(1)

    const [finish, ...feeds] = sent.toReversed()
    const errors = module.errors(run)
    const said = { task_id: task.task_id, errors, return_message: 'Notified about crawling finished' }
    expect([finish?.path, finish?.status, finish?.answer]).toEqual(['/crawling-finished', 201, said])
    expect(task).toEqual({
      ...{ task_id: task.task_id, status: 'SUCCESS', result_summary: writeJson(errors, 'escaped') },
      ...{ outcome: Object.keys(errors).length === 0 ? 'ok' : 'partial', fed: feeds.length, ended: true },
    })
    await expectPayloads(task.task_id, feeds.reverse())
    await expectValues(feeds.map(({ answer }) => String(answer['document_id'])))
  })

  /** Requests a run as parma-web does. */
  async function runOnce(): Promise<Task> {
    const task = await edge.addTask(source)
    expect((await edge.call('/schedule')).status).toBe(200)
    const read = () =>
      edge.database.query<Task>(
        `SELECT t.task_id, t.status, t.result_summary, r.outcome, r.fed::int AS fed, t.ended_at IS NOT NULL AS ended
         FROM scheduled_task t JOIN scheduler.run r USING (task_id) WHERE t.task_id = $1 AND r.outcome IS NOT NULL`,
        [task],
      )
    return waitFor(`a run of ${facts.source}`, async () => (await read())[0], 45_000)
  }

  async function expectPayloads(taskId: number, feeds: FactsModule['sent']): Promise<void> {
    const sentIds = facts.feed_company_ids.slice(0, feeds.length).map((id) => module.ours(id))
    const records = await edge.records(topics.rawPayloads)
    for (const [index, { path, status, answer, body }] of feeds.entries()) {
      // A module that has its own company ids gets ours back.
      const company_id = facts.companies_request.companies ? sentIds[index] : expect.stringMatching(/^\d+$/)
      expect([path, status]).toEqual(['/feed-raw-data', 201])
      expect(answer).toEqual({
        ...{ source_name: facts.source, company_id, raw_data: facts.payloads[index] },
        ...{ timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$/) },
        ...{ return_message: 'Raw data received and saved. ', document_id: expect.stringMatching(/^[\da-f-]{36}$/) },
      })
      const [record, ...more] = records.filter(({ decoded: { event_id } }) => event_id === answer['document_id'])
      expect(more).toEqual([])
      expect([record?.key, record?.headers['task_id']]).toEqual([answer['company_id'], String(taskId)])
      expect(record?.decoded).toMatchObject({ data_source_id: source, source_name: facts.source, task_id: taskId })
      expect(record?.decoded.body.toString()).toBe(body)
    }
  }

  async function expectValues(events: readonly string[]): Promise<void> {
    const rows = await waitFor('the payloads to be normalized', async () => {
      const found = await edge.database.query<{ event_id: string }>(
        `SELECT event_id, reason, map_version, stored, nulls, unmapped, refused,
           (SELECT jsonb_object_agg(type, n) FROM (SELECT type, count(*) AS n FROM normalizer.value v WHERE v.event_no = e.event_no GROUP BY type) t) AS types
         FROM normalizer.processed_event e WHERE event_id = ANY($1)`,
        [events],
      )
      return found.length === new Set(events).size && found
    })
    const expected = events.map((event_id, index) => {
      const { mapped_leaf_count, null_count, unmapped_leaf_count, by_type = {} } = facts.expected[index] ?? {}
      return {
        ...{ event_id, reason: null, map_version: 1, stored: mapped_leaf_count, nulls: null_count },
        ...{ unmapped: unmapped_leaf_count, refused: 0, types: Object.keys(by_type).length > 0 ? by_type : null },
      }
    })
    expect(rows.toSorted((a, b) => events.indexOf(a.event_id) - events.indexOf(b.event_id))).toEqual(expected)
  }
})

/** The ids of a map in the order in which modules register: depth first, parents before children. */
function readIds(content: string): number[] {
  type Entry = { source_measurement_id: number; NestedMappings?: Entry[] }
  const walk = (entries: Entry[]): number[] =>
    entries.flatMap(({ source_measurement_id, NestedMappings = [] }) => [
      source_measurement_id,
      ...walk(NestedMappings),
    ])
  return walk((JSON.parse(content) as { Mappings: Entry[] }).Mappings)
}
