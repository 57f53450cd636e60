import { randomUUID } from 'node:crypto'
import addFormats from 'ajv-formats'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { assetPath } from '../../services/edge/design/assets.ts'
import { makeFormToken } from '../../services/edge/access/form-token.ts'
import { formTokenField } from '../../services/edge/http/form.ts'
import { makeSessionToken, sessionCookie } from '../../services/edge/access/session-token.ts'
import { describeRoutes } from '../../services/edge/server/openapi.ts'
import {
  actionLink,
  makeFeedLink,
  makeReportLink,
  makeSignInLink,
  makeUnsubscribeLink,
  makeChartLink,
  makeWhyLink,
} from '../../services/runtime/web/signed-links.ts'
import { addDelivery } from '../harness/edge/add-delivery.ts'
import { addLetter } from '../harness/edge/add-letter.ts'
import { addNews } from '../harness/edge/add-news.ts'
import { routeTable } from '../harness/edge/route-table.ts'
import { startEdge, type TestEdge } from '../harness/edge/setup.ts'
import { storeFacts } from '../harness/edge/stored-facts.ts'
import type { StartedService } from '../harness/service.ts'
import { serve } from '../harness/serve.ts'
import { arbitraryOf, type Known, nearlyValid, type Schema } from './arbitrary-of.ts'

type Parameter = { in: 'path' | 'query' | 'header'; name: string; required: boolean; schema: Schema }
type Operation = {
  security: object[]
  parameters?: Parameter[]
  requestBody?: { content: Partial<Record<typeof jsonType | typeof formType, { schema: Schema }>> }
  responses: Record<string, { description: string; content?: Record<string, { schema: Schema }> }>
}
type Document = { paths: Record<string, Record<string, Operation>>; components: object }

const [jsonType, formType] = ['application/json', 'application/x-www-form-urlencoded'] as const
const document = describeRoutes(routeTable()) as Document
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
)

/** The same in each run. Seeds that found a defect are added; GENERATED_SEED tries another one. */
const seeds = [20260801, 20261125, ...(process.env.GENERATED_SEED ? [Number(process.env.GENERATED_SEED)] : [])]

const ajv = addFormats.default(new Ajv2020({ allowUnionTypes: true, strictTypes: false }))
ajv.addVocabulary(['components'])
const compiled = new Map<string, ValidateFunction>()

function compile(schema: Schema): ValidateFunction {
  const key = JSON.stringify(schema)
  const validate = compiled.get(key) ?? ajv.compile({ ...schema, components: document.components })
  compiled.set(key, validate)
  return validate
}

vi.setConfig({ testTimeout: 180_000 })

let edge: TestEdge
/** They make the changes that pages ask for, whose outcome they wait for. */
let owners: StartedService[] = []
let known: Known = {}
/** Of the links that are known, by path. */
let signatures: Record<string, string | null> = {}
let tokens: string[] = []
let keys: string[] = []
/** Of a session. */
let cookie = ''
let formToken = ''

