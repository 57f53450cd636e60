import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startEdge, type TestEdge } from '../harness/edge/setup.ts'
import { serve } from '../harness/serve.ts'

const key = 'k'.repeat(43)
const listId = 228879
const connected = { AFFINITY_API_KEY: key, AFFINITY_LIST_ID: String(listId), CRM_INTERVAL_MS: '0' }
const nothingNew = 'No new companies found in the CRM'

type Entry = { entity_type?: number; entity: object | null }
const organization = (name: string): Entry => ({ entity_type: 1, entity: { id: 1, name, domain: 'a.example' } })

let edge: TestEdge
let user = 0
let crmUrl = ''
/** The entries in Affinity, in pages of two. */
let entries: Entry[] = []
let requests: URL[] = []
let answer: (request: IncomingMessage, response: ServerResponse) => void = answerPages

function answerPages({ url, headers }: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(url ?? '', 'http://affinity')
  if (headers.authorization !== `Basic ${Buffer.from(`:${key}`).toString('base64')}`)
    return void response.writeHead(401).end('{"code":1,"message":"not authorized"}')
  if (pathname !== `/lists/${listId}/list-entries` || searchParams.get('page_size') !== '500')
    return void response.writeHead(404).end()
  const start = Number(searchParams.get('page_token') ?? 0)
  const next_page_token = start + 2 < entries.length ? String(start + 2) : null
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ list_entries: entries.slice(start, start + 2), next_page_token }))
}

beforeAll(async () => {
  crmUrl = await serve((request, response) => {
    requests.push(new URL(request.url ?? '', crmUrl))
    answer(request, response)
  })
  edge = await startEdge({ ...connected, AFFINITY_BASE_URL: crmUrl })
  user = await addUser('Ann')
})

beforeEach(() => {
  entries = []
  requests = []
  answer = answerPages
})

async function addUser(name: string): Promise<number> {
  const insert = 'INSERT INTO "user" (auth_id, name, modified_at) VALUES ($1, $2, now()) RETURNING id'
  return (await edge.database.query<{ id: number }>(insert, [randomUUID(), name]))[0]?.id ?? 0
}

/** Calls as parma-web does, with a JSON string in place of an object. */
const fetchCompanies = (userId = user, at = edge) =>
  at.call('/crm-companies', { body: JSON.stringify(`user_id: ${userId}`) })

const namesLike = async (pattern: string) =>
  (
    await edge.database.query<{ name: string }>('SELECT name FROM company WHERE name ILIKE $1 ORDER BY id', [pattern])
  ).map(({ name }) => name)

