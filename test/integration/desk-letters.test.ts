import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { type Codec, createCodec } from '../../schemas/codec.ts'
import type { Observation } from '../../schemas/generated/types.ts'
import { createRegistry } from '../../schemas/registry.ts'
import { topics } from '../../schemas/topics.ts'
import { addLetter } from '../harness/edge/add-letter.ts'
import { signIn, useSession } from '../harness/edge/console.ts'
import { startEdge, type StartedEdge } from '../harness/edge/setup.ts'
import { violationsOf } from '../harness/edge/violations-of.ts'
import { openWatchedPage } from '../harness/edge/watched-page.ts'
import { waitFor } from '../harness/wait-for.ts'

// A browser is slow to start on a busy machine, and Kafka's groups take their time.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

let edge: StartedEdge
let codec: Codec
let cookies: { operator: string; other: string; viewer: string }
const observationLetters = `${topics.observations.name}.analyzer.dlq`

beforeAll(async () => {
  edge = await startEdge()
  codec = createCodec(createRegistry(edge.env['SCHEMA_REGISTRY_URL'] ?? ''))
  cookies = {
    operator: await signIn(edge, { key: 'operator' }),
    other: await signIn(edge, { key: 'operator' }),
    viewer: await signIn(edge, { key: 'viewer' }),
  }
})

const path = '/console/dead-letters'

async function get(address: string, cookie = cookies.operator) {
  const answer = await fetch(edge.url + address, { headers: { cookie }, redirect: 'manual' })
  return { status: answer.status, text: await answer.text(), location: answer.headers.get('location') }
}

async function post(address: string, fields: Record<string, string>, cookie = cookies.operator) {
  const [, form_token = ''] =
    /name="form_token" value="([^"]+)"/.exec((await get('/console/search', cookie)).text) ?? []
  const answer = await fetch(edge.url + address, {
    ...{ method: 'POST', redirect: 'manual' as const },
    body: new URLSearchParams({ form_token, ...fields }),
    headers: { cookie, origin: edge.url, 'sec-fetch-site': 'same-origin' },
  })
  return { status: answer.status, text: await answer.text(), location: answer.headers.get('location') }
}

let eventNo = 0
const observation = (): Observation => ({
  ...{ event_id: randomUUID(), event_no: ++eventNo, part: 1, parts: 1, data_source_id: 1, source_name: 'github' },
  ...{ company_id: '1', task_id: null, map_version: 1, observed_at: Date.now(), history: false, replay_id: null },
  ...{ subject_key: '', values: [], refused: 0, empty_lists: [] },
})

const death = (event_id: string, reason: string, at = '2026-11-01T10:00:00.000Z') => ({
  ...{ event_id, '__dlq.reason': reason, '__dlq.stage': 'decode', '__dlq.errors.message': 'it was <b>wrong</b>' },
  ...{ '__dlq.first.failed.at': at, '__dlq.errors.partition': '2', '__dlq.errors.offset': '17' },
})

/** Dead letters of observations that today's analyzer can process. Their event ids. */
async function leave(count: number, reason: string): Promise<string[]> {
  const name = edge.topics.prefix + topics.observations.name
  const all = Array.from({ length: count }, observation)
  const records = await Promise.all(
    all.map(async (one) => ({
      key: String(one.event_no % 40),
      value: await codec.encode(topics.observations, name, one),
      headers: death(one.event_id, reason),
    })),
  )
  for (let at = 0; at < records.length; at += 1000)
    await edge.topics.produce(observationLetters, records.slice(at, at + 1000))
  return all.map(({ event_id }) => event_id)
}

type Row = { letter_no: number; state: string; event_id: string; handled_by: string | null; trouble: string | null }
const rowsOf = (reason: string) =>
  edge.database.query<Row>(
    'SELECT letter_no::int, state, event_id, handled_by, trouble FROM edge.dead_letter WHERE reason = $1 ORDER BY letter_no',
    [reason],
  )

async function indexed(reason: string, count: number): Promise<Row[]> {
  return waitFor(
    `${count} dead letters in the table`,
    async () => {
      await get(path)
      const rows = await rowsOf(reason)
      return rows.length === count && rows
    },
    120_000,
  )
}

/** How often each event was sent again. */
async function sentOf(events: readonly string[]): Promise<Map<string, number>> {
  const wanted = new Set(events)
  const sent = new Map<string, number>()
  for (const { headers } of await edge.topics.read(topics.observations.name)) {
    const id = String(headers['event_id'])
    if (wanted.has(id)) sent.set(id, (sent.get(id) ?? 0) + 1)
  }
  return sent
}