beforeAll(async () => {
  // Generated requests come faster than the limits allow, and several at the same time.
  const off = {
    ...{ RATE_LIMIT_ANONYMOUS: '0', RATE_LIMIT_SOURCE: '0', RATE_LIMIT_API_KEY: '0', RATE_LIMIT_REFUSED: '0' },
    ...{ RATE_LIMIT_SESSION: '0', RATE_LIMIT_SIGN_IN: '0', MAX_LARGE_READS: '10' },
  }
  edge = await startEdge(off)
  owners = await Promise.all(['notifier', 'analyzer', 'normalizer', 'scheduler'].map((name) => edge.start(name)))
  const answers = [
    { frequency: 'daily', normalization_map: { Source: 'github', Mappings: [] } },
    { frequency: 'daily', normalization_map: "{'Source': 'github', 'Mappings': [{}]}" },
    'nothing',
  ]
  let calls = 0
  const endpoint = await serve((_, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answers[calls++ % answers.length]))
  })
  const source = await edge.addSource('github', endpoint)
  const other = await edge.addSource('affinity', endpoint)
  const register = async (id: number, name: string) => {
    const body = { type: 'text', measurement_name: name, source_module_id: id }
    return (await edge.call('/source-measurement', { token: await edge.token(id), body })).json['id'] as number
  }
  const good = await edge.token(source)
  const payload = { source_name: 'github', company_id: '1', raw_data: {} }
  const fed = await edge.call('/feed-raw-data', { token: good, body: payload })
  const newsId = await addNews(edge, source)
  const { addBucket, addDigest, addMeasurement, addSeries, addUser } = storeFacts(edge)
  const company = await edge.addCompany('Acme')
  const series = await addSeries(company, await addMeasurement(source, 'stars'), { 0: 2, 30: 1 })
  const site = { PUBLIC_URL: edge.url, LINK_SECRET: edge.env['LINK_SECRET'] }
  const link = new URL(makeWhyLink(site, newsId, Date.now() + 3_600_000) ?? '').searchParams
  const chartLink = new URL(makeChartLink(site, newsId, Date.now() + 3_600_000) ?? '').searchParams
  const mail = { notificationId: randomUUID(), deliveryId: '1' }
  const person = await addUser('Ann')
  const feedLink = new URL(makeFeedLink(site, { person, version: 1, subject: 'all' }) ?? '').searchParams
  const digestId = await addDigest(person, 'Your weekly report')
  const reportLink = new URL(makeReportLink(site, digestId, Number(link.get('until')) * 1000) ?? '').searchParams
  const act = { person, newsId, action: 'useful' } as const
  const actLink = new URL(actionLink(site, act, Number(link.get('until')) * 1000) ?? '').searchParams
  const [signIn] = await edge.database.query<{ id: string }>(
    `INSERT INTO edge.sign_in (user_id, path, expires_at) VALUES ($1, '/console', now() + interval '1 hour')
     RETURNING sign_in_id AS id`,
    [person],
  )
  const signInLink = new URL(makeSignInLink(site, signIn!.id) ?? '').searchParams
  // Some pages let operators change what concerns everybody.
  await edge.database.query(`UPDATE "user" SET role = 'ADMIN' WHERE id = $1`, [person])
  const { token, hash } = makeSessionToken()
  const [session] = await edge.database.query<{ id: string }>(
    `INSERT INTO edge.session (hash, user_id, expires_at) VALUES ($1, $2, now() + interval '1 day')
     RETURNING session_id AS id`,
    [hash, person],
  )
  formToken = makeFormToken(session!.id, hash)
  cookie = `${sessionCookie}=${token}`
  const changeId = randomUUID()
  await edge.database.query(
    `INSERT INTO notifier.change (change_id, kind, actor, content_hash, state, message)
     VALUES ($1, 'notifier.quiet.clear', 'key:a', '', 'done', 'Your own quiet hours are gone.')`,
    [changeId],
  )
  const mailLink = new URL(makeUnsubscribeLink(site, mail) ?? '').searchParams
  keys = [await edge.apiKey('operator'), await edge.apiKey('viewer')]
  await edge.apiKey('viewer')
  const [{ id: spareKey } = { id: 0 }] = await edge.database.query<{ id: number }>(
    'SELECT max(key_id)::int AS id FROM edge.api_key',
  )
  known = {
    file: [assetPath('style').replace('assets/', '')],
    news_id: [newsId],
    picture: [`${newsId}.png`],
    company: [company],
    source: [source],
    source_id: [String(source)],
    company_id: [String(company)],
    series_id: [String(series), `${series}.csv`],
    since: ['2026-01-31', '2026-01-31T12:00:00+01:00'],
    until: [link.get('until'), '2026-12-31', '2026-12-31T00:00:00Z'],
    bucket: [await addBucket('Portfolio', person, [company])],
    user_id: [String(person)],
    person: [String(person)],
    person_id: [String(person)],
    action: [act.action],
    change_id: [changeId],
    sign_in_id: [signIn!.id],
    key: [keys[0]!.replace('Bearer ', '')],
    key_id: [spareKey],
    rule_no: [await addRule()],
    replay: [await addReplay(source)],
    ...(await addRedrive(source)),
    digest_id: [digestId],
    version: ['1'],
    subject: ['all'],
    notification_id: [mail.notificationId],
    delivery_id: [mail.deliveryId],
    event_id: [fed.json['document_id']],
    source_name: ['github', 'github', 'github', 'affinity', 'reddit'],
    observed_at: [null, '2026-01-31T12:00:00Z'],
    source_module_id: [source, String(source), other, true],
    data_source_id: [source, other],
    invocation_endpoint: [endpoint],
    source_measurement_id: [await register(source, 'a'), await register(other, 'b')],
    parent_measurement_id: [await register(source, 'parent')],
    task_id: [await edge.addTask(source), await edge.addTask(other)],
    raw_data: [{ name: 'Acme', domain: null }, { name: 'Acme', domain: 7 }, {}],
  }
  signatures = {
    '/why/{news_id}': link.get('signature'),
    '/charts/{picture}': chartLink.get('signature'),
    '/unsubscribe/{notification_id}/{delivery_id}': mailLink.get('signature'),
    '/reports/{digest_id}': reportLink.get('signature'),
    '/feeds/{user_id}/{version}/{subject}': feedLink.get('signature'),
    '/act/{person}/{news_id}/{action}': actLink.get('signature'),
    '/console/sign-in/link/{sign_in_id}': signInLink.get('signature'),
  }
  tokens = [
    good,
    good,
    good,
    good,
    good,
    await edge.token(other),
    await edge.token(999_999),
    good.slice(0, -3),
    'Bearer x',
    '',
  ]
})

