import { beforeEach, expect, test, vi } from 'vitest'
import { companiesAtOnce } from './crawl.ts'
import { callModule, mint, secret, type EdgeStandIn } from './edge-stand-in.ts'
import { recording, startApp } from './start-app.ts'

let module: Awaited<ReturnType<typeof startApp>>
let edge: EdgeStandIn

beforeEach(async () => {
  module = await startApp()
  edge = module.edge
  return () => module.close()
})

const call = (path: string, body?: unknown, token?: string) => callModule(module.url + path, body, token)
const crawl = (companies: unknown, token?: string) => call('/companies', { task_id: 5, companies }, token)

test('initialize registers every measurement, parents first, and answers a JSON string with a Python literal', async () => {
  const { status, body } = await call('/initialize?source_id=7')
  expect(status).toBe(200)
  const registered = edge.calls.map(({ body }) => body)
  expect(registered[0]).toEqual({ source_module_id: 7, type: 'link', measurement_name: 'package page' })
  expect(registered.map((one) => one.measurement_name).slice(-3)).toEqual([
    'releases',
    'release version',
    'release published at',
  ])
  const parentId = 100 + edge.calls.length - 2
  expect(registered.at(-1)).toEqual({
    source_module_id: 7,
    type: 'date',
    measurement_name: 'release published at',
    parent_measurement_id: parentId,
  })
  expect(body).toBeTypeOf('string')
  const { frequency, normalization_map } = JSON.parse(body)
  expect(frequency).toBe('daily')
  expect(normalization_map).toMatch(
    /^\{'Source': 'npm', 'Mappings': \[\{'SourceField': 'url', 'DataType': 'link', 'MeasurementName': 'package page', 'source_measurement_id': 101\}, /,
  )
  expect(normalization_map).toContain(
    `'ItemKey': 'version', 'source_measurement_id': ${parentId}, 'NestedMappings': [{`,
  )
})

test('a second initialize begins anew', async () => {
  const first = await call('/initialize?source_id=7')
  edge.calls = []
  expect(await call('/initialize?source_id=7')).toEqual(first)
})

test('initialize fails where a registration does', async () => {
  edge.replyTo = ({ body }) => (body.type === 'bool' ? { status: 403, body: { detail: 'not yours' } } : undefined)
  expect(await call('/initialize?source_id=7')).toEqual({
    status: 500,
    body: { detail: '/source-measurement answered 403: {"detail":"not yours"}' },
  })
})

test('discover names the packages of each company, and none for a stranger', async () => {
  const companies = [
    { company_id: '1', name: 'Express' },
    { company_id: '2', name: 'Somebody Else' },
  ]
  const { status, body } = await call('/discover', companies)
  expect(status).toBe(200)
  expect(body.identifiers).toEqual({ 1: { packages: ['express'] }, 2: { packages: [] } })
  expect(body.validity).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}$/)
  const days = (Date.parse(`${body.validity}Z`) - Date.now()) / (24 * 60 * 60 * 1000)
  expect(days).toBeCloseTo(180, 1)
})

test('a first crawl feeds twelve snapshots and today per package, in order of time, and finishes last', async () => {
  const token = await mint()
  const { status, body } = await crawl(
    { 1: { packages: ['express', 'pino', 'express'] }, 2: { packages: ['pino'] } },
    token,
  )
  expect(status).toBe(200)
  expect(body).toEqual({ task_id: 5, errors: {}, return_message: 'finished' })
  expect(edge.calls.at(-1)).toMatchObject({ path: '/crawling-finished', body: { task_id: 5, errors: {} } })
  expect(edge.calls.every(({ authorization }) => authorization === `Bearer ${token}`)).toBe(true)
  expect(edge.fed()).toHaveLength(3 * 13)
  for (const [company_id, name] of [
    ['1', 'express'],
    ['1', 'pino'],
    ['2', 'pino'],
  ]) {
    const payloads = edge
      .fed()
      .filter((one) => one.company_id === company_id && (one.raw_data as { name: string }).name === name)
    const times = payloads.map(({ observed_at }) => observed_at)
    expect(times.slice(0, 12)).toEqual([...times.slice(0, 12)].sort())
    expect(times).toHaveLength(13)
    expect(times.at(-1)).toBeUndefined()
    expect(payloads.at(-1)).toMatchObject({
      source_name: 'npm',
      raw_data: { name, latest_version: recording.get(name ?? '')?.latest, deprecated: false },
    })
  }
})

