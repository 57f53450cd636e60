import { beforeAll, describe, expect, test } from 'vitest'
import { topics } from '../../schemas/topics.ts'
import { startEdge, type TestEdge } from '../harness/edge/setup.ts'
import { waitFor } from '../harness/wait-for.ts'

let edge: TestEdge
let source = 0
let other = 0
let token = ''
let foreign = ''

beforeAll(async () => {
  edge = await startEdge()
  source = await edge.addSource('github')
  other = await edge.addSource('reddit')
  token = await edge.token(source)
  foreign = await edge.token(other)
})

describe('who may call what', () => {
  const measurement = { type: 'int', measurement_name: 'a', source_module_id: 1 }
  test.each<[string, string, object?]>([
    ['POST', '/source-measurement', measurement],
    ['GET', '/source-measurement'],
    ['GET', '/source-measurement/1'],
    ['DELETE', '/source-measurement/1'],
    ['POST', '/feed-raw-data', { source_name: 'github', company_id: '1', raw_data: {} }],
    ['POST', '/crawling-finished', { task_id: 1 }],
    ['POST', '/new-company', {}],
  ])('%s %s needs a token, before anything else is looked at', async (method, path, body) => {
    const none = await edge.call(path, { method, ...(body && { body }) })
    expect([none.status, none.text, none.headers.get('www-authenticate')]).toEqual([
      401,
      '{"detail":"Authorization header is required!"}',
      'Bearer',
    ])
    const bad = await edge.call(path, { method, token: 'Bearer x', ...(method === 'POST' && { body: '{"' }) })
    expect([bad.status, bad.text]).toEqual([401, '{"detail":"Invalid shared token or expired token"}'])
  })

  test.each<[string, string]>([
    ['POST', '/handshake'],
    ['GET', '/feed-raw-data'],
    ['HEAD', '/schedule'],
    ['OPTIONS', '/schedule'],
    ['PUT', '/source-measurement/1'],
  ])('%s %s is 405', async (method, path) => {
    const answer = await edge.call(path, { method })
    expect(answer.status).toBe(405)
    if (method !== 'HEAD') expect(answer.text).toBe('{"detail":"Method Not Allowed"}')
  })

  test.each(['/dummy', '/nothing', '/feed-raw-data/1', '/api/v10/events'])('%s is 404', async (path) => {
    const answer = await edge.call(path)
    expect([answer.status, answer.text]).toEqual([404, '{"detail":"Not Found"}'])
  })
})

test('GET / welcomes', async () => {
  const answer = await edge.call('/')
  expect([answer.status, answer.text]).toEqual([200, '{"welcome":"at parma-analytics"}'])
})

test('GET /schedule is 200 and empty, and wakes the scheduler at each call', async () => {
  for (let times = 0; times < 3; times++) {
    const answer = await edge.call('/schedule')
    expect([answer.status, answer.text, answer.headers.get('content-type')]).toEqual([200, '', null])
  }
  const records = await edge.records(topics.triggers)
  expect(records.map(({ key, decoded }) => [key, decoded.kind, decoded.data_source_id, decoded.company_id])).toEqual(
    Array(3).fill(['schedule', 'schedule', null, null]),
  )
  expect(new Set(records.map(({ headers }) => headers['event_id'])).size).toBe(3)
})

test('POST /api/v1/runs requests a run of a source, or of one company of it, for operators only', async () => {
  const ask = (key: string, body: object) => edge.call('/api/v1/runs', { token: key, body })
  const operator = await edge.apiKey('operator')
  const event_ids: unknown[] = []
  for (const company of [{}, { company_id: null }, { company_id: 7 }]) {
    const { status, json } = await ask(operator, { data_source_id: other, ...company })
    expect(status).toBe(202)
    event_ids.push(json['event_id'])
  }
  for (const [key, body, status] of [
    [await edge.apiKey('viewer'), { data_source_id: other }, 403],
    [token, { data_source_id: source }, 401],
    [operator, { data_source_id: 2 ** 31 - 1 }, 404],
    [operator, { data_source_id: other, company_id: 'seven' }, 422],
    [operator, { company_id: 7 }, 422],
  ] as const)
    expect(await ask(key, body)).toMatchObject({ status, json: { status, remedy: expect.any(String) as string } })
  const runs = (await edge.records(topics.triggers)).filter(({ decoded }) => decoded.data_source_id !== null)
  expect(runs.map(({ key, decoded }) => [key, decoded.event_id, decoded.data_source_id, decoded.company_id])).toEqual(
    [null, null, '7'].map((company, index) => ['schedule', event_ids[index], other, company]),
  )
})

