import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { findFreePort } from '../../deploy/local/free-port.ts'
import { runParma } from '../../deploy/local/parma.ts'
import type { Stage } from '../../services/edge/trace/event-status.ts'
import { openLink } from '../harness/edge/link.ts'
import { startEdge, type TestEdge, useEdge } from '../harness/edge/setup.ts'
import { mailsTo } from '../harness/mailbox.ts'
import { startSystem, type System } from '../harness/system.ts'
import { waitFor } from '../harness/wait-for.ts'

type Event = Record<'event_id' | 'data_source_id' | 'company_id' | 'task_id', unknown> & {
  stages: (Omit<Stage, 'at'> & { at: string | null })[]
}

const read = async (edge: TestEdge, id: string, token: string) => {
  const answer = await edge.call(`/api/v1/events/${id}`, { token })
  return { ...answer, event: answer.json as Event }
}
const states = ({ stages }: Event) =>
  Object.fromEntries(stages.map(({ stage, state, reason }) => [stage, [state, reason]]))

/** The event, once its stages are these: name → [state, reason]. */
function settled(edge: TestEdge, id: string, token: string, expected: Record<string, [string, string | null]>) {
  return waitFor(`the stages of ${id}`, async () => {
    const { status, event } = await read(edge, id, token)
    expect(status).toBe(200)
    expect(states(event)).toMatchObject(expected)
    return event
  })
}

describe('a payload on its way through the whole system', () => {
  let system: System
  let edge: TestEdge
  let viewer = ''

  beforeAll(async () => {
    const map = {
      Source: 'pages',
      Mappings: [{ SourceField: 'followers', DataType: 'int', MeasurementName: 'followers' }],
    }
    system = await startSystem({ map, companies: 1 })
    edge = useEdge(system, system.edgeUrl)
    viewer = await edge.apiKey('viewer')
  })

  const feed = async (raw_data: object, company = system.companies[0]?.id) => {
    const body = { source_name: 'pages', company_id: String(company), raw_data }
    const answer = await edge.call('/feed-raw-data', { token: await edge.token(system.sourceId), body })
    expect(answer.status).toBe(201)
    return String(answer.json['document_id'])
  }

  test('reaches a person', async () => {
    const first = await feed({ followers: 100 })
    const baseline = await settled(edge, first, viewer, {
      accepted: ['done', null],
      stored: ['done', null],
      normalized: ['done', null],
      judged: ['done', 'no-news'],
      notified: ['skipped', 'no-news'],
    })
    expect(baseline).toMatchObject({
      event_id: first,
      data_source_id: system.sourceId,
      company_id: String(system.companies[0]?.id),
      task_id: null,
    })
    const second = await feed({ followers: 200 })
    const { stages } = await settled(edge, second, viewer, {
      stored: ['done', null],
      normalized: ['done', null],
      judged: ['done', null],
      notified: ['done', null],
    })
    const times = stages.map(({ at }) => Date.parse(at ?? ''))
    expect(times.every((at) => Math.abs(at - Date.now()) < 600_000)).toBe(true)
    expect(times[0]).toBe(Math.min(...times))
    expect(stages[2]?.detail).toBe('values: 1 stored, 0 refused, 0 unmapped')

    const [news] = await edge.database.query<{ news_id: string; public_news_id: number }>(
      'SELECT news_id, public_news_id FROM analyzer.news WHERE event_id = $1',
      [second],
    )
    const why = await edge.call(`/api/v1/news/${news!.news_id}/why`, { token: viewer })
    const from = (id: string, value: string) => ({
      ...{ event_id: id, path: 'followers', value, map_version: 1, task_id: null },
      document: `parma/mining/datasource/pages/raw_data/${id}`,
    })
    expect([why.status, why.json]).toMatchObject([
      200,
      {
        ...{
          news_id: news!.news_id,
          kind: 'threshold',
          silent: false,
          previous: '100',
          current: '200',
          trigger_factor: 100,
        },
        company: { id: system.companies[0]?.id },
        measurement: { name: 'followers', type: 'int' },
        rule: { id: 'default/percent' },
        now: from(second, '200'),
        before: from(first, '100'),
      },
    ])
    const printed = await runParma(edge.env, 'why', String(news!.public_news_id))
    expect(printed).toContain(String(why.json['title']))
    expect(printed).toContain(`raw_data/${first}`)
    const [mail] = await waitFor('the mail', async () => {
      const mails = await mailsTo(system.address)
      return mails.length > 0 && mails
    })
    const link = new URL(/Why: (\S+)/.exec(mail?.text ?? '')?.[1] ?? '')
    const page = await fetch(new URL(link.pathname + link.search, system.edgeUrl))
    expect([page.status, page.headers.get('content-security-policy')]).toEqual([
      200,
      expect.stringContaining("default-src 'none'"),
    ])
    expect(await page.text()).toContain(`raw_data/${first}`)
    link.searchParams.set('until', '9999999999')
    expect((await fetch(new URL(link.pathname + link.search, system.edgeUrl))).status).toBe(403)
    const unknown = await edge.call(`/api/v1/news/${randomUUID()}/why`, { token: viewer })
    expect([unknown.status, unknown.json['type']]).toEqual([404, 'urn:parma:problem:unknown-news'])
  })

  test('of an unknown company stops, with a remedy', async () => {
    const { stages } = await settled(edge, await feed({ followers: 1 }, 999_999), viewer, {
      stored: ['done', null],
      normalized: ['stopped', 'unknown-company'],
      judged: ['skipped', 'earlier-stage'],
      notified: ['skipped', 'earlier-stage'],
    })
    expect(stages[2]).toMatchObject({
      remedy: expect.stringContaining('parma companies add'),
      detail: 'unknown-company',
    })
  })

  test('with refused values has that reason', async () => {
    await settled(edge, await feed({ followers: 'many', unknown: 1 }), viewer, {
      normalized: ['done', 'values-refused'],
    })
    await settled(edge, await feed({ unknown: 1 }), viewer, { normalized: ['done', 'nothing-mapped'] })
  })

  test('is shown to the module that fed it, and to no other', async () => {
    const id = await feed({ followers: 300 })
    const own = await edge.token(system.sourceId)
    const event = await settled(edge, id, own, { normalized: ['done', null] })
    expect(event.stages.every(({ detail }) => detail === null)).toBe(true)
    const foreign = await edge.token(await edge.addSource('other'))
    const answer = await read(edge, id, foreign)
    const unknown = await read(edge, randomUUID(), foreign)
    expect([answer.status, unknown.status]).toEqual([404, 404])
    const instance = `/api/v1/events/${id}`
    expect(answer.json).toEqual({ ...unknown.json, instance })
  })
})