async function addRule() {
  const [row] = await edge.database.query<{ id: string }>(
    `INSERT INTO analyzer.rule (rule_id, version, definition) VALUES ('rule/' || nextval('analyzer.rule_number'), 1, '{}')
     RETURNING split_part(rule_id, '/', 2) AS id`,
  )
  return row!.id
}

async function addReplay(source: number) {
  const [row] = await edge.database.query<{ id: string }>(
    `INSERT INTO normalizer.replay (data_source_id, source_name, mode, map, reason, actor, state, total, until_no)
     VALUES ($1, 'github', 'compare', 'now', '', 'key:a', 'done', 0, 0) RETURNING replay_no::text AS id`,
    [source],
  )
  return row!.id
}

/** A dead letter with what it may become, and a drop of others. */
async function addRedrive(source: number): Promise<Known> {
  const { letter_no } = await addLetter(edge, source, { stars: 'many' })
  const [row] = await edge.database.query<{ id: string }>(
    `INSERT INTO edge.redrive (redrive_id, kind, filter, actor, per_second, total, state, ended_at)
     VALUES ($1, 'drop', '{}', 'key:a', 1, 0, 'done', now()) RETURNING redrive_id AS id`,
    [randomUUID()],
  )
  const edited = { source_name: 'github', company_id: '1', raw_data: { stars: 5 } }
  return {
    ...{ letter_no: [String(letter_no)], edited: [JSON.stringify(edited)] },
    ...{ redrive_id: [row!.id], replay_id: [row!.id] },
  }
}

/** Opens all dead letters again: requests may have handled the one that is known. */
async function reopenLetters() {
  await edge.database.query(`UPDATE edge.dead_letter SET state = 'open', claimed_by = NULL`)
}

/**
 * A source with two versions of a map, one that waits for a yes, and two that somebody gave. No module shakes hands for
 * it: that would replace what waits.
 */
async function addMaps() {
  const source = await edge.addSource('github')
  const [trial] = await edge.database.query<{ id: string }>(
    `INSERT INTO normalizer.map_trial (trial_id, data_source_id, source_name, version, content, last, actor, state)
     VALUES (gen_random_uuid(), $1, 'github', 1, '{}', 1, 'key:a', 'failed') RETURNING trial_id AS id`,
    [source],
  )
  const texts = ['v', 'w', 'x', 'y', 'z'].map((mark) => JSON.stringify({ Source: 'github', Mappings: [], mark }))
  await edge.database.query(
    `INSERT INTO edge.normalization_map (data_source_id, version, content_hash, content, published_at)
     SELECT $1, n, content, content, now() FROM unnest($2::text[]) WITH ORDINALITY v (content, n)`,
    [source, texts.slice(0, 2)],
  )
  const drafts = await edge.database.query<{ id: number }>(
    `INSERT INTO edge.map_draft (data_source_id, origin, actor, content_hash, content, state)
     SELECT $1, origin, 'key:a', content, content, state
     FROM (VALUES ('handshake', $2, 'waiting'), ('upload', $3, 'draft'), ('upload', $4, 'draft')) d (origin, content, state)
     RETURNING draft_id AS id`,
    [source, ...texts.slice(2)],
  )
  return {
    source_id: [String(source)],
    draft_id: drafts.map(({ id }) => String(id)),
    in_force: [2, 3, 4, 5, 6, 7, 8],
    to: [1, 2],
    version: [1, 2],
    trial: [trial!.id],
    map: texts,
  }
}

