import { beforeAll, expect, test, vi } from 'vitest'
import { type Desk, expectGoodPage, openDesk, openDeskBrowser } from '../harness/edge/desk-site.ts'
import { startEdge, type TestEdge } from '../harness/edge/setup.ts'
import { normalizerBench } from '../harness/normalizer/setup.ts'
import { waitFor } from '../harness/wait-for.ts'

// A browser is slow to start on a busy machine.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

let edge: TestEdge
let desk: Desk
let eventId: string
/** The page of the value, and of its series. */
let path: string
let series: string

beforeAll(async () => {
  edge = await startEdge()
  await Promise.all([edge.start('normalizer'), edge.start('analyzer')])
  desk = await openDesk(edge)
  const bench = normalizerBench(edge)
  const source = await bench.addSource([{ SourceField: 'stars', DataType: 'int' }])
  const payload = bench.payload(source, await bench.addCompany(), { stars: 5 })
  await bench.feed([payload])
  eventId = payload.event_id
  const [value] = await waitFor('the value', async () => {
    const rows = await edge.database.query<{ seq: number }>(
      `SELECT seq FROM normalizer.value_lineage WHERE event_id = $1`,
      [eventId],
    )
    return rows.length > 0 && rows
  })
  path = `/console/values/${eventId}/${value!.seq}`
  const { id } = await waitFor('the series', async () => {
    const { json } = await edge.call('/api/v1/series', { token: await edge.apiKey('operator') })
    const [found] = json['series'] as { series_id: string }[]
    return found && { id: found.series_id }
  })
  series = `/console/series/${id}`
})

const revisionOf = (body: string) => /name="revision" value="(\d+)"/.exec(body)?.[1] ?? ''

test('operators correct a value from its series, put it back, and an old page changes nothing', async () => {
  const shown = await desk.get(series)
  expect(shown.body).toContain(`href="${path}"`)
  expect((await desk.get(series, 'viewer')).body).not.toContain(path)
  expect((await desk.get(path, 'viewer')).status).toBe(403)

  const { body, text } = await desk.get(path)
  expect(text).toContain('As its module sent it')
  const old = { value: '50', reason: 'a zero too few', revision: revisionOf(body) }
  expect((await desk.post(path, old, 'viewer')).status).toBe(403)
  expect((await desk.post(path, { ...old, reason: '' })).status).toBe(422)
  expect((await desk.submit(path, { ...old, value: 'many' })).text).toContain('is no int')
  const corrected = await desk.submit(path, old)
  expect(corrected.text).toContain('stars is 50 now, and was 5.')
  expect(corrected.text).toContain('a zero too few')

  // A page that is an hour old.
  const late = await desk.submit(path, { ...old, value: '51' })
  expect(late.text).toContain('It is 50 now: somebody has changed it since you looked.')

  const marked = await waitFor('the series to follow', async () => {
    const page = await desk.get(series)
    return page.text.includes('50 corrected') && page
  })
  expect(marked.text).toContain('50 corrected')
  const { json } = await edge.call(series.replace('/console', '/api/v1'), { token: await edge.apiKey('viewer') })
  expect(json['points']).toMatchObject([{ value: 50, changed: 'corrected', event_id: eventId }])

  const back = { value: '5', reason: 'Back to what stood here before: 5', revision: revisionOf(late.body) }
  expect(late.body).toContain('value="Back to what stood here before: 5"')
  expect((await desk.submit(path, back)).text).toContain('stars is 5 now, and was 50.')
  const rows = await edge.database.query(
    `SELECT actor FROM normalizer.audit WHERE kind = 'normalizer.value.correct' ORDER BY audit_id`,
  )
  expect(rows).toEqual([{ actor: expect.stringMatching(/^key:/) }, { actor: expect.stringMatching(/^key:/) }])
})

test('a value that is not there, and pages without violations', async () => {
  expect((await desk.get(`/console/values/${crypto.randomUUID()}/0`)).status).toBe(404)
  expect((await desk.get(path.replace(/\d+$/, '77'))).status).toBe(404)
  expect((await desk.get(path.replace(/\d+$/, 'x'))).status).toBe(422)
  await expectGoodPage(await openDeskBrowser(edge, desk.cookies.operator), edge.url + path)
})