test('GET /schedule can be switched off', async () => {
  const { url } = await edge.start('edge', { COMPATIBILITY_ROUTES: 'false' })
  expect((await fetch(`${url}/schedule`)).status).toBe(404)
})

test('POST /new-company responds as the predecessor', async () => {
  const body = { id: '5', company_name: 'Acme', description: '', added_by: 'me' }
  const answer = await edge.call('/new-company', { token, body })
  expect([answer.status, answer.json]).toEqual([
    201,
    { id: 5, company_name: 'Acme', return_message: 'New company forwarded to data sourcing successfully' },
  ])
})

describe('measurements', () => {
  const register = (body: object, one = token) =>
    edge.call('/source-measurement', { token: one, body: { type: 'text', source_module_id: source, ...body } })

  test('are registered once per source, parent and name', async () => {
    const repos = await register({ type: 'nested', measurement_name: 'repositories' })
    expect([repos.status, repos.json]).toEqual([
      201,
      { id: expect.any(Number), creation_msg: 'Source Measurement successfully created' },
    ])
    const parent = repos.json['id']
    const bodies = [
      { measurement_name: 'name' },
      { measurement_name: 'name', parent_measurement_id: parent },
      { measurement_name: 'name', parent_measurement_id: null },
    ]
    const rounds = await Promise.all([...bodies, ...bodies, ...bodies].map((body) => register(body)))
    const ids = rounds.map(({ json }) => json['id'])
    expect(new Set(ids).size).toBe(2)
    expect(ids[0]).toBe(ids[2])
    const rows = await edge.database.query(
      'SELECT type, measurement_name, source_module_id, parent_measurement_id FROM source_measurement WHERE id = $1',
      [ids[1]],
    )
    expect(rows).toEqual([
      { type: 'text', measurement_name: 'name', source_module_id: source, parent_measurement_id: parent },
    ])
    const [times] = await edge.database.query(
      `SELECT abs(extract(epoch FROM modified_at - now() AT TIME ZONE 'UTC')) < 60 AS utc FROM source_measurement WHERE id = $1`,
      [ids[1]],
    )
    expect(times).toEqual({ utc: true })
  })

  test('belong to the source of the token', async () => {
    const { json } = await register({ measurement_name: 'own' })
    const reddit = await register({ measurement_name: 'own', source_module_id: other }, foreign)
    expect(reddit.json['id']).not.toBe(json['id'])
    for (const [body, detail] of [
      [
        { measurement_name: 'x', source_module_id: other },
        `source_module_id ${other} does not belong to data source ${source} of the token.`,
      ],
      [
        { measurement_name: 'x', parent_measurement_id: reddit.json['id'] },
        `parent_measurement_id ${String(reddit.json['id'])} does not belong`,
      ],
      [{ measurement_name: 'x', parent_measurement_id: 999_999 }, 'parent_measurement_id 999999 does not belong'],
    ] as const) {
      const answer = await register(body)
      expect([answer.status, answer.json['detail']]).toEqual([403, expect.stringContaining(detail)])
    }
    for (const method of ['GET', 'DELETE'])
      expect((await edge.call(`/source-measurement/${String(reddit.json['id'])}`, { method, token })).status).toBe(404)
  })

  // The second number is no id of Postgres.
  test.each([999_999, 2 ** 40])('of source %i, which does not exist, are rejected', async (gone) => {
    const one = await edge.token(gone)
    for (const [method, path] of [
      ['GET', '/source-measurement'],
      ['GET', '/source-measurement/1'],
      ['DELETE', '/source-measurement/1'],
    ] as const) {
      const answer = await edge.call(path, { method, token: one })
      expect([method, path, answer.status, answer.text]).toEqual([
        method,
        path,
        403,
        `{"detail":"Data source ${gone} of the token does not exist."}`,
      ])
    }
  })

  test('of a source that has just been deleted are rejected', async () => {
    const gone = await edge.addSource('gone')
    // Sources that have a map are cached.
    await edge.database.query(
      `INSERT INTO edge.normalization_map (data_source_id, version, content_hash, content, published_at) VALUES ($1, 1, '', '', now())`,
      [gone],
    )
    const one = await edge.token(gone)
    expect((await register({ measurement_name: 'first', source_module_id: gone }, one)).status).toBe(201)
    await edge.database.query('DELETE FROM data_source WHERE id = $1', [gone])
    const answer = await register({ measurement_name: 'second', source_module_id: gone }, one)
    expect([answer.status, answer.json['detail']]).toEqual([403, expect.stringContaining(`Data source ${gone}`)])
  })

  test('that change their type keep the old one, and the change is reported', async () => {
    const { json } = await register({ type: 'INT', measurement_name: 'stars' })
    expect((await register({ type: 'int', measurement_name: 'stars' })).json['id']).toBe(json['id'])
    expect(await edge.records(topics.opsEvents)).toEqual([])
    expect((await register({ type: 'float', measurement_name: 'stars' })).json['id']).toBe(json['id'])
    const [event] = await waitFor('the event', async () => {
      const records = await edge.records(topics.opsEvents)
      return records.length > 0 && records
    })
    expect(event?.key).toBe(String(source))
    expect(event?.decoded).toMatchObject({
      kind: 'drift',
      service: 'edge',
      data_source_id: source,
      subject: 'type of stars',
      resolved: false,
    })
    expect(event?.decoded.facts).toMatchObject({ registered_type: 'int', sent_type: 'float' })
    expect(await edge.database.query('SELECT type FROM source_measurement WHERE id = $1', [json['id']])).toEqual([
      { type: 'int' },
    ])

    // The normalizer makes an int a float when a value needs it, which is no fault of the module.
    await edge.database.query(`UPDATE source_measurement SET type = 'float' WHERE id = $1`, [json['id']])
    expect((await register({ type: 'int', measurement_name: 'stars' })).json['id']).toBe(json['id'])
    expect((await register({ type: 'text', measurement_name: 'stars' })).json['id']).toBe(json['id'])
    const events = await waitFor('one more event', async () => {
      const records = await edge.records(topics.opsEvents)
      return records.length > 1 && records
    })
    expect(events.map(({ decoded }) => decoded.facts?.['sent_type'])).toEqual(['float', 'text'])
  })

  test('are listed in pages, read and deleted', async () => {
    const third = await edge.addSource('third')
    const one = await edge.token(third)
    expect((await edge.call('/source-measurement', { token: one })).json).toEqual({
      measurements_list: [],
      num_pages: 0,
    })
    for (const measurement_name of ['a', 'b', 'c']) await register({ measurement_name, source_module_id: third }, one)
    const list = async (query: string) =>
      (await edge.call(`/source-measurement?${query}`, { token: one })).json as {
        measurements_list: { id: number; measurement_name: string }[]
        num_pages: number
      }
    const pages = await Promise.all(
      ['per_page=2', 'page=2&per_page=2', 'page=99&per_page=2', 'page=-1&per_page=2', ''].map(list),
    )
    expect(
      pages.map(({ num_pages, measurements_list }) => [
        num_pages,
        measurements_list.map((row) => row.measurement_name).join(''),
      ]),
    ).toEqual([
      [2, 'ab'],
      [2, 'c'],
      [2, 'c'],
      [2, 'ab'],
      [1, 'abc'],
    ])
    for (const query of ['per_page=0', 'per_page=1001', 'page=x'])
      expect((await edge.call(`/source-measurement?${query}`, { token: one })).status).toBe(422)

    const id = pages[4]?.measurements_list[0]?.id
    const read = await edge.call(`/source-measurement/${id}`, { token: one })
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$/)
    expect(read.json).toEqual({
      id,
      type: 'text',
      measurement_name: 'a',
      source_module_id: third,
      parent_measurement_id: null,
      created_at: time,
      modified_at: time,
    })
    const deleted = await edge.call(`/source-measurement/${id}`, { method: 'DELETE', token: one })
    expect([deleted.status, deleted.json]).toEqual([
      200,
      { deletion_msg: `Source measurement ${id} has been deleted.` },
    ])
    expect((await edge.call(`/source-measurement/${id}`, { token: one })).status).toBe(404)
    expect((await edge.call('/source-measurement/x', { token: one })).json).toMatchObject({
      detail: [{ type: 'int_parsing', loc: ['path', 'source_measurement_id'] }],
    })
  })

  test('that news items refer to are not deleted', async () => {
    const { json } = await register({ measurement_name: 'newsworthy' })
    const company = await edge.addCompany('Acme')
    await edge.database.query(
      `INSERT INTO news (message, company_id, data_source_id, timestamp, source_measurement_id, modified_at) VALUES ('', $1, $2, now(), $3, now())`,
      [company, source, json['id']],
    )
    expect((await edge.call(`/source-measurement/${String(json['id'])}`, { method: 'DELETE', token })).status).toBe(409)
  })
})