describe('an edge alone', () => {
  let edge: TestEdge
  let source = 0
  let viewer = ''

  beforeAll(async () => {
    edge = await startEdge()
    source = await edge.addSource('github')
    viewer = await edge.apiKey('viewer')
  })

  let fed = 0
  const feed = async (to = edge) => {
    const body = { source_name: 'github', company_id: '01', raw_data: { fed: fed++ } }
    return to.call('/feed-raw-data', { token: await to.token(source), body })
  }

  test('knows what it accepted by the Location of its response; the rest is waiting', async () => {
    const { headers, json } = await feed()
    const answer = await edge.call(headers.get('location') ?? '', { token: viewer })
    expect(answer.status).toBe(200)
    expect(answer.json).toMatchObject({ event_id: json['document_id'], data_source_id: source, company_id: '1' })
    const { stages } = await settled(edge, String(json['document_id']), viewer, {
      accepted: ['done', null],
      stored: ['waiting', null],
      normalized: ['waiting', null],
      judged: ['waiting', null],
      notified: ['waiting', null],
    })
    expect(stages.map(({ stage }) => stage)).toEqual(['accepted', 'stored', 'normalized', 'judged', 'notified'])
    expect(Date.parse(stages[0]?.at ?? '')).toBe(Date.parse(`${String(json['timestamp'])}Z`))
    const capital = await read(edge, String(json['document_id']).toUpperCase(), viewer)
    expect([capital.status, capital.event.event_id]).toEqual([200, json['document_id']])
  })

  test('finds an event among the dead letters', async () => {
    const id = String((await feed()).json['document_id'])
    const headers = { event_id: id, '__dlq.reason': 'conflict', '__dlq.errors.message': 'other content' }
    await edge.topics.produce('mining.raw-payloads.v1.normalizer.dlq', [{ key: '1', value: 'x', headers }])
    const told = String((await feed()).json['document_id'])
    const ofNews = { ...headers, event_id: randomUUID(), group_id: told }
    await edge.topics.produce('insights.news.v1.notifier.dlq', [{ key: '1', value: 'x', headers: ofNews }])
    const { stages } = await settled(edge, id, viewer, {
      stored: ['waiting', null],
      normalized: ['stopped', 'dead-lettered'],
      judged: ['skipped', 'earlier-stage'],
    })
    expect(stages[2]).toMatchObject({
      detail: 'conflict: other content',
      remedy: expect.stringContaining('parma dlq replay'),
    })
    await settled(edge, told, viewer, { normalized: ['waiting', null], notified: ['stopped', 'dead-lettered'] })
  })

  test('explains an unknown id', async () => {
    const id = randomUUID()
    const { status, headers, json } = await read(edge, id, viewer)
    expect([status, headers.get('content-type')]).toEqual([404, 'application/problem+json'])
    expect(json).toEqual({
      type: 'urn:parma:problem:unknown-event',
      title: 'Event not found',
      status: 404,
      detail: 'No event with this id is known.',
      instance: `/api/v1/events/${id}`,
      remedy: expect.stringContaining('Location'),
    })
    const wrong = await read(edge, 'x', viewer)
    expect([wrong.status, wrong.json]).toMatchObject([422, { errors: [{ loc: ['path', 'event_id'] }], status: 422 }])
  })

  test('works without Firestore, and without services that have no tables yet', async () => {
    const id = String((await feed()).json['document_id'])
    const nowhere = `127.0.0.1:${await findFreePort()}`
    for (const [env, reason] of [
      [{ FIRESTORE_EMULATOR_HOST: nowhere }, 'no-answer'],
      [{ FIRESTORE_EMULATOR_HOST: '', FIRESTORE_PROJECT: '' }, 'not-asked'],
    ] as const) {
      const other = await edge.replica(env)
      const { headers } = await feed(other)
      const answer = await other.call(headers.get('location') ?? '', { token: viewer })
      expect(states(answer.json as Event)).toMatchObject({
        accepted: ['done', null],
        stored: ['unknown', reason],
        normalized: ['waiting', null],
      })
      const unknown = await read(other, randomUUID(), viewer)
      expect(unknown.json['detail']).toContain(reason === 'no-answer' ? 'the payload may be stored' : 'No event')
    }
    await edge.database.query('DROP SCHEMA analyzer CASCADE')
    await edge.database.query('DROP VIEW normalizer.lineage CASCADE')
    expect(states((await read(edge, id, viewer)).event)).toMatchObject({
      normalized: ['unknown', 'not-migrated'],
      judged: ['unknown', 'not-migrated'],
      notified: ['waiting', null],
    })
    const why = await edge.call('/api/v1/news/1/why', { token: viewer })
    expect([why.status, why.json['detail']]).toEqual([503, expect.stringContaining('parma migrate')])
  })

  test('responds 503 to this while Postgres is down', async () => {
    const link = await openLink(edge.database.url)
    const env = { DATABASE_URL: link.url, LOOKUP_TIMEOUT_MS: '500', API_KEY_CACHE_MS: '600000' }
    const other = await edge.replica(env)
    const { headers } = await feed(other)
    const location = headers.get('location') ?? ''
    expect((await other.call(location, { token: viewer })).status).toBe(200)
    link.cut()
    const known = await other.call(location, { token: viewer })
    expect(states(known.json as Event)).toEqual({
      accepted: ['done', null],
      stored: ['unknown', 'no-answer'],
      normalized: ['unknown', 'no-answer'],
      judged: ['unknown', 'no-answer'],
      notified: ['unknown', 'no-answer'],
    })
    for (const token of [viewer, await edge.apiKey('viewer')]) {
      const answer = await read(other, randomUUID(), token)
      expect([answer.status, answer.headers.get('retry-after'), answer.json['type']]).toEqual([
        503,
        '5',
        'urn:parma:problem:unavailable',
      ])
    }
  })
})
