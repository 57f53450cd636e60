import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { makeSessionToken, sessionCookie } from '../../services/edge/access/session-token.ts'
import { companiesQuery, listCompanies } from '../../services/edge/ask/companies.ts'
import { readCompany } from '../../services/edge/ask/company.ts'
import { listSeries, seriesQuery } from '../../services/edge/ask/list-series.ts'
import { newsQuery, readNews } from '../../services/edge/ask/news.ts'
import type { Viewer } from '../../services/edge/access/viewer.ts'
import { keyHolder } from '../../services/edge/ask/may-read.ts'
import { pointsQuery, readSeries } from '../../services/edge/ask/one-series.ts'
import { search } from '../../services/edge/ask/search.ts'
import { listSources, sourcesQuery } from '../../services/edge/ask/sources.ts'
import { openFeedAddresses, revokeFeeds } from '../../services/edge/atom/address.ts'
import { type Database, openPool, sql } from '../../services/runtime/postgres/database.ts'
import { readEnv } from '../../services/runtime/process/config.ts'
import { makeReportLink } from '../../services/runtime/web/signed-links.ts'
import { postgresSettings } from '../../services/runtime/process/settings.ts'
import { sharedViews } from '../../schemas/views.ts'
import { formatChange } from '../../services/runtime/text/format.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { startEdge, type TestEdge } from '../harness/edge/setup.ts'
import { daysAgo, storeFacts } from '../harness/edge/stored-facts.ts'
import { readPicture as readXml } from '../harness/picture.ts'
import { findMarkupFaults, readMarkup } from '../harness/markup.ts'
import { waitFor } from '../harness/wait-for.ts'

type Row = Record<string, unknown>

let edge: TestEdge
let key = ''
let facts: ReturnType<typeof storeFacts>
let database: Database
/** Ids by what they are of. */
const ids: Record<string, number> = {}
const id = (name: string) => ids[name]!
const news: string[] = []
const site = 'https://parma.example'

const get = (path: string, headers: Record<string, string> = {}) => edge.call(`/api/v1${path}`, { token: key, headers })
async function rowsOf(path: string, member: string): Promise<Row[]> {
  const answer = await get(path)
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)])
  return answer.json[member] as Row[]
}

/** All rows of a list, page by page. */
async function allPages(path: string, member: string, limit: number): Promise<Row[]> {
  const rows: Row[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: Row = (
      await get(`${path}${path.includes('?') ? '&' : '?'}limit=${limit}${cursor && `&cursor=${cursor}`}`)
    ).json
    expect((page[member] as Row[]).length).toBeLessThanOrEqual(limit)
    rows.push(...(page[member] as Row[]))
    cursor = page['next'] as string | null
  }
  return rows
}

beforeAll(async () => {
  edge = await startEdge({ PUBLIC_URL: site })
  key = await edge.apiKey('viewer')
  facts = storeFacts(edge)
  database = await openPool(readEnv(postgresSettings, edge.env))
  onCleanup(() => database.end())
  for (const name of ['acme', 'beta', 'gamma']) ids[name] = await edge.addCompany(name)
  ids['odd'] = await edge.addCompany(`=cmd|"<b>\u202e${'long '.repeat(2000)}`)
  ids['github'] = await edge.addSource('github')
  ids['stars'] = await facts.addMeasurement(id('github'), 'stars')
  ids['issues'] = await facts.addMeasurement(id('github'), 'open issues')
  ids['note'] = await facts.addMeasurement(id('github'), 'note', 'text')
  await edge.database.query(
    `INSERT INTO company_data_source (company_id, data_source_id, is_data_source_active, health_status, modified_at)
     SELECT c.id, $1, true, 'UP', now() FROM company c WHERE NOT EXISTS (
       SELECT FROM company_data_source l WHERE l.company_id = c.id AND l.data_source_id = $1)`,
    [id('github')],
  )
  ids['acme stars'] = await facts.addSeries(id('acme'), id('stars'), { 0: 150, 7: 120, 30: 100, 200: 50 })
  ids['acme issues'] = await facts.addSeries(id('acme'), id('issues'), { 0: 20, 31: 10 })
  ids['beta stars'] = await facts.addSeries(id('beta'), id('stars'), { 1: 110, 32: 100 })
  ids['beta issues'] = await facts.addSeries(id('beta'), id('issues'), { 0: 5, 40: 10 })
  ids['gamma stars'] = await facts.addSeries(id('gamma'), id('stars'), { 0: 7, 30: 0 })
  ids['acme note'] = await facts.addSeries(id('acme'), id('note'), { 0: '=HYPERLINK("x")', 9: 'plain' })
  const longKey = `https://repo.example/${'x'.repeat(1100)}`
  for (const item of ['https://repo.example/a', longKey])
    await facts.addSeries(id('acme'), id('stars'), { 0: 3, 30: 2 }, { item, subject: item.slice(0, 30) })
  await edge.database.query(
    `UPDATE analyzer.series_state SET item_key = 'sha256:' || encode(sha256(convert_to(item_key, 'UTF8')), 'hex')
     WHERE octet_length(item_key) > 1000`,
  )
  const analyzer = await edge.start('analyzer')
  await waitFor('what the measurements mean', async () => {
    const rows = await edge.database.query('SELECT FROM analyzer.meaning_view')
    return rows.length === 3
  })
  // It makes forecasts of its own.
  await analyzer.stop()
  await edge.database.query('DELETE FROM analyzer.forecast')
  await edge.database.query(
    `INSERT INTO analyzer.forecast VALUES ($1, '', '', 1, $2, $3, 160, 150, 170, 4, 'drift', 1), ($1, '', '', 4, $2, $3, 190, null, null, null, 'drift', 1)`,
    [id('acme stars'), daysAgo(0), daysAgo(-7)],
  )
  const of = { company: id('acme'), source: id('github'), measurement: id('stars'), series: id('acme stars') }
  for (const [age, importance] of [
    [5, 0.9],
    [4, 0.1],
    [3, null],
    [2, 0.9],
    [1, 0.4],
    [0, 0.4],
  ] as const)
    news.push(await facts.addNewsItem({ ...of, age, importance, title: `${age} days ago` }))
  const other = { company: id('beta'), source: id('github'), measurement: id('issues'), series: id('beta issues') }
  news.push(await facts.addNewsItem({ ...other, age: 2, severity: 'critical', title: '=1+1' }))
  await facts.addNewsItem({ ...of, age: 6, silent: true, title: 'silent' })
  const withheld = await facts.addNewsItem({ ...of, title: 'withheld' })
  await edge.database.query(
    'INSERT INTO analyzer.withheld_news (news_id, event_id, is_flagged) VALUES ($1, $1, true)',
    [withheld],
  )
  await facts.addNewsItem({ ...of, company: 99_999, title: 'of a deleted company' })
})