/** A stored number that nobody has corrected. */
async function findValue(): Promise<Known> {
  const [row] = await edge.database.query<{ event_id: string; seq: number }>(
    `SELECT event_id, seq FROM normalizer.value_lineage WHERE number IS NOT NULL AND corrected_by IS NULL LIMIT 1`,
  )
  return { event_id: [row!.event_id], seq: [row!.seq], value: ['7'], revision: ['0'] }
}

/** A source as its form shows it. */
async function addEdit(): Promise<Known> {
  const [endpoint] = known['invocation_endpoint'] as [string]
  const source = await edge.addSource('edited', endpoint)
  const [row] = await edge.database.query<{ seen: [string, string, number, string, boolean] }>(
    `SELECT json_build_array(invocation_endpoint, lower(frequency::text), max_run_seconds, coalesce(description, ''), is_active)
       AS seen FROM data_source WHERE id = $1`,
    [source],
  )
  return { source_id: [String(source)], endpoint: [endpoint], seen: [JSON.stringify(row!.seen)] }
}

type Sent = { token: string; parameters: Record<string, unknown>[]; body: string | null; contentType: string }

/** A failed message to a parked destination. */
async function addFailure() {
  const made = { address: `${randomUUID()}@example.com`, person: { id: Number(known['person']![0]), name: 'Ann' } }
  const { id, destination } = await addDelivery(edge.database, made)
  await edge.database.query(
    `UPDATE notifier.destination SET parked_at = now(), parked_reason = 'full' WHERE destination_id = $1`,
    [destination],
  )
  return { delivery_id: [String(id)], destination_id: [String(destination)] }
}

/** Of a rule that the analyzer takes. */
const ruleFields: Known = {
  ...{
    rule: [''],
    version: [''],
    name: ['Stars leap'],
    kind: ['percent'],
    number: ['50'],
    recovery: [''],
    ignore: [''],
  },
  ...{ similarity: [''], window: [''], length: [''], in_a_row: ['1'], cool_down_days: ['0'], companies: [''] },
  ...{ buckets: [''], sources: [''], measurement: ['stars'] },
}

/** What is known to requests of a path. Decisions count once, so each path has its own maps and messages. */
async function knownTo(path: string): Promise<Known> {
  const maps = /\/map(s|-drafts|-trials)\b/.test(path) && (await addMaps())
  const failure = /^\/console\/(deliveries|destinations)/.test(path) && (await addFailure())
  if (path.startsWith('/console/dead-letters')) await reopenLetters()
  const value = path.startsWith('/console/values/') && (await findValue())
  const edit = path === '/console/sources/{source_id}/edit' && (await addEdit())
  const own = { ...maps, ...failure, ...value, ...edit, ...(path === '/console/rules' && ruleFields) }
  return { ...known, ...(signatures[path] && { signature: [signatures[path]] }), ...own }
}

function requestsFor(here: Known, { parameters = [], requestBody, security }: Operation): fc.Arbitrary<Sent> {
  const ofPlace = (place: Parameter['in']): fc.Arbitrary<Record<string, unknown>> => {
    const asked = parameters.filter((one) => one.in === place)
    if (asked.length === 0) return fc.constant({})
    return mostlyValid({
      type: 'object',
      properties: Object.fromEntries(asked.map(({ name, schema }) => [name, schema])),
      required: asked.filter(({ required }) => required).map(({ name }) => name),
    }) as fc.Arbitrary<Record<string, unknown>>
  }
  const mostlyValid = (schema: Schema) =>
    fc.oneof({ weight: 3, arbitrary: arbitraryOf(schema, here) }, { weight: 1, arbitrary: nearlyValid(schema, here) })
  const form = requestBody?.content[formType]?.schema
  const schema = requestBody?.content[jsonType]?.schema
  if (form)
    return fc.record({
      token: fc.constantFrom(...credentialsFor(security)),
      parameters: fc.tuple(ofPlace('path'), ofPlace('query'), ofPlace('header')),
      body: mostlyValid(form).map(asForm),
      contentType: fc.constant(formType),
    })
  const body = schema
    ? fc.oneof(
        { weight: 8, arbitrary: mostlyValid(schema).map((value) => JSON.stringify(value)) },
        { weight: 1, arbitrary: fc.json() },
        { weight: 1, arbitrary: fc.constantFrom('', '{', '[[[[', '{"a":1e999}', '"\\ud800"', 'null', '{}{}') },
      )
    : fc.constant(null)
  return fc.record({
    token: fc.constantFrom(...credentialsFor(security)),
    parameters: fc.tuple(ofPlace('path'), ofPlace('query'), ofPlace('header')),
    body,
    contentType: fc.oneof(
      { weight: 9, arbitrary: fc.constant(jsonType) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('text/plain', formType, 'application/vnd.api+json; x=1'),
      },
    ),
  })
}