async function ended(location: string | null): Promise<string> {
  return waitFor(
    'the end of the replay',
    async () => {
      const { text } = await get(location ?? '')
      return !text.includes('</span> running') && text
    },
    120_000,
  )
}

test('without dead letters the page says so; a viewer may not see it, and does nothing', async () => {
  const { status, text } = await get(path)
  expect(status).toBe(200)
  expect(text).toContain('No dead letters')
  const key = randomUUID()
  for (const one of [path, `${path}/1`, `${path}/replay`, `${path}/drop`, `${path}/redrives/${key}`])
    expect([one, (await get(one, cookies.viewer)).status]).toEqual([one, 403])
  for (const one of ['replay', 'drop', `redrives/${key}/stop`, `redrives/${key}/undo`, 'mend/1'])
    expect([one, (await post(`${path}/${one}`, { key, why: 'x' }, cookies.viewer)).status]).toEqual([one, 403])
  expect((await edge.call('/api/v1/dead-letters', { token: await edge.apiKey('viewer') })).status).toBe(403)
})

describe('dead letters', () => {
  let unreadable: Row
  let readable: Row

  beforeAll(async () => {
    await leave(3, 'undecodable')
    await edge.topics.produce(observationLetters, [
      { key: '1', value: Buffer.from('not a frame'), headers: death('none', 'wrong-magic-byte', 'yesterday') },
    ])
    readable = (await indexed('undecodable', 3))[0]!
    unreadable = (await indexed('wrong-magic-byte', 1))[0]!
  })

  test.each<[string, string, number]>([
    ['nothing', '', 4],
    ['a reason', '?reason=undecodable', 3],
    ['an event', '?event=none', 1],
    ['a source that none is of', '?source=99', 0],
    ['a topic and a service', `?topic=${topics.observations.name}&service=analyzer`, 4],
    ['another service', '?service=notifier', 0],
    ['a time', '?until=2026-10-01', 0],
    ['what was dropped', '?state=dropped', 0],
  ])('are filtered by %s, as the API does it', async (_, query, count) => {
    const { status, text } = await get(path + query)
    expect(status).toBe(200)
    expect(text.match(/<th scope="row"[^>]*><a href="\/console\/dead-letters\/\d+"/g) ?? []).toHaveLength(count)
    const { json } = await edge.call(`/api/v1/dead-letters${query}`, { token: await edge.apiKey('operator') })
    expect(json['letters']).toHaveLength(count)
  })

  test('agree with the command', async () => {
    const rows = JSON.parse(await edge.parma('dlq', 'ls', '--each', '--json')) as { event_id: string }[]
    expect(rows.map(({ event_id }) => event_id).sort()).toEqual(
      [...(await rowsOf('undecodable')), ...(await rowsOf('wrong-magic-byte'))].map(({ event_id }) => event_id).sort(),
    )
  })

  test('show the record beside its schema, and what was wrong', async () => {
    const { text } = await get(`${path}/${readable.letter_no}`)
    for (const part of [readable.event_id, 'it was &lt;b&gt;wrong&lt;/b&gt;', 'partition 2, offset 17', 'subject_key'])
      expect(text).toContain(part)
    expect(text).toContain('It cannot be mended: an observation is what the normalizer has stored')
    const other = (await get(`${path}/${unreadable.letter_no}`)).text
    expect(other).toContain('It cannot be read by its schema')
    expect((await get(`${path}/999999`)).status).toBe(404)
    expect((await get(`${path}/x`)).status).toBe(422)
  })

  test('are replayed one by one, each once, and to their service only', async () => {
    const id = /<dd dir="auto"><code>([^<]+)<\/code>/.exec((await get(`${path}/${readable.letter_no}`)).text)?.[1] ?? ''
    const key = randomUUID()
    const { status, location } = await post(`${path}/replay`, { id, key })
    expect(status).toBe(303)
    expect((await post(`${path}/replay`, { id, key })).location).toBe(location)
    expect(await ended(location)).toContain('1 of 1 dead letter')
    expect(await sentOf([readable.event_id])).toEqual(new Map([[readable.event_id, 1]]))
    const [sent] = await edge.topics.read(topics.observations.name)
    expect(sent?.headers).toMatchObject({ replay_for: 'analyzer', replay_count: '1' })
    expect((await rowsOf('undecodable'))[0]).toMatchObject({
      state: 'replayed',
      handled_by: expect.stringMatching(/^key:/) as string,
    })
    // Somebody else whose page is an hour old.
    const late = await post(`${path}/replay`, { id, key: randomUUID() }, cookies.other)
    expect(await ended(late.location)).toContain('0 of 0 dead letters')
  })

  test('are dropped with a reason, after a question with their number, and opened again', async () => {
    const asked = await get(`${path}/drop?reason=wrong-magic-byte`)
    expect(asked.text).toContain('<b>1 dead letter</b>')
    const fields = { reason: 'wrong-magic-byte', key: randomUUID() }
    expect((await post(`${path}/drop`, fields)).status).toBe(422)
    // What came after the question was shown is left.
    const [, newest] = /name="up_to" value="(\d+)"/.exec(asked.text) ?? []
    const older = { ...fields, up_to: String(Number(newest) - 1), key: randomUUID(), why: 'an old page' }
    expect((await get((await post(`${path}/drop`, older)).location ?? '')).text).toContain('0 of 0 dead letters')
    expect(await rowsOf('wrong-magic-byte')).toMatchObject([{ state: 'open' }])
    const { location } = await post(`${path}/drop`, { ...fields, why: 'a test record' })
    expect((await get(location ?? '')).text).toContain('a test record')
    expect(await rowsOf('wrong-magic-byte')).toMatchObject([{ state: 'dropped' }])
    expect((await get(`${path}/drop?reason=wrong-magic-byte`)).text).toContain('Nothing is left to do')
    const undone = await post(`${location}/undo`, {})
    expect((await get(undone.location ?? '')).text).toContain('They are open again.')
    expect(await rowsOf('wrong-magic-byte')).toMatchObject([{ state: 'open' }])
    const audit = await edge.database.query(
      'SELECT kind, reason, after FROM edge.audit WHERE kind LIKE $1 ORDER BY audit_id',
      ['edge.dlq.%'],
    )
    expect(audit).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ kind: 'edge.dlq.replay', after: expect.objectContaining({ letters: 1 }) as object }),
        {
          kind: 'edge.dlq.drop',
          reason: 'a test record',
          after: { filter: { reason: 'wrong-magic-byte' }, letters: 1 },
        },
        { kind: 'edge.dlq.undrop', reason: null, after: { letters: 1 } },
      ]),
    )
  })

  test('have pages without violations', async () => {
    const watched = await openWatchedPage(edge.url)
    await useSession(watched.page, edge.url, cookies.operator)
    const [redrive] = await edge.database.query<{ id: string }>('SELECT redrive_id AS id FROM edge.redrive LIMIT 1')
    for (const one of [
      '',
      '?reason=none',
      `/${readable.letter_no}`,
      `/${unreadable.letter_no}`,
      '/drop',
      '/replay',
      '/replay?reason=none',
      `/redrives/${redrive!.id}`,
    ])
      expect(await violationsOf(watched, edge.url + path + one)).toEqual([])
  })
})