describe('POST /crawling-finished', () => {
  const finish = (body: object, one = token) => edge.call('/crawling-finished', { token: one, body })
  const recordOf = async (task: number) =>
    (await edge.records(topics.crawlFinished)).filter(({ decoded }) => decoded.task_id === task)

  test.each([
    [
      { '1': { error_type: 'CrawlingError', error_description: 'été' } },
      '{"1": {"error_type": "CrawlingError", "error_description": "\\u00e9t\\u00e9"}}',
    ],
    [{ '1': { error_type: 'x', error_description: null } }, '{"1": {"error_type": "x", "error_description": null}}'],
    [{}, '{}'],
    [null, ''],
  ])('with errors %j', async (errors, result_summary) => {
    const task = await edge.addTask(source)
    const answer = await finish({ task_id: task, errors })
    expect([answer.status, answer.json]).toEqual([
      201,
      { task_id: task, errors, return_message: 'Notified about crawling finished' },
    ])
    const [record, ...more] = await recordOf(task)
    expect(more).toEqual([])
    expect(record).toMatchObject({ key: String(source), headers: { task_id: String(task) } })
    expect(record?.decoded).toMatchObject({ data_source_id: source, task_id: task, errors, result_summary })
  })

  test('without errors, and again, is one event', async () => {
    const task = await edge.addTask(source)
    for (let times = 0; times < 2; times++) expect((await finish({ task_id: String(task) })).status).toBe(201)
    expect(new Set((await recordOf(task)).map(({ decoded }) => decoded.event_id)).size).toBe(1)
  })

  test('with more errors than a record holds is accepted, with as many as fit', async () => {
    const task = await edge.addTask(source)
    const errors = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, id) => [String(id), { error_type: 'x', error_description: 'y'.repeat(300) }]),
    )
    expect((await finish({ task_id: task, errors })).status).toBe(201)
    expect(Object.keys((await recordOf(task))[0]?.decoded.errors ?? {}).length).toBeGreaterThan(1000)
  })

  test('of an unknown task is a 404, in the words of the predecessor', async () => {
    const answer = await finish({ task_id: 999_999 })
    expect([answer.status, answer.json]).toEqual([
      404,
      { detail: 'Error setting task 999999 status to success: Task not found!' },
    ])
  })

  test('of another source’s task is 403', async () => {
    const task = await edge.addTask(other)
    const answer = await finish({ task_id: task })
    expect([answer.status, answer.json['detail']]).toEqual([
      403,
      `task_id ${task} does not belong to data source ${source} of the token.`,
    ])
  })

  test.each([
    [{}, { type: 'missing', loc: ['body', 'task_id'] }],
    [{ task_id: 'x' }, { type: 'int_parsing', loc: ['body', 'task_id'] }],
    [
      { task_id: 1, errors: [] },
      { type: 'dict_type', loc: ['body', 'errors'] },
    ],
    [
      { task_id: 1, errors: { '1': 'x' } },
      { type: 'model_attributes_type', loc: ['body', 'errors', '1'] },
    ],
    [
      { task_id: 1, errors: { '1': { error_description: 'x' } } },
      { type: 'missing', loc: ['body', 'errors', '1', 'error_type'] },
    ],
  ])('%j is 422', async (body, detail) => {
    const answer = await finish(body)
    expect([answer.status, answer.json['detail']]).toMatchObject([422, [detail]])
  })
})