/** Valid credentials first, then others. */
function credentialsFor(security: readonly object[]): string[] {
  if (!security.some((one) => 'key' in one)) return tokens
  return security.some((one) => 'token' in one) ? [...tokens, ...keys] : [...keys, ...tokens.slice(-3)]
}

async function send(method: string, path: string, { operation, sent }: { operation: Operation; sent: Sent }) {
  const [inPath = {}, inQuery = {}, inHeader = {}] = sent.parameters
  const query = new URLSearchParams(
    Object.entries(inQuery).map(([name, value]): [string, string] => [name, asText(value)]),
  )
  // An empty segment is another path, and fetch resolves dots.
  const segment = (name: string) => encodeURIComponent(asText(inPath[name])).replace(/^\.*$/, 'x')
  const headers = Object.entries(inHeader).filter(([name]) => operation.parameters?.some((one) => one.name === name))
  return fetch(`${edge.url}${path.replaceAll(/\{(\w+)\}/g, (_, name: string) => segment(name))}?${query}`, {
    method,
    redirect: 'manual',
    headers: {
      ...(sent.token && { authorization: sent.token }),
      ...(sent.body !== null && { 'content-type': sent.contentType }),
      // As a page of the edge sends it.
      ...(method !== 'GET' && { origin: new URL(edge.url).origin }),
      // Signing in and out ends the session that there was.
      ...(path.startsWith('/console') && (method === 'GET' || !path.includes('/sign-')) && { cookie }),
      ...Object.fromEntries(headers.map(([name, value]) => [name, asText(value).replaceAll(/[^\x20-\x7e]/g, '?')])),
    },
    body: withFormToken(path, sent.body),
    signal: AbortSignal.timeout(30_000),
  })
}

/** As a page of whoever has signed in sends a form. */
function withFormToken(path: string, body: string | null): string | null {
  const isForm = body !== null && path.startsWith('/console')
  return isForm ? `${body}&${formTokenField}=${formToken}` : body
}

function asForm(value: unknown): string {
  const fields = Object.entries(Object(value) as Record<string, unknown>)
  return new URLSearchParams(fields.map(([name, one]): [string, string] => [name, asText(one)])).toString()
}

function asText(value: unknown): string {
  // URLs and headers cannot hold half a character.
  return (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).toWellFormed()
}

describe.each(seeds)('seed %i', (seed) => {
  // Several at the same time, as callers come, so that they do not wait for each other's outcomes.
  test.concurrent.each(operations)('$method $path responds as documented', async ({ method, path, operation }) => {
    const judge = new Map<string, ValidateFunction>()
    for (const [status, { content = {} }] of Object.entries(operation.responses))
      for (const [type, { schema }] of Object.entries(content)) judge.set(`${status} ${type}`, compile(schema))
    const seen = new Set<number>()

    const check = async (sent: Sent) => {
      const response = await send(method, path, { operation, sent })
      const text = await response.text()
      // It did not reach the route: the generated query is longer than headers may be.
      if (response.status === 431) return
      seen.add(response.status)
      // It says nothing about the route.
      expect(text).not.toContain('Too many large reads')
      expect(Object.keys(operation.responses), text).toContain(String(response.status))
      expect(response.status, text).not.toBe(500)
      const { description = '', content = {} } = operation.responses[String(response.status)] ?? {}
      const type = response.headers.get('content-type') ?? ''
      expect(Object.keys(content).length > 0 ? Object.keys(content) : ['']).toContain(type)
      // Some texts have no content type (contract sections 3.10 and 3.11).
      const isValid =
        judge.get(`${response.status} ${type}`) ??
        ((body: unknown) => body === '' || description.includes(`: \`${String(body)}\`,`))
      expect([isValid(type?.includes('json') ? JSON.parse(text) : text), text]).toEqual([true, text])
    }
    const hasInput = operation.parameters || operation.requestBody
    const run = async (seed: number) => {
      const requests = requestsFor(await knownTo(path), operation)
      await fc.assert(fc.asyncProperty(requests, check), { seed, numRuns: hasInput ? 60 : 8, endOnFailure: true })
    }
    await run(seed)
    if (seed !== seeds[0]) return
    // By chance all requests to a route with many parameters may be wrong.
    for (let more = 1; more <= 5 && Math.min(...seen) >= 400; more++) await run(seed + more)
    expect(Math.min(...seen), 'it was never anything but refused').toBeLessThan(400)
  })
})