describe('GET /news', () => {
  const titles = async (query: string) => (await rowsOf(`/news?${query}`, 'news')).map(({ title }) => title)

  test('equals a query', async () => {
    const [first, ...rest] = await rowsOf('/news', 'news')
    expect(rest).toHaveLength(6)
    const [stored] = await edge.database.query<Row>('SELECT * FROM analyzer.news WHERE news_id = $1', [news[5]])
    expect(first).toEqual({
      ...{
        news_id: news[5],
        kind: 'changed',
        severity: 'info',
        silent: false,
        title: '0 days ago',
        message: '0 days ago',
      },
      company: { id: id('acme'), name: 'acme' },
      source: { id: id('github'), name: 'github' },
      measurement: { id: id('stars'), name: 'stars' },
      ...{ series_id: String(id('acme stars')), item: null, previous: '1', current: '2', trigger_factor: 12.5 },
      ...{ importance: stored!['importance'], importance_parts: null, facts: { a: 'b' }, event_id: news[5] },
      observed_at: daysAgo(0),
      created_at: (stored!['created_at'] as Date).toISOString(),
    })
  })

  test('comes newest or best first, and page by page as in one', async () => {
    expect(await titles(`company=${id('acme')}`)).toEqual([0, 1, 2, 3, 4, 5].map((age) => `${age} days ago`))
    const best = ['2 days ago', '5 days ago', '=1+1', '0 days ago', '1 days ago', '4 days ago', '3 days ago']
    expect(await titles('order=best')).toEqual(best)
    for (const limit of [1, 2, 3, 7])
      expect((await allPages('/news?order=best', 'news', limit)).map(({ title }) => title)).toEqual(best)
    expect(await allPages('/news', 'news', 2)).toEqual(await rowsOf('/news', 'news'))
  })

  test('is filtered', async () => {
    const bucket = await facts.addBucket('b', await facts.addUser('Ann'), [id('beta'), id('gamma')])
    expect(await titles(`bucket=${bucket}`)).toEqual(['=1+1'])
    expect(await titles('severity=critical')).toEqual(['=1+1'])
    expect(await titles('kind=gone')).toEqual([])
    await edge.database.query(`UPDATE analyzer.news SET kind = 'gone' WHERE title = '=1+1'`)
    expect(await titles('kind=gone')).toEqual(['=1+1'])
    await edge.database.query(`UPDATE analyzer.news SET kind = 'changed' WHERE title = '=1+1'`)
    expect(await titles(`series=${id('beta issues')}&measurement=${id('issues')}&source=${id('github')}`)).toEqual([
      '=1+1',
    ])
    expect(await titles('silent=true')).toEqual(['silent'])
    expect(await titles('silent=any')).toHaveLength(8)
    expect(await titles(`since=${daysAgo(1)}`)).toEqual(['0 days ago', '1 days ago'])
    expect(await titles(`until=${daysAgo(4)}`)).toEqual(['5 days ago'])
    expect(await titles('company=99999')).toEqual([])
  })

  test('is CSV for those who ask for it', async () => {
    const asked = await get('/news?limit=2', { accept: 'text/html;q=0.9, text/csv' })
    const named = await get('/news?limit=2&format=csv')
    expect(named.text).toBe(asked.text)
    expect(named.headers.get('content-type')).toBe('text/csv; charset=utf-8')
    expect(named.headers.get('link')).toMatch(/^<\/api\/v1\/news\?limit=2&format=csv&cursor=[\w-]+>; rel="next"$/)
    const lines = (await get('/news?format=csv')).text.split('\r\n')
    expect(lines).toHaveLength(9)
    expect(lines[0]).toMatch(/^news_id,observed_at,company_id,company,/)
    expect(lines.find((line) => line.includes('1+1'))).toContain(`,'=1+1,`)
    expect((await get('/news', { accept: '*/*' })).headers.get('content-type')).toBe('application/json')
  })
})

describe('an Atom feed', () => {
  const open = async (person: number) => {
    const settings = { PUBLIC_URL: site, LINK_SECRET: edge.env['LINK_SECRET'] }
    const addressOf = await openFeedAddresses(settings, database, person)
    const pathOf = (subject: Parameters<typeof addressOf>[0]) => addressOf(subject)!.slice(site.length)
    const read = async (subject: Parameters<typeof addressOf>[0], headers = {}) => {
      const answer = await edge.call(pathOf(subject), { headers })
      const titles = answer.status === 200 ? readXml(answer.text).filter(({ name }) => name === 'title') : []
      return { status: answer.status, titles: titles.slice(1).map(({ text }) => text), headers: answer.headers }
    }
    return { pathOf, read }
  }
  const own = [0, 1, 2, 3, 4, 5].map((age) => `${age} days ago`)

  test('has what the person follows, a bucket or a company, and nothing that they may not see', async () => {
    const [ann, bob] = [await facts.addUser('Ann'), await facts.addUser('<Bob & Co.>')]
    const bucket = await facts.addBucket('Anns', ann, [id('beta')])
    await edge.database.query(
      'INSERT INTO company_subscription (user_id, company_id, modified_at) VALUES ($1, $2, now())',
      [ann, id('acme')],
    )
    const [ofAnn, ofBob] = [await open(ann), await open(bob)]
    expect((await ofAnn.read('all')).titles).toEqual(own)
    expect((await ofAnn.read(`bucket-${bucket}`)).titles).toEqual(['=1+1'])
    expect((await ofAnn.read(`company-${id('acme')}`)).titles).toEqual(own)
    expect(await ofBob.read('all')).toMatchObject({ status: 200, titles: [] })
    for (const subject of [`bucket-${bucket}`, `company-${id('acme')}`, 'company-99999'] as const)
      expect([subject, (await ofBob.read(subject)).status]).toEqual([subject, 404])
  })

  test('is only for whoever has the address, and as long as it is not revoked', async () => {
    const eve = await facts.addUser('Eve')
    const { pathOf, read } = await open(eve)
    const path = pathOf('all')
    const { headers } = await read('all')
    expect(headers.get('content-type')).toBe('application/atom+xml; charset=utf-8')
    expect((await read('all', { 'if-none-match': headers.get('etag') })).status).toBe(304)
    for (const forged of [path.replace('all', `company-${id('acme')}`), path.slice(0, -1), path.split('?')[0]!])
      expect((await edge.call(forged)).status).toBe(403)
    await revokeFeeds(database, eve, 'cli:test')
    expect((await edge.call(path)).status).toBe(410)
    const fresh = await open(eve)
    expect((await fresh.read('all')).status).toBe(200)
    await edge.database.query('DELETE FROM "user" WHERE id = $1', [eve])
    expect((await fresh.read('all')).status).toBe(410)
  })
})