test('two operators at the same filter replay each record once, and one page leads to the next', async () => {
  const events = await leave(120, 'twice')
  await indexed('twice', 120)
  const next = /rel="next" href="([^"]+)"/.exec((await get(`${path}?reason=twice`)).text)?.[1]?.replaceAll('&amp;', '&')
  expect(
    (await get(next ?? '')).text.match(/<th scope="row"[^>]*><a href="\/console\/dead-letters\/\d+"/g),
  ).toHaveLength(50)
  const both = await Promise.all(
    [cookies.operator, cookies.other].map((cookie) =>
      post(`${path}/replay`, { reason: 'twice', key: randomUUID() }, cookie),
    ),
  )
  for (const { location } of both) await ended(location)
  const sent = await sentOf(events)
  expect([sent.size, Math.max(...sent.values())]).toEqual([120, 1])
  const totals = await edge.database.query<{ total: number }>(
    `SELECT total FROM edge.redrive WHERE filter = '{"reason": "twice"}' ORDER BY total`,
  )
  expect(totals.map(({ total }) => total)).toEqual([0, 120])
})

describe('a mended payload', () => {
  let source: number
  let row: Row

  beforeAll(async () => {
    source = await edge.addSource('github')
    await addLetter(edge, source, { stars: 'mäny' })
    row = (await indexed('conflict', 1))[0]!
  })

  test('is edited, checked, and sent as one of its own with the way back', async () => {
    const { text } = await get(`${path}/mend/${row.letter_no}`)
    expect(text).toContain('mäny')
    const watched = await openWatchedPage(edge.url)
    await useSession(watched.page, edge.url, cookies.operator)
    expect(await violationsOf(watched, `${edge.url}${path}/mend/${row.letter_no}`)).toEqual([])
    const send = (edited: string) => post(`${path}/mend/${row.letter_no}`, { edited, why: 'a typo' })
    for (const [edited, fault] of [
      ['{', 'not JSON'],
      ['[]', 'must be an object'],
      ['{"source_name":"other","company_id":"1","raw_data":{}}', 'source_name must be github'],
      ['{"source_name":"github","company_id":1,"raw_data":{}}', 'company_id must be a text'],
      ['{"source_name":"github","company_id":"1","raw_data":[]}', 'raw_data must be an object'],
      ['{"source_name":"github","company_id":"1","raw_data":{},"observed_at":"x"}', 'observed_at'],
      ['{"source_name":"github","company_id":"1","raw_data":{"stars":"mäny"}}', 'nothing was changed'],
    ] as const)
      expect((await send(edited)).text).toContain(fault)
    const edited = '{"source_name":"github","company_id":"01","raw_data":{"stars":5}}'
    expect(await send(edited)).toMatchObject({ status: 303, location: `${path}/${row.letter_no}` })
    await waitFor('the mended letter', async () => (await rowsOf('conflict'))[0]?.state === 'mended')
    const sent = (await edge.records(topics.rawPayloads)).filter(({ headers }) => headers['mended_from'] !== undefined)
    expect(sent).toHaveLength(1)
    const [{ decoded, headers }] = sent as [(typeof sent)[number]]
    expect(decoded).toMatchObject({ company_id: '1', task_id: null, map_version: null, source_name: 'github' })
    expect(decoded.body.toString()).toBe(edited)
    expect(decoded.event_id).not.toBe(row.event_id)
    expect(headers['replay_for']).toBeUndefined()
    const [audit] = await edge.database.query('SELECT reason, before, after FROM edge.audit WHERE kind = $1', [
      'edge.dlq.mend',
    ])
    expect(audit).toMatchObject({
      reason: 'a typo',
      before: expect.stringContaining('mäny') as string,
      after: { content: edited },
    })
    expect((await send(edited)).status).toBe(409)
  })
})