/** Of a list, each payload has its own status. A key that was used before is a mistake of another kind. */
function isInvalid(status: number, answer: string): boolean {
  const { payloads = [{ status, problem: JSON.parse(answer) as object }] } = JSON.parse(answer) as {
    payloads?: { status: number; problem: object | null }[]
  }
  return payloads.some((one) => one.status === 422 && !JSON.stringify(one.problem).includes('idempotency-key-reused'))
}

/** The document describes the form of dates, but not which there are. */
function isAboutDates(answer: string): boolean {
  const { errors = [] } = JSON.parse(answer) as { errors?: { loc: string[] }[] }
  return errors.length > 0 && errors.every(({ loc }) => ['since', 'until'].includes(loc.at(-1) ?? ''))
}

describe('what the document calls valid is valid for the edge', () => {
  const withBody = operations.filter(({ operation }) => operation.requestBody?.content[jsonType])
  test.concurrent.each(withBody)('$method $path', async ({ method, path, operation }) => {
    const schema = operation.requestBody?.content[jsonType]?.schema ?? {}
    const isValid = compile(schema)
    const here = await knownTo(path)
    const bodies = fc.oneof(arbitraryOf(schema, here), nearlyValid(schema, here))
    const property = fc.asyncProperty(bodies, async (body) => {
      // The document describes its form, but not which dates exist.
      if ([body].flat().some((one) => typeof Object(one).observed_at === 'string')) return
      const text = JSON.stringify(body)
      const [token = ''] = credentialsFor(operation.security)
      // Of a path with parameters, one that there is.
      const inPath = Object.fromEntries(Object.entries(known).map(([name, [first]]) => [name, first]))
      // Each is a request of its own. Payloads may name keys themselves, which the header must not contradict.
      const inHeader = path === '/api/v1/payloads' ? {} : { 'idempotency-key': randomUUID() }
      const sent = { token, parameters: [inPath, {}, inHeader], body: text, contentType: jsonType }
      const response = await send(method, path, { operation, sent })
      const answer = await response.text()
      const isTaken = !isInvalid(response.status, answer)
      if (!isTaken && isAboutDates(answer)) return
      // Which fields of a change go together stands in words.
      if (path === '/api/v1/changes' && !isTaken) return
      expect([text, isValid(JSON.parse(text)), answer]).toEqual([text, isTaken, answer])
    })
    await fc.assert(property, { seed: seeds.at(-1) ?? 0, numRuns: 100, endOnFailure: true })
  })
})

test('methods that are not listed are 405', async () => {
  for (const [path, methods] of Object.entries(document.paths)) {
    const listed = Object.keys(methods).map((method) => method.toUpperCase())
    const others = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].filter((one) => !listed.includes(one))
    const answers = others.map(async (method) => {
      const { status, headers } = await edge.call(path.replaceAll(/\{\w+\}/g, '1'), { method })
      return [method, path, status, headers.get('allow')?.split(', ').sort()]
    })
    expect(await Promise.all(answers)).toEqual(others.map((method) => [method, path, 405, listed.toSorted()]))
  }
})

test('the edge serves the document that was read here', async () => {
  expect((await edge.call('/openapi.json')).json).toEqual(document)
})

test('no request has ended a service', () => {
  for (const { pid } of owners) expect(process.kill(pid, 0)).toBe(true)
})