describe('a report', () => {
  test('is what its reader got, for whoever has the link and for its reader alone', async () => {
    const ann = await facts.addUser('Ann')
    const lines = [{ heading: 'acme', mark: '', title: 'stars rose', details: ['From <100> to 150.'] }]
    const digestId = await facts.addDigest(ann, 'Your weekly report', lines)
    const settings = { PUBLIC_URL: site, LINK_SECRET: edge.env['LINK_SECRET'] }
    const pathOf = (until: number) => makeReportLink(settings, digestId, until)!.slice(site.length)
    const good = await edge.call(pathOf(Date.now() + 60_000))
    expect(good.status).toBe(200)
    expect(good.text).toContain('From &lt;100&gt; to 150.')
    const expired = await edge.call(pathOf(Date.now() - 60_000))
    expect([expired.status, expired.text]).toEqual([410, expect.stringContaining('This link has expired')])
    expect((await edge.call(`/reports/${digestId}`)).status).toBe(403)
    const other = makeReportLink(settings, randomUUID(), Date.now() + 60_000)!.slice(site.length)
    expect((await edge.call(other)).status).toBe(404)
  })
})

test('large reads that come all at once are answered, or are 503 with Retry-After', async () => {
  const answers = await Promise.all(Array.from({ length: 60 }, () => get(`/companies?days=365`)))
  for (const { status, headers } of answers)
    expect([status, headers.get('retry-after') !== null]).toEqual([status, status === 503])
  expect(answers.map(({ status }) => status)).toContain(200)
  expect(answers.filter(({ status }) => ![200, 503].includes(status))).toEqual([])
})

describe('growth', () => {
  type Part = Row & { measurement: Row }
  type Company = Row & { name: string; momentum: number | null; growth: Part[] }
  const byName = async (query: string) => {
    const companies = (await rowsOf(`/companies?${query}`, 'companies')) as Company[]
    return new Map(companies.map((one) => [one.name, one]))
  }
  const partOf = (company: Company | undefined, name: string) =>
    company?.growth.find((one) => one.measurement['name'] === name)

  test('every number equals a query', async () => {
    for (const days of [7, 30, 90, 180, 365])
      for (const company of (await byName(`days=${days}`)).values())
        for (const part of company.growth) {
          const of = [String(part['series_id']), days]
          const [row] = await edge.database.query<Row>(
            `WITH v AS (SELECT * FROM normalizer.value WHERE company_measurement_id = $1::int AND item_key IS NULL)
             SELECT n.number AS value, n.observed_at, p.number AS previous, p.observed_at AS previous_at,
               n.number - p.number AS change, (n.number - p.number) / nullif(abs(p.number), 0) * 100 AS percent
             FROM (SELECT * FROM v ORDER BY observed_at DESC LIMIT 1) n
             LEFT JOIN LATERAL (SELECT * FROM v WHERE v.observed_at <= n.observed_at - $2::int * interval '1 day'
               AND v.observed_at >= n.observed_at - 2 * $2::int * interval '1 day' ORDER BY observed_at DESC LIMIT 1) p ON true`,
            of,
          )
          const iso = (time: unknown) => (time === null ? null : (time as Date).toISOString())
          const { value, previous, change, percent } = row!
          expect([of, part]).toMatchObject([
            of,
            {
              value,
              observed_at: iso(row!['observed_at']),
              previous,
              previous_at: iso(row!['previous_at']),
              change,
              percent,
            },
          ])
        }
  })

  test('companies are ranked by it, and a bad rise counts as bad', async () => {
    const companies = await byName('days=30')
    const [acme, beta, gamma] = ['acme', 'beta', 'gamma'].map((name) => companies.get(name))
    expect(partOf(acme, 'stars')).toMatchObject({ percent: 50, rank: 1, of: 2, polarity: 'good', gap: null })
    expect(partOf(beta, 'stars')).toMatchObject({ percent: 10, rank: 2, of: 2 })
    expect(partOf(gamma, 'stars')).toMatchObject({ change: 7, percent: null, gap: 'from zero', rank: null, of: 2 })
    expect(partOf(acme, 'open issues')).toMatchObject({ percent: 100, rank: 2, of: 2, polarity: 'bad' })
    expect(partOf(beta, 'open issues')).toMatchObject({ percent: -50, rank: 1, of: 2 })
    expect([acme, beta, gamma].map((one) => one?.momentum)).toEqual([50, 50, null])
    const only = await byName(`days=30&measurements=${id('stars')}&sort=momentum`)
    expect([...only.keys()].slice(0, 2)).toEqual(['acme', 'beta'])
    expect([...only.values()].map(({ momentum }) => momentum)).toEqual([100, 0, null, null])
    expect((await allPages('/companies?sort=momentum', 'companies', 1)).map((row) => row['name'])).toEqual([
      ...(await byName('sort=momentum')).keys(),
    ])
  })

  test('the values count, wherever the analyzer is', async () => {
    const all = async () => JSON.stringify([...(await byName('days=30'))])
    const before = await all()
    const move = (days: number) =>
      edge.database.query(`UPDATE analyzer.series_state SET observed_at = observed_at + $1 * interval '1 day'`, [days])
    for (const days of [-100, 200, -100]) {
      await move(days)
      expect(await all()).toBe(before)
    }
  })

  test('what does not count is left out', async () => {
    const stars = async () => partOf((await byName('days=30')).get('acme'), 'stars')
    const before = await stars()
    const withhold = (series: unknown) =>
      edge.database.query(
        `INSERT INTO analyzer.withheld_payload
           (event_id, run_no, company_id, is_flagged, observed_at, data_source_id, subject_key, event_no, series)
         SELECT p.event_id, 1, $1, $4::text IS NULL, p.observed_at, p.data_source_id, '', p.event_no, coalesce($4, '[]')::jsonb
         FROM normalizer.value v JOIN normalizer.processed_event p USING (event_no)
         WHERE v.company_measurement_id = $2 AND v.number = $3`,
        [id('acme'), id('acme stars'), 150, series === null ? null : JSON.stringify([series])],
      )
    const without = { value: 120, previous: null, gap: 'earlier value too old' }
    for (const [series, expected] of [
      [null, without],
      [{ company_measurement_id: id('acme stars'), item_key: null }, without],
      [{ company_measurement_id: id('acme issues'), item_key: null }, before],
    ] as const) {
      await withhold(series)
      expect([series, await stars()]).toMatchObject([series, expected!])
      await edge.database.query('DELETE FROM analyzer.withheld_payload')
    }
    expect(await stars()).toEqual(before)
  })

  test('a day has 24 hours, and dates are in UTC, whatever the time zone of the server', async () => {
    const asked = { route: '', parameters: {} }
    const read = async (pool: Database) => [
      (await listCompanies(pool, keyHolder, companiesQuery.parse({}), asked)).companies,
      (await listSeries(pool, keyHolder, seriesQuery.parse({}), asked)).series,
    ]
    const founded = await facts.addMeasurement(id('github'), 'founded', 'date')
    const series = await facts.addSeries(id('gamma'), founded, { 0: '' })
    await edge.database.query(
      `UPDATE analyzer.series_state SET state = '{"last": {"kind": "date", "date": 1767225600000}}'
       WHERE company_measurement_id = $1`,
      [series],
    )
    const setZone = (zone: string) =>
      edge.database.query(
        `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = %L', current_database(), '${zone}'); END $$`,
      )
    await setZone('Europe/Berlin')
    const there = await openPool(readEnv(postgresSettings, edge.env))
    try {
      expect(await there.oneFirst(sql.unsafe`SHOW timezone`)).toBe('Europe/Berlin')
      expect(await read(there)).toEqual(await read(database))
      expect((await get(`/series/${series}`)).json['value']).toBe('2026-01-01T00:00:00.000Z')
    } finally {
      await there.end()
      await setZone('UTC')
      await edge.database.query('DELETE FROM source_measurement WHERE id = $1', [founded])
    }
  })
})