test('the API replays what fits, once for a key', async () => {
  const events = await leave(5, 'by-api')
  await indexed('by-api', 5)
  const token = await edge.apiKey('operator')
  const ask = (filter: object, key: string) =>
    edge.call('/api/v1/dead-letters/replays', { token, headers: { 'idempotency-key': key }, body: { filter } })
  const begun = await ask({ reason: 'by-api' }, 'k')
  expect([begun.status, begun.json['total']]).toEqual([202, 5])
  expect((await ask({ reason: 'by-api' }, 'k')).json['redrive_id']).toBe(begun.json['redrive_id'])
  expect((await ask({ reason: 'other' }, 'k')).status).toBe(422)
  await waitFor(
    'the end',
    async () => (await edge.call(begun.headers.get('location') ?? '', { token })).json['state'] === 'done',
  )
  expect((await sentOf(events)).size).toBe(5)
})

test('kill -9 of the edge in the middle of a replay: another one ends it, and each record takes effect once', async () => {
  await edge.start('analyzer')
  const events = await leave(3000, 'killed')
  await indexed('killed', 3000)
  const { location } = await post(`${path}/replay`, { reason: 'killed', key: randomUUID() })
  await waitFor(
    'some of them',
    async () => (await rowsOf('killed')).filter(({ state }) => state === 'replayed').length > 300,
  )
  await edge.service.kill()
  const left = (await rowsOf('killed')).filter(({ state }) => state === 'open').length
  expect(left).toBeGreaterThan(0)
  const other = await edge.replica()
  await waitFor('the end', async () => (await rowsOf('killed')).every(({ state }) => state === 'replayed'), 150_000)
  const sent = await sentOf(events)
  expect(sent.size).toBe(3000)
  await waitFor(
    'the analyzer',
    async () => {
      const [row] = await edge.database.query<{ n: number }>(
        'SELECT count(*)::int AS n FROM analyzer.processed_event WHERE event_id = ANY($1)',
        [events],
      )
      return row?.n === 3000
    },
    150_000,
  )
  const shown = await fetch(other.url + location, { headers: { cookie: cookies.operator } })
  await waitFor('its end', async () =>
    (await (await fetch(other.url + location, { headers: { cookie: cookies.operator } })).text()).includes(
      '</span> done',
    ),
  )
  expect(shown.status).toBe(200)
})