describe('the companies of the CRM', () => {
  test("are added once each, under the caller's user, and named in the response", async () => {
    await edge.addSource('github')
    await edge.addSource('reddit')
    await edge.addCompany(' Known inc')
    entries = [
      organization('Known Inc'),
      organization(' Alpha '),
      { entity_type: 0, entity: { first_name: 'Ann', last_name: 'Person' } },
      { entity_type: 8, entity: { id: 5, name: 'An opportunity' } },
      organization('ALPHA'),
      organization('Bêta, Ltd'),
      organization('  '),
      { entity_type: 1, entity: null },
      { entity: { name: 'Gamma' } },
    ]
    const first = await fetchCompanies()
    expect([first.status, first.text]).toEqual([200, '"Alpha, Bêta, Ltd, Gamma"'])
    expect(first.headers.get('content-type')).toBe('application/json')
    expect(requests.map(({ searchParams }) => searchParams.get('page_token'))).toEqual([null, '2', '4', '6', '8'])
    const rows = await edge.database.query(
      `SELECT name, description, added_by,
         abs(extract(epoch FROM created_at - now() AT TIME ZONE 'UTC')) < 60 AND modified_at = created_at AS utc,
         (SELECT count(*)::int FROM company_data_source l WHERE l.company_id = c.id) AS links
       FROM company c WHERE added_by IS NOT NULL ORDER BY id`,
    )
    const added = { description: null, added_by: user, utc: true, links: 2 }
    expect(rows).toEqual(['Alpha', 'Bêta, Ltd', 'Gamma'].map((name) => ({ name, ...added })))
    expect(await namesLike('%known inc%')).toEqual([' Known inc'])

    const again = await fetchCompanies()
    expect([again.status, again.text]).toEqual([200, JSON.stringify(nothingNew)])
  })

  test('are added once by concurrent calls', async () => {
    entries = Array.from({ length: 9 }, (_, index) => organization(`Many ${index}`))
    const answers = await Promise.all(Array.from({ length: 8 }, () => fetchCompanies()))
    const named = answers.map(({ json }) => String(json)).filter((text) => text !== nothingNew)
    expect(named).toEqual([entries.map((_, index) => `Many ${index}`).join(', ')])
    expect(await namesLike('Many %')).toHaveLength(9)
  })

  test('are also linked if parma-web’s triggers are missing', async () => {
    await edge.database.query('ALTER TABLE company DISABLE TRIGGER USER')
    entries = [organization('No trigger')]
    expect((await fetchCompanies()).json).toBe('No trigger')
    await edge.database.query('ALTER TABLE company ENABLE TRIGGER USER')
    const [links] = await edge.database.query(
      `SELECT count(*) = (SELECT count(*) FROM data_source) AS all FROM company_data_source l
       JOIN company c ON c.id = l.company_id WHERE c.name = 'No trigger'`,
    )
    expect(links).toEqual({ all: true })
  })

  test.each<[string, object | string]>([
    ['an object', { user_id: 0 }],
    ['an object with a text', { user_id: '0' }],
    ['a text with blanks', '" user_id :0 "'],
  ])('are asked for by %s as well', async (_, body) => {
    entries = [organization(`Asked for by ${_}`)]
    const text = (typeof body === 'string' ? body : JSON.stringify(body)).replace('0', String(user))
    for (const type of ['application/json', 'text/plain;charset=UTF-8']) {
      const answer = await edge.call('/crm-companies', { body: text, headers: { 'content-type': type } })
      expect([answer.status, answer.json]).toEqual([
        200,
        type === 'application/json' ? `Asked for by ${_}` : nothingNew,
      ])
    }
  })

  test('are not read for an unknown user, nor for a body that names none', async () => {
    const stranger = await fetchCompanies(999_999)
    expect([stranger.status, stranger.json['detail']]).toEqual([
      422,
      [expect.objectContaining({ loc: ['body', 'user_id'], msg: 'Value error, this user does not exist' })],
    ])
    for (const body of [
      '"user_id: x"',
      '"user: 1"',
      '{}',
      '{"user_id": null}',
      '[1]',
      '7',
      'user_id: 7',
      '"user_id: 9e99"',
    ])
      expect([body, (await edge.call('/crm-companies', { body })).status]).toEqual([body, 422])
    expect(requests).toEqual([])
  })
})

describe('a CRM without a usable answer is 502 with the reason, and adds nothing', () => {
  test.each<[string, (request: IncomingMessage, response: ServerResponse) => void]>([
    ['401: AFFINITY_API_KEY is invalid', (_, response) => response.writeHead(401).end()],
    ['404: the list AFFINITY_LIST_ID does not exist', (_, response) => response.writeHead(404).end()],
    ['429: too many requests', (_, response) => response.writeHead(429).end()],
    ['answered 500', (_, response) => response.writeHead(500).end('Traceback')],
    ['not followed', (_, response) => response.writeHead(302, { location: '/elsewhere' }).end()],
    ['did not answer with the entries', (_, response) => response.end('<html>')],
    ['did not answer with the entries', (_, response) => response.end('{"list_entries":[{"entity":{"name":5}}]}')],
    ['the same page twice', (_, response) => response.end('{"list_entries":[],"next_page_token":"1"}')],
    [
      'answered 503',
      (request, response) =>
        request.url?.includes('page_token')
          ? response.writeHead(503).end()
          : response.end(JSON.stringify({ list_entries: [organization('Half')], next_page_token: '1' })),
    ],
  ])('%s', async (reason, misbehave) => {
    answer = misbehave
    const { status, json } = await fetchCompanies()
    expect([status, json['detail']]).toEqual([502, expect.stringContaining(reason)])
    expect(await namesLike('Half')).toEqual([])
  })
})

test('the CRM is read once within CRM_INTERVAL_MS, for all callers', async () => {
  const patient = await edge.replica({
    ...connected,
    AFFINITY_BASE_URL: `${crmUrl}/`,
    ALLOWED_PRIVATE_NETWORKS: '127.0.0.0/8',
    CRM_INTERVAL_MS: '600000',
  })
  const other = await addUser('Bob')
  entries = [organization('Patience')]
  const answers = [
    await fetchCompanies(user, patient),
    ...(await Promise.all([other, user].map((id) => fetchCompanies(id, patient)))),
  ]
  expect(answers.map(({ json }) => json)).toEqual(['Patience', nothingNew, nothingNew])
  expect(requests).toHaveLength(1)
})

test('without a CRM the response says so, in the text that parma-web shows', async () => {
  const { status, text } = await fetchCompanies(user, await edge.replica())
  expect([status, text]).toEqual([200, '"No new companies found: no CRM is connected to parma-analytics"'])
})