describe('companies and series', () => {
  test('a company has its sources, series, items and news', async () => {
    const company = (await get(`/companies/${id('acme')}`)).json
    expect(company).toMatchObject({ id: id('acme'), name: 'acme', sources: [{ id: id('github'), active: true }] })
    const series = company['series'] as (Row & { growth: Row[] })[]
    expect(series.map(({ series_id }) => series_id)).toEqual(
      ['acme stars', 'acme issues', 'acme note'].map((name) => String(id(name))),
    )
    expect(series[0]!.growth.map(({ days, percent, gap }) => [days, percent, gap])).toEqual([
      [7, 25, null],
      [30, 50, null],
      [90, null, 'earlier value too old'],
      [180, 200, null],
      [365, null, 'no earlier value'],
    ])
    expect(company['items']).toHaveLength(2)
    expect((company['news'] as Row[]).map(({ title }) => title)).toContain('silent')
  })

  test('a series has its values, forecast, growth and news, and pages of values', async () => {
    const path = `/series/${id('acme stars')}`
    const series = (await get(path)).json
    const stored = await edge.database.query<Row>(
      `SELECT v.number AS value, v.seq, p.event_id, p.document FROM normalizer.value v JOIN normalizer.processed_event p USING (event_no)
       WHERE v.company_measurement_id = $1 AND v.item_key IS NULL ORDER BY v.observed_at`,
      [id('acme stars')],
    )
    const points = [200, 30, 7, 0].map((age, index) => ({
      ...{ observed_at: daysAgo(age), ...stored[index], exact: null, changed: null },
    }))
    expect(series).toMatchObject({ points, company: { name: 'acme' }, detector: { state: 'judged without detectors' } })
    expect(series['forecast']).toMatchObject([
      { steps: 1, value: 160, low: 150, high: 170, mean_error: 4, model: 'drift', for_time: daysAgo(-7) },
      { steps: 4, value: 190, low: null },
    ])
    expect((series['news'] as Row[]).length).toBe(7)
    const newest = (await get(`${path}?limit=3`)).json
    expect(newest['points']).toEqual(points.slice(1))
    const older = (await get(`${path}?limit=3&cursor=${String(newest['next'])}`)).json
    expect([older['points'], older['next']]).toEqual([points.slice(0, 1), null])
    expect((await get(`${path}?since=${daysAgo(30)}&until=${daysAgo(0)}`)).json['points']).toEqual(points.slice(1, 3))
    const csv = await get(`${path}.csv`)
    expect(csv.text).toBe((await get(`${path}?format=csv`)).text)
    expect(csv.text.split('\r\n')[1]).toBe(
      `${daysAgo(200)},50,,${String(stored[0]!['event_id'])},${String(stored[0]!['document'])}`,
    )
    expect((await get(`/series/${id('acme note')}.csv`)).text).toContain(`"'=HYPERLINK(""x"")"`)
  })

  test('a series has what disturbed its source', async () => {
    const run = (task: number, age: number, outcome: string, excused = false) =>
      edge.database.query(
        `INSERT INTO scheduler.run (task_id, data_source_id, schedule_type, slot, claim_token, attempt, started_at, finished_at,
           outcome, excused)
         VALUES ($1, $2, 'REGULAR', $3, 1, 1, $3, $3, $4, $5)`,
        [task, id('github'), daysAgo(age), outcome, excused],
      )
    await run(101, 90, 'failed')
    await run(102, 60, 'ok')
    await run(103, 50, 'failed')
    await run(104, 49, 'failed', true)
    await run(105, 40, 'failed')
    await run(106, 20, 'partial')
    await run(107, 2, 'failed')
    await edge.database.query(
      `INSERT INTO analyzer.incident
       SELECT 'key ' || c, 'due', $1, nullif(c, 0), '', '', '{}', $2::timestamptz - c * interval '1 hour', NULL
       FROM unnest($3::int[]) c`,
      [id('github'), daysAgo(3), [0, id('beta')]],
    )
    await edge.database.query(
      `INSERT INTO analyzer.withheld_payload
         (event_id, run_no, company_id, is_flagged, observed_at, data_source_id, subject_key, event_no, series)
       SELECT md5(n::text)::uuid, 1, $1, n = 1, $2::timestamptz - n * interval '1 day', $3, '', n, $4::jsonb
       FROM generate_series(1, 2) n`,
      [
        id('acme'),
        daysAgo(6),
        id('github'),
        JSON.stringify([{ company_measurement_id: id('acme issues'), item_key: null }]),
      ],
    )
    const path = `/series/${id('acme stars')}`
    const disturbances = [
      { kind: 'down', from: daysAgo(50), to: daysAgo(20) },
      { kind: 'suspect', from: daysAgo(7), to: daysAgo(7) },
      { kind: 'late', from: daysAgo(3), to: null },
      { kind: 'down', from: daysAgo(2), to: null },
    ]
    expect((await get(`${path}?since=${daysAgo(30)}`)).json['disturbances']).toEqual(disturbances)
    const before = { kind: 'down', from: daysAgo(90), to: daysAgo(60) }
    expect((await get(path)).json['disturbances']).toEqual([before, ...disturbances])
    for (const table of ['scheduler.run', 'analyzer.incident', 'analyzer.withheld_payload'])
      await edge.database.query(`DELETE FROM ${table}`)
  })

  test('series of list items have ids of their own, however long their keys', async () => {
    const series = await rowsOf(`/series?company=${id('acme')}&items=true`, 'series')
    expect(series).toHaveLength(2)
    for (const { series_id } of series) {
      const one = (await get(`/series/${String(series_id)}`)).json
      expect([one['series_id'], (one['points'] as Row[]).map(({ value }) => value)]).toEqual([series_id, [2, 3]])
      expect((one['growth'] as Row[])[1]).toMatchObject({ days: 30, percent: 50 })
    }
    expect(await allPages('/series', 'series', 2)).toEqual(await rowsOf('/series', 'series'))
    expect(await rowsOf('/series?q=ISSUES', 'series')).toHaveLength(2)
  })

  test('sources have runs and health', async () => {
    await edge.database.query(
      `INSERT INTO scheduler.run (task_id, data_source_id, schedule_type, slot, claim_token, attempt, started_at, finished_at, fed, outcome)
       SELECT n, $1, 'REGULAR', $2, 1, 1, $2::timestamptz + n * interval '1 hour', $2, n, 'ok' FROM generate_series(1, 7) n`,
      [id('github'), daysAgo(1)],
    )
    await edge.database.query(
      `INSERT INTO scheduler.health (data_source_id, status, since, known_since) VALUES ($1, 'UP', $2, $2)`,
      [id('github'), daysAgo(3)],
    )
    const [source] = await rowsOf('/sources', 'sources')
    expect(source).toMatchObject({
      ...{ id: id('github'), name: 'github', active: true, companies: 4, measurements: 3 },
      health: { status: 'UP', since: daysAgo(3), uptime: 1, runs: 7, runs_ok: 7 },
    })
    expect((source!['runs'] as Row[]).map(({ task_id }) => task_id)).toEqual([7, 6, 5, 4, 3])
    expect((await get('/sources?format=csv')).text).toContain('github,true,DAILY,4,3,UP')
    await edge.database.query('UPDATE scheduler.health SET down_seconds = 3600')
    const etag = (await get('/sources')).headers.get('etag') ?? ''
    expect((await get('/sources', { 'if-none-match': etag })).status).toBe(304)
  })

  test('search finds names, and takes signs as they are', async () => {
    expect((await get('/search?q=AC')).json).toMatchObject({
      companies: [{ id: id('acme'), name: 'acme' }],
      sources: [],
    })
    expect((await get('/search?q=star')).json).toMatchObject({
      measurements: [{ id: id('stars'), source: { name: 'github' } }],
    })
    for (const sign of ['%', '_', '\\', "'"])
      expect((await get(`/search?q=${encodeURIComponent(sign)}`)).json['companies']).toEqual([])
    expect((await get(`/search?q=${encodeURIComponent('<b>')}`)).json['companies']).toMatchObject([{ id: id('odd') }])
  })
})