test('a second crawl feeds today alone, the same as before; another source gets the history too', async () => {
  await crawl({ 1: { packages: ['express'] } })
  const first = edge.fed().at(-1)
  edge.calls = []
  await crawl({ 1: { packages: ['express'] } })
  expect(edge.fed()).toEqual([first])
  await crawl({ 1: { packages: ['express'] } }, await mint(secret, 8))
  expect(edge.fed()).toHaveLength(1 + 13)
})

test('what goes wrong is told per company, the others are fed, and unfinished history comes again', async () => {
  edge.replyTo = ({ path, body }) =>
    path === '/feed-raw-data' && body.company_id === '1' ? { status: 422, body: { detail: 'no' } } : undefined
  const companies = {
    1: { packages: ['express'] },
    2: { packages: ['express', 'left-pad'] },
    3: { handles: ['x'], packages: ['pino'] },
  }
  const { status, body } = await crawl(companies)
  expect(status).toBe(200)
  expect(body.errors).toEqual({
    1: {
      error_type: 'AnalyticsError',
      error_description: expect.stringContaining('/feed-raw-data answered 422: {"detail":"no"}'),
    },
    2: { error_type: 'CrawlingError', error_description: expect.stringContaining('left-pad is not a package') },
    3: { error_type: 'ClientInvalidBodyError', error_description: expect.stringContaining('handles') },
  })
  expect(edge.fed().filter(({ company_id }) => company_id !== '1')).toHaveLength(2 * 13)
  edge.replyTo = () => undefined
  edge.calls = []
  await crawl({ 1: { packages: ['express'] }, 2: { packages: ['express'] } })
  expect(edge.fed().filter(({ company_id }) => company_id === '1')).toHaveLength(13)
  expect(edge.fed().filter(({ company_id }) => company_id === '2')).toHaveLength(1)
})

test('several companies are crawled at once, but no more than intended', async () => {
  edge.replyTo = () =>
    vi.waitFor(() => expect(edge.mostOpen).toBeGreaterThanOrEqual(companiesAtOnce)).then(() => undefined)
  await crawl(Object.fromEntries(Array.from({ length: 9 }, (_, index) => [String(index + 1), { packages: ['pino'] }])))
  expect(edge.fed()).toHaveLength(9 * 13)
  expect(edge.mostOpen).toBe(companiesAtOnce)
})

test('a feed that is asked to come back is sent again', async () => {
  let refused = 0
  edge.replyTo = ({ path }) =>
    path === '/feed-raw-data' && refused++ < 2 ? { status: 503, headers: { 'retry-after': '0' }, body: {} } : undefined
  const { body } = await crawl({ 1: { packages: ['express'] } })
  expect(body.errors).toEqual({})
  expect(edge.fed()).toHaveLength(13 + 2)
  expect(edge.fed()[2]).toEqual(edge.fed()[0])
})

test('without an answer to the finish the run is a failure', async () => {
  edge.replyTo = ({ path }) => (path === '/crawling-finished' ? { status: 502, body: {} } : undefined)
  expect(await crawl({})).toEqual({ status: 500, body: { detail: '/crawling-finished answered 502: {}' } })
  expect(edge.calls).toHaveLength(3)
})

test('with nobody at the other end every company has its error and the run fails', async () => {
  await edge.close()
  const { status, body } = await crawl({ 1: { packages: ['express'] } })
  expect(status).toBe(500)
  expect(body.detail).toMatch(/^\/crawling-finished got no answer: .*ECONNREFUSED/)
})

test('initialize fails where a registration is answered without an id', async () => {
  edge.replyTo = () => ({ status: 201, body: {} })
  expect(await call('/initialize?source_id=7')).toEqual({
    status: 500,
    body: { detail: '/source-measurement answered without an id' },
  })
})