describe('tags', () => {
  test.each(['/news', '/companies', '/sources', '/search?q=acme', '/news?format=csv'])(
    '%s is 304 for whoever has it',
    async (path) => {
      const first = await get(path)
      const etag = first.headers.get('etag') ?? ''
      expect(etag).toMatch(/^"[\w-]{27}"$/)
      for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const again = await get(path, { 'if-none-match': tag })
        expect([tag, again.status, again.text, again.headers.get('etag')]).toEqual([tag, 304, '', etag])
      }
      expect((await get(path, { 'if-none-match': '"other"' })).status).toBe(200)
    },
  )

  test('the tag changes with what it stands for', async () => {
    const path = `/companies/${id('gamma')}`
    const etag = (await get(path)).headers.get('etag') ?? ''
    await edge.database.query('UPDATE company SET description = $1 WHERE id = $2', ['new', id('gamma')])
    expect((await get(path, { 'if-none-match': etag })).status).toBe(200)
  })
})

describe('what cannot be answered is a problem that says what to do', () => {
  const problem = async (path: string) => {
    const { status, headers, json } = await get(path)
    expect([headers.get('content-type'), json['remedy']]).toEqual([
      'application/problem+json',
      expect.stringMatching(/\w{3}/),
    ])
    return [status, JSON.stringify(json)] as const
  }

  test.each([
    ['/news?limit=201', 'limit'],
    ['/news?limit=99999999999999999999', 'limit'],
    ['/news?limit=0', 'limit'],
    ['/news?company=acme', 'company'],
    ['/news?company=4294967297', 'company'],
    ['/news?silent=maybe', 'silent'],
    ['/news?order=worst', 'order'],
    ['/news?since=2026-02-30', 'month 2 of 2026 has no day 30'],
    ['/news?since=yesterday', 'ISO 8601'],
    ['/news?since=0000-01-01', 'the year must be 1 to 9999'],
    ['/news?since=2026-02-02&until=2026-02-01', 'until must be later than since'],
    ['/news?series=1%20OR%201', 'series'],
    ['/companies?days=31', 'days'],
    ['/companies?measurements=1,x', 'measurements'],
    [`/companies?q=${'x'.repeat(201)}`, 'q'],
    ['/companies?q=%00', 'q'],
    ['/companies/0', 'company_id'],
    ['/series/1?limit=5001', 'limit'],
    ['/series/x', 'series_id'],
    ['/search', 'q'],
    [`/search?q=${'x'.repeat(10_000)}`, 'q'],
  ])('%s', async (path, named) => {
    expect(await problem(path)).toEqual([422, expect.stringContaining(named)])
  })

  test.each([
    '/companies/999999',
    '/companies/999999?format=csv',
    '/series/999999',
    '/series/1-00000000000000000000000000000000',
    '/companies?bucket=999999',
    '/news?bucket=999999',
  ])('%s is 404', async (path) => {
    expect(await problem(path)).toEqual([404, expect.stringContaining('not found')])
  })

  test('cursors of other queries and damaged ones', async () => {
    const cursor = String((await get('/news?limit=1&order=best')).json['next'])
    for (const [path, reason] of [
      [`/news?limit=1&cursor=${cursor}`, 'another query'],
      [`/news?order=best&company=${id('acme')}&cursor=${cursor}`, 'another query'],
      [`/sources?cursor=${cursor}`, 'damaged'],
      [`/news?order=best&cursor=${cursor.slice(0, -4)}`, 'damaged'],
      ['/news?cursor=x', 'damaged'],
      [`/series/${id('acme stars')}?cursor=${cursor}`, 'damaged'],
    ] as const)
      expect([path, await problem(path)]).toEqual([path, [400, expect.stringContaining(reason)]])
    expect((await get(`/news?limit=7&order=best&cursor=${cursor}`)).status).toBe(200)
  })

  test('callers without a key, and modules', async () => {
    const source = await edge.token(id('github'))
    for (const token of ['', source, 'Bearer parma_wrong'])
      for (const path of ['/news', '/companies', `/series/${id('acme stars')}`, '/search?q=a'])
        expect((await edge.call(`/api/v1${path}`, { token })).status).toBe(401)
  })

  test('a company that is deleted is gone everywhere', async () => {
    const gone = await edge.addCompany('gone')
    const series = await facts.addSeries(gone, id('stars'), { 0: 1 })
    await facts.addNewsItem({ company: gone, source: id('github'), measurement: id('stars'), series, title: 'gone' })
    expect((await get(`/series/${series}`)).status).toBe(200)
    await edge.database.query('DELETE FROM company WHERE id = $1', [gone])
    expect((await get(`/companies/${gone}`)).status).toBe(404)
    expect((await get(`/series/${series}`)).status).toBe(404)
    expect((await rowsOf('/news', 'news')).map(({ title }) => title)).not.toContain('gone')
  })
})

describe('pages of companies', () => {
  const signIn = async (userId: number | null) => {
    const { token, hash } = makeSessionToken()
    const [{ key_id: keyId } = { key_id: null }] =
      userId === null ? await edge.database.query<Row>(`SELECT key_id FROM edge.api_key WHERE role = 'operator'`) : []
    await edge.database.query(
      `INSERT INTO edge.session (hash, user_id, key_id, expires_at) VALUES ($1, $2, $3, now() + interval '1 day')`,
      [hash, userId, keyId],
    )
    return (path: string) =>
      edge.call(`/console${path}`, { headers: { cookie: `${sessionCookie}=${token}; zone=Asia%2FTokyo` } })
  }
  let ann: Awaited<ReturnType<typeof signIn>>
  let operator: typeof ann
  let [bucket, secret] = [0, 0]
  const cellsOf = (page: string) =>
    readMarkup(page)
      .filter(({ name }) => name === 'tr')
      .map(({ text }) => text.replaceAll(/\s+/g, ' ').trim())

  beforeAll(async () => {
    const [annId, benId] = [await facts.addUser('Ann'), await facts.addUser('Ben')]
    bucket = await facts.addBucket('Portfolio', annId, ['acme', 'beta', 'gamma', 'odd'].map(id))
    secret = await facts.addBucket('Secret', benId, [await edge.addCompany('undercover')])
    await edge.database.query(
      'INSERT INTO company_subscription (user_id, company_id, modified_at) VALUES ($1, $2, now())',
      [annId, id('acme')],
    )
    await edge.apiKey('operator')
    ann = await signIn(annId)
    operator = await signIn(null)
  })

  test('all are markup as ours should be, and load nothing from elsewhere', async () => {
    for (const path of [
      ...['/watchlist', `/watchlist?of=${bucket}&q=&days=365&add=${id('issues')}`, '/watchlist?of=all&sort=momentum'],
      ...[`/companies/${id('acme')}`, `/companies/${id('acme')}?source=${id('github')}&days=1095`],
      ...[`/companies/${id('odd')}`, `/series/${id('acme stars')}`, `/series/${id('acme note')}?days=all`],
      `/series/${id('acme stars')}?days=30&until=${daysAgo(20)}`,
    ]) {
      const { status, text, headers } = await ann(path)
      expect([path, status, findMarkupFaults(text)]).toEqual([path, 200, []])
      expect(headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(text).toContain('Ann')
    }
  })

  test('the numbers of the watchlist are those of the read API', async () => {
    const page = (await ann(`/watchlist?of=${bucket}&measurements=${id('stars')},${id('issues')}`)).text
    const answer = await get(`/companies?bucket=${bucket}&measurements=${id('stars')},${id('issues')}`)
    const companies = answer.json['companies'] as (Row & { growth: (Row & { measurement: Row })[] })[]
    const rows = new Map(cellsOf(page).map((text) => [/^\S+/.exec(text)?.[0], text]))
    expect(companies).toHaveLength(4)
    for (const { name, growth } of companies.slice(1))
      for (const { value, percent, rank, of } of growth) {
        const change = percent === null ? 'from 0' : formatChange(percent as number)
        const rest = rank === null ? '–' : `${rank as number} of ${of as number}`
        expect([name, rows.get(name as string)]).toEqual([
          name,
          expect.stringContaining(`${value as number}${change}${rest}`),
        ])
      }
  })

  test('the watchlist is sorted by any column, in both directions, and page by page', async () => {
    const names = async (query: string) =>
      cellsOf((await ann(`/watchlist?of=${bucket}&measurements=${id('stars')}${query}`)).text)
        .slice(2)
        .map((text) => /^(acme|beta|gamma)/.exec(text)?.[0] ?? 'odd')
    expect(await names('')).toEqual(['odd', 'acme', 'beta', 'gamma'])
    expect(await names('&direction=descending')).toEqual(['gamma', 'beta', 'acme', 'odd'])
    expect(await names(`&sort=value-${id('stars')}`)).toEqual(['acme', 'beta', 'gamma', 'odd'])
    expect(await names(`&sort=value-${id('stars')}&direction=ascending`)).toEqual(['gamma', 'beta', 'acme', 'odd'])
    expect(await names(`&sort=rank-${id('stars')}`)).toEqual(['acme', 'beta', 'gamma', 'odd'])
    const list = (sort: string) => allPages(`/companies?bucket=${bucket}&sort=${sort}`, 'companies', 1)
    expect((await list(`change-${id('stars')}`)).map(({ name }) => name).slice(0, 2)).toEqual(['acme', 'beta'])
    expect((await list('name&direction=descending')).map(({ name }) => name).slice(0, 3)).toEqual([
      'gamma',
      'beta',
      'acme',
    ])
    expect((await get(`/companies?sort=price`)).status).toBe(422)
  })

  test('the watchlist as CSV is that of the read API', async () => {
    const { text, headers } = await ann(`/watchlist?of=${bucket}&format=csv`)
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8')
    expect(text).toBe((await get(`/companies?bucket=${bucket}&format=csv`)).text)
  })

  test('people see what they follow unless they ask for more, and never what is not theirs', async () => {
    expect(cellsOf((await ann('/watchlist')).text).slice(2)).toEqual([expect.stringMatching(/^acme/)])
    expect((await ann('/watchlist?of=all')).text).not.toContain('undercover')
    expect((await ann('/watchlist')).text).not.toContain('Secret')
    expect((await ann(`/watchlist?of=${secret}`)).status).toBe(404)
    expect((await operator(`/watchlist?of=${secret}`)).text).toContain('undercover')
    expect((await operator('/watchlist')).text).toContain('undercover')
    const [hidden] = await edge.database.query<Row>(`SELECT id FROM company WHERE name = 'undercover'`)
    for (const path of [`/companies/${hidden!['id'] as number}`, '/companies/99999', '/series/99999']) {
      const { status, text } = await ann(path)
      expect([path, status]).toEqual([path, 404])
      expect(text).toContain('It was deleted, or you may not see it.')
    }
    const stranger = await edge.call(`/console/companies/${id('acme')}`)
    expect(stranger.text).not.toContain('acme')
  })

  test('a wrong parameter is a page that says so', async () => {
    for (const path of [
      '/watchlist?days=31',
      '/watchlist?sort=x',
      '/companies/0',
      `/series/${id('acme stars')}?until=x`,
    ])
      expect([path, (await ann(path)).status]).toEqual([path, 422])
    expect((await ann('/watchlist?cursor=abc')).status).toBe(400)
  })

  test('a company says what matters, and a series has values with their raw documents', async () => {
    const company = (await ann(`/companies/${id('acme')}`)).text
    expect(company).toMatch(/class="lead"[^>]*><a href="\/console\/why\/[\w-]+">2 days ago<\/a>/)
    expect(company).toContain('Asia/Tokyo')
    // Both items are there with the number that is stored.
    expect(company).toMatch(/2 items: \S+ · \S+ 3; \S+ · \S+ 3\.</)
    const series = (await ann(`/series/${id('acme stars')}?days=all`)).text
    const [value] = await edge.database.query<Row>(
      `SELECT p.event_id, p.document FROM normalizer.value v JOIN normalizer.processed_event p USING (event_no)
       WHERE v.company_measurement_id = $1 AND v.number = 150`,
      [id('acme stars')],
    )
    expect(series).toContain(
      `<a href="/api/v1/events/${value!['event_id'] as string}"><code>${value!['document'] as string}`,
    )
    expect(series).toContain('More is good.')
    expect(series).toMatch(/Forecast for 27 November 2026/)
  })

  test('a company says the sum of list items that are too many for bars, and leaves out those that are gone', async () => {
    const items = (name: string, count: number, age: number, number: number) =>
      edge.database.query(
        `INSERT INTO analyzer.series_state (company_measurement_id, subject_key, item_key, event_no, observed_at, state)
         SELECT $1, 'many', $2 || n, 1, $3, $4 FROM generate_series(1, $5::int) n`,
        [id('gamma stars'), name, daysAgo(age), { last: { kind: 'number', number } }, count],
      )
    onTestFinished(async () => {
      await edge.database.query(`DELETE FROM analyzer.series_state WHERE subject_key = 'many'`)
    })
    await items('there ', 7000, 1, 2)
    await items('gone ', 3, 5, 9)
    const { text } = await operator(`/companies/${id('gamma')}`)
    expect(text).toMatch(/>7000 items: there 1 2; (there \d+ 2; ){9}6,990 others together 13,980\.</)
    await items('huge ', 20, 1, 1.7e308)
    expect((await operator(`/companies/${id('gamma')}`)).text).toMatch(/>7020 items: huge .*; 7,010 others together /)
  })
})

describe('a person sees what parma-web shows them', () => {
  const person = (userId: number): Viewer => ({ userId, role: 'viewer', name: 'Ann' })
  const visible = async (userId: number, bucket?: number) => {
    const viewer = person(userId)
    const companies = await listCompanies(database, viewer, companiesQuery.parse(bucket ? { bucket } : {}), {
      route: '',
      parameters: {},
    })
    const page = await readNews(database, viewer, newsQuery.parse({ silent: 'any' }), { route: '', parameters: {} })
    const series = await listSeries(database, viewer, seriesQuery.parse({}), { route: '', parameters: {} })
    const { sources } = await listSources(database, viewer, sourcesQuery.parse({}), { route: '', parameters: {} })
    if (bucket === undefined) expect(sources[0]?.companies).toBe(companies.companies.length)
    const names = new Set(companies.companies.map(({ name }) => name))
    for (const { company } of [...page.news, ...series.series]) expect(names).toContain(company.name)
    const asked = { route: '', parameters: {} }
    for (const name of ['acme', 'beta', 'gamma']) {
      const found = await search(database, viewer, { q: name, limit: 10 })
      expect([name, found.companies.length]).toEqual([name, names.has(name) ? 1 : 0])
      expect([name, (await readCompany(database, viewer, id(name))) !== null]).toEqual([name, names.has(name)])
      const one = await readSeries(database, viewer, String(id(`${name} stars`)), pointsQuery.parse({}), asked)
      expect([name, one !== null]).toEqual([name, names.has(name)])
    }
    return [...names]
  }

  test('own, shared and public buckets, what they added and what they follow', async () => {
    const [ann, ben, cat] = [await facts.addUser('Ann'), await facts.addUser('Ben'), await facts.addUser('Cat')]
    const own = await facts.addBucket('own', ann, [id('acme')])
    expect(await visible(ann)).toEqual(['acme'])
    expect(await visible(ben)).toEqual([])
    await expect(visible(ben, own)).rejects.toThrow('No bucket with this id is known.')
    const ofOwn = newsQuery.parse({ bucket: own })
    await expect(readNews(database, person(ben), ofOwn, { route: '', parameters: {} })).rejects.toThrow('No bucket')
    await edge.database.query(
      `INSERT INTO bucket_access (bucket_id, invitee_id, permission, modified_at) VALUES ($1, $2, 'VIEWER', now())`,
      [own, ben],
    )
    expect(await visible(ben, own)).toEqual(['acme'])
    await edge.database.query(
      'INSERT INTO company_subscription (user_id, company_id, modified_at) VALUES ($1, $2, now())',
      [cat, id('beta')],
    )
    expect(await visible(cat)).toEqual(['beta'])
    await edge.database.query('UPDATE company SET added_by = $1 WHERE id = $2', [cat, id('acme')])
    expect(await visible(cat)).toEqual(['acme', 'beta'])
    await edge.database.query(
      'INSERT INTO news_subscription (user_id, company_id, modified_at) VALUES ($1, $2, now())',
      [ben, id('beta')],
    )
    expect(await visible(ben)).toEqual(['acme', 'beta'])
    const shared = await facts.addBucket('for all', ann, [id('gamma')], true)
    expect(await visible(cat)).toEqual(['acme', 'beta', 'gamma'])
    await edge.database.query('DELETE FROM bucket WHERE id = $1', [shared])
    expect(await visible(cat)).toEqual(['acme', 'beta'])
  })
})

describe('commands', () => {
  test('news ls lists what the API lists, and escapes what could move the cursor', async () => {
    const listed = JSON.parse(await edge.parma('news', 'ls', '--best', '--json')) as Row[]
    expect(listed).toEqual(await rowsOf('/news?order=best', 'news'))
    const csv = await edge.parma('news', 'ls', '--company', 'acme', '--since', daysAgo(1), '--csv')
    expect(csv).toBe(
      (await get(`/news?company=${id('acme')}&since=${daysAgo(1)}&format=csv`)).text.replaceAll('\r', ''),
    )
    const table = await edge.parma('news', 'ls', '--severity', 'critical')
    expect(table.split('\n')[1]).toMatch(/^2026-11-18 10:00 UTC +0\.50 +critical +beta +github +=1\+1 /)
    await expect(edge.parma('news', 'ls', '--since', '2026-02-30')).rejects.toThrow('month 2 of 2026 has no day 30')
    await expect(edge.parma('news', 'ls', '--severity', 'loud')).rejects.toThrow('--severity is "loud"')
  })

  test('report writes a file whose numbers equal queries', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'parma-report-'))
    onCleanup(() => rmSync(folder, { recursive: true }))
    const out = join(folder, 'acme.html')
    const write = (...args: string[]) => edge.parma('report', ...args, '--to', daysAgo(-1), '--out', out)
    await write('--company', 'acme')
    const file = readFileSync(out, 'utf8')
    const inRow = (name: string) => file.split('<tr>').find((row) => row.includes(`>${name}<`)) ?? ''
    const numbersIn = (row: string) => [...row.matchAll(/<data value="([^"]*)"/g)].map(([, number]) => Number(number))
    // The newest number, the change in a year, and over 7, 30 and 180 days, as asked of the API.
    const { growth } = (await get(`/series/${id('acme stars')}`)).json as { growth: { percent: number | null }[] }
    const percents = growth.flatMap(({ percent }) => percent ?? [])
    expect(numbersIn(inRow('stars, github'))).toEqual([150, 200, ...percents])
    expect(file).toContain('2 days ago')
    expect(file).not.toMatch(/<script|<link|href="http/)
    const bucket = await facts.addBucket('Reported', await facts.addUser('Rita'), [id('acme'), id('beta')])
    await write('--bucket', String(bucket))
    const page = (await get(`/companies?bucket=${bucket}&sort=momentum`)).json as { companies: Row[] }
    const rows = readFileSync(out, 'utf8').split('<tr>')
    for (const { name, momentum } of page.companies)
      expect(numbersIn(rows.find((row) => row.includes(`>${String(name)}<`)) ?? '')).toContain(momentum)
    await expect(write()).rejects.toThrow('Give --company or --bucket')
    await expect(write('--company', 'acme', '--from', '2030-01-01')).rejects.toThrow('--to must be later than --from')
  })

  test('mcp answers the client of the Model Context Protocol, and changes nothing', async () => {
    const client = new Client({ name: 'test', version: '1' })
    const start = {
      command: process.execPath,
      args: [resolve(import.meta.dirname, '../../services/cli/main.ts'), 'mcp'],
    }
    const open = async (given: string) => {
      const env = { ...edge.env, EDGE_URL: edge.url, PARMA_API_KEY: given.replace('Bearer ', '') } as Record<
        string,
        string
      >
      await client.connect(new StdioClientTransport({ ...start, env, stderr: 'inherit' }))
    }
    const ask = async (name: string, input: Record<string, unknown>) => {
      const { content, isError = false } = await client.callTool({ name, arguments: input })
      return { isError, answer: JSON.parse((content as { text: string }[])[0]!.text) as Row }
    }
    await open(key)
    const { tools } = await client.listTools()
    expect(tools.map(({ annotations }) => annotations?.readOnlyHint)).toEqual(Array(8).fill(true))
    expect(await ask('search', { q: 'acme' })).toEqual({ isError: false, answer: (await get('/search?q=acme')).json })
    const path = `/series/${id('acme stars')}`
    expect((await ask('show_series', { series_id: String(id('acme stars')), limit: 3 })).answer).toEqual(
      (await get(`${path}?limit=3`)).json,
    )
    expect((await ask('list_news', { company: id('beta') })).answer).toEqual(
      (await get(`/news?company=${id('beta')}&limit=20`)).json,
    )
    expect(await ask('show_company', { company_id: 99_999 })).toMatchObject({ isError: true, answer: { status: 404 } })
    await client.close()
    await open('parma_wrong')
    expect(await ask('list_sources', {})).toMatchObject({ isError: true, answer: { status: 401 } })
    await client.close()
    await expect(edge.parma('mcp')).rejects.toThrow('is not set')
  })

  test('companies show and series show', async () => {
    expect(JSON.parse(await edge.parma('companies', 'show', 'acme', '--json'))).toEqual(
      (await get(`/companies/${id('acme')}`)).json,
    )
    expect(await edge.parma('companies', 'show', 'acme')).toMatch(/stars .* 150 .*\+25% +\+50% +- +\+200% +-/)
    expect(await edge.parma('companies', 'show', 'acme', '--csv')).toContain(`${id('acme stars')},github,stars,,150,`)
    const odd = await edge.parma('companies', 'show', String(id('odd')))
    expect(odd).toContain('=cmd|"<b>\\u202elong')
    const series = String(id('acme stars'))
    const shown = JSON.parse(await edge.parma('series', 'show', series, '--json')) as Row
    expect({ ...shown, next: null }).toEqual((await get(`/series/${series}`)).json)
    const csv = (await get(`/series/${series}.csv`)).text.replaceAll('\r', '')
    expect(await edge.parma('series', 'show', series, '--csv')).toBe(csv)
    expect(await edge.parma('series', 'show', series)).toMatch(/30 days +\+50%\n(.*\n)*forecast +160 \(150 to 170\)/)
    await expect(edge.parma('series', 'show', '999999')).rejects.toThrow('There is no series 999999.')
  })
})

test('what measurements mean follows their names', async () => {
  await edge.start('analyzer')
  await edge.database.query(`UPDATE source_measurement SET measurement_name = 'churn' WHERE id = $1`, [id('note')])
  await waitFor('the meaning of churn', async () => {
    const rows = await edge.database.query('SELECT * FROM analyzer.meaning_view WHERE source_measurement_id = $1', [
      id('note'),
    ])
    return (rows[0] as Row)['polarity'] === 'bad'
  })
})

test('companies are not compared by measurements of list items only', async () => {
  const company = await edge.addCompany('lists')
  const [ofItems, plain] = [
    await facts.addMeasurement(id('github'), 'stars of a repository'),
    await facts.addMeasurement(id('github'), 'members'),
  ]
  await facts.addSeries(company, ofItems, { 0: 3, 30: 2 }, { item: 'https://repo.example/a' })
  await facts.addSeries(company, plain, { 0: 5, 30: 4 })
  const bucket = await facts.addBucket('Lists', await facts.addUser('Lea'), [company])
  const { json } = await get(`/companies?bucket=${bucket}&days=30`)
  expect(json['compared']).toMatchObject({ measurements: [{ id: plain }] })
})

test('the columns of shared views are those of the table in code', async () => {
  const rows = await edge.database.query<{ view: string; columns: string[] }>(
    `SELECT v AS view, array_agg(attname::text ORDER BY attnum) AS columns
     FROM unnest($1::text[]) v JOIN pg_attribute ON attrelid = v::regclass AND attnum > 0 AND NOT attisdropped GROUP BY v`,
    [sharedViews.map(({ name }) => name)],
  )
  const found = new Map(rows.map(({ view, columns }) => [view, columns]))
  for (const { name, columns } of sharedViews) expect([name, found.get(name)]).toEqual([name, columns])
})
