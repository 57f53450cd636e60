import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { type Answer } from '../harness/edge/setup.ts'
import { startConsole, type TestConsole } from '../harness/edge/console.ts'
import { storeFacts } from '../harness/edge/stored-facts.ts'
import { findMarkupFaults } from '../harness/markup.ts'
import { addPerson } from '../harness/notifier/setup.ts'

// Each page and each read of /openapi.json is asked for, so that one that is added is tested, too.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

type Parameter = { name: string; in: 'path' | 'query' | 'header' }
type Read = { path: string; role: string; parameters: Parameter[]; isPage: boolean }
/** What stands for a parameter: several values are several requests. */
type Given = Readonly<Record<string, readonly (string | number)[]>>

let site: TestConsole
let reads: Read[]
/** Ids of what is Bob's alone, and of what is Hanna's: names of all kinds, and a bucket of very many companies. */
let [bobs, hannas]: [Given, Given] = [{}, {}]
let cookies: Record<'ann' | 'bob' | 'hanna' | 'operator', string>

/** Of people and modules; it has no `<` of its own, to find ours. */
const hostile = `"><script>alert(1)</script></title><!--${'\u202eשלום &amp; '.repeat(12)}\u2028'--x ${'w'.repeat(9800)}`
const many = 10_000

beforeAll(async () => {
  site = await startConsole()
  const { database } = site.edge
  const { addSeries, addDigest, addBucket, addMeasurement, addNewsItem } = storeFacts(site.edge)
  const idsOf = async (person: number, company: number, news: string) => {
    const [one] = await database.query<{ series: number; event: string }>(
      `SELECT company_measurement_id AS series, event_id AS event
       FROM normalizer.value v JOIN normalizer.processed_event USING (event_no) WHERE v.company_id = $1 LIMIT 1`,
      [company],
    )
    const name = person === site.bob ? 'Gamma' : hostile
    const lines = [{ heading: name, mark: '', title: name, details: [name] }]
    return {
      ...{ company_id: [company], company: [company], series: [one!.series], news_id: [news], news: [news] },
      ...{ series_id: [one!.series, `${one!.series}.csv`], event_id: [one!.event], person_id: [person] },
      ...{ user_id: [person], person: [person], subject: ['all', `company-${company}`], source_id: [1], source: [1] },
      ...{ digest_id: [await addDigest(person, name, lines)], version: [1], measurement: [1], measurements: [1] },
      ...{
        since: ['2020-01-01T00:00:00Z', 'year'],
        days: [365, 'all'],
        of: ['all'],
        companies: ['all'],
        show: ['all'],
      },
      ...{ format: ['csv'], silent: ['any'], items: ['any', 'true'], order: ['best'], rule: ['percent'] },
      ...{ sort: ['name', 'momentum', 'change-1'], limit: [200] },
    }
  }
  await database.query(`UPDATE company SET description = 'Gamma plans' WHERE id = $1`, [site.companies.gamma])
  await addSeries(site.companies.gamma, 1, { 0: 3, 30: 2 }, { item: 'gamma-app' })
  await addSeries(site.companies.gamma, await addMeasurement(1, 'quote', 'text'), { 0: 'gamma says' })
  bobs = {
    ...(await idsOf(site.bob, site.companies.gamma, site.news.gamma)),
    ...{ of: ['all', site.buckets.bob], bucket: [site.buckets.bob], q: ['ecre', 'amm', 'launc'] },
  }

  const company = await site.edge.addCompany(hostile)
  await database.query('UPDATE company SET description = $1 WHERE id = $2', [hostile, company])
  const hanna = await addPerson(database, {
    ...{ name: hostile, companies: [company], channels: [{ type: 'SLACK', destination: hostile.slice(0, 900) }] },
  })
  const measurement = await addMeasurement(1, hostile)
  const series = await addSeries(company, measurement, { 0: 1e15, 7: -1e-9, 14: 0, 21: -1e15 })
  await addSeries(company, measurement, { 0: 0, 7: 0 }, { item: hostile })
  await addSeries(company, await addMeasurement(1, hostile.slice(5), 'text'), { 0: hostile }, { subject: hostile })
  const item = { company, source: 1, measurement, series, title: hostile }
  const news = await addNewsItem({ ...item, item: hostile, severity: 'critical' })
  await database.query('UPDATE analyzer.news SET message = $1, previous = $1, facts = $2 WHERE news_id = $3', [
    ...[hostile, JSON.stringify({ threshold: hostile }), news],
  ])
  const buckets = [await addBucket(hostile, hanna, [company]), await addBucket('Many', hanna, [])]
  await database.query(
    `WITH c AS (INSERT INTO company (name, modified_at) SELECT 'Many ' || n, now() FROM generate_series(1, $2::int) n RETURNING id)
     INSERT INTO company_bucket_membership (company_id, bucket_id, modified_at) SELECT id, $1, now() FROM c`,
    [buckets[1], many],
  )
  await database.query(
    `INSERT INTO notifier.mute (user_id, company_id, source_measurement_id, subject_key, item_key) VALUES ($1, $2, $3, '', $4)`,
    [hanna, company, measurement, hostile],
  )
  await database.query('INSERT INTO notifier.subscription (user_id, bucket_id) VALUES ($1, $2), ($1, $3)', [
    ...[hanna, ...buckets],
  ])
  hannas = {
    ...(await idsOf(hanna, company, news)),
    ...{ of: ['all', ...buckets], bucket: buckets, q: [hostile.slice(0, 100), 'Many 1', '%'] },
  }
  cookies = {
    ...{ ann: await site.signIn({ person: site.ann }), bob: await site.signIn({ person: site.bob }) },
    ...{ hanna: await site.signIn({ person: hanna }), operator: await site.signIn({ key: 'operator' }) },
  }
  reads = await listReads()
})

async function listReads(): Promise<Read[]> {
  type Operation = { tags: string[]; parameters?: Parameter[]; responses: Record<string, { content?: object }> }
  const { json } = await site.edge.call('/openapi.json')
  return Object.entries(json['paths'] as Record<string, { get?: Operation }>).flatMap(([path, { get }]) =>
    get === undefined
      ? []
      : {
          ...{ path, role: get.tags[0]!, parameters: get.parameters ?? [] },
          isPage: 'text/html; charset=utf-8' in (get.responses['200']?.content ?? {}),
        },
  )
}

/** Addresses of a read: plain, with each parameter alone, and with all that widen what it shows. */
function addressesOf({ path, parameters }: Read, given: Given): string[] {
  const inPath = parameters.filter((one) => one.in === 'path').map(({ name }) => name)
  const paths = inPath.reduce(
    (all, name) =>
      all.flatMap((one) => (given[name] ?? [randomUUID()]).map((id) => one.replace(`{${name}}`, String(id)))),
    [path],
  )
  const known = parameters.filter((one) => one.in === 'query' && given[one.name] !== undefined)
  const single = known.flatMap(({ name }) =>
    given[name]!.map((value) => new URLSearchParams({ [name]: String(value) })),
  )
  const wide = ['of', 'companies', 'show', 'silent', 'items'].filter((name) => known.some((one) => one.name === name))
  const widest = new URLSearchParams(wide.map((name): [string, string] => [name, String(given[name]![0])]))
  return paths.flatMap((one) =>
    ['', ...[...single, widest].map((query) => `?${query.toString()}`)].map((query) => one + query),
  )
}

async function walk(who: keyof typeof cookies, given: Given, wanted: (read: Read) => boolean) {
  const found: (Read & { address: string; answer: Answer })[] = []
  for (const read of reads.filter(wanted))
    for (const address of new Set(addressesOf(read, given)))
      found.push({ ...read, address, answer: await site.edge.call(address, { headers: { cookie: cookies[who] } }) })
  return found
}

const isOfPeople = ({ path }: Read) => /^\/(api\/v1|console|reports|feeds|why|news)\b/.test(path)

describe('every page and read', () => {
  test('what is one person’s alone is on no page and in no answer to another', async () => {
    const shows = async (who: keyof typeof cookies) =>
      (await walk(who, bobs, isOfPeople)).filter(({ answer }) => /gamma|secret/i.test(answer.text))
    expect((await shows('ann')).map(({ address, answer }) => [address, answer.status])).toEqual([])
    // Bob himself sees it in all these places, so that this test would notice it.
    const places = new Set((await shows('bob')).map(({ path }) => path))
    expect([...places]).toEqual(
      expect.arrayContaining([
        ...['/api/v1/news', '/api/v1/companies', '/api/v1/companies/{company_id}', '/api/v1/series', '/api/v1/search'],
        ...[
          '/api/v1/series/{series_id}',
          '/api/v1/news/{news_id}/why',
          '/console',
          '/console/watchlist',
          '/console/me',
        ],
        ...[
          '/console/companies/{company_id}',
          '/console/series/{series_id}',
          '/console/why/{news_id}',
          '/console/heard',
        ],
        ...['/console/search', '/reports/{digest_id}'],
      ]),
    )
  })

  test('whatever names and texts say, and however many companies there are, pages are ours, small, and there', async () => {
    const pages = await walk('hanna', hannas, (read) => read.isPage && isOfPeople(read))
    const wrong = pages.flatMap(({ address, answer: { status, text, headers } }) => [
      ...(status >= 500 ? [[address, status]] : []),
      ...(status === 200 && text.length > 200_000 ? [[address, text.length]] : []),
      ...(/html|xml/.test(headers.get('content-type') ?? '') && text !== ''
        ? findMarkupFaults(text).map((fault) => [address, fault])
        : []),
    ])
    expect(wrong).toEqual([])
    const shown = pages.filter(({ answer }) => answer.status === 200 && answer.text.includes('&lt;script'))
    expect(new Set(shown.map(({ path }) => path)).size).toBeGreaterThan(8)
  })
})

test('10,000 companies of a bucket are read page by page, too many to be ranked as they are, and reported on', async () => {
  const [, bucket] = hannas['bucket']!
  const headers = { cookie: cookies.hanna }
  const namesOf = ({ text }: Answer) => text.match(/(?<=<th scope="row"[^>]*>.*?<bdi>)Many \d+/g) ?? []
  const listed: string[] = []
  let address = `/console/watchlist?of=${bucket}&sort=momentum`
  for (let count = 0; count < 3; count++) {
    const page = await site.edge.call(address, { headers })
    expect([page.status, page.text]).toEqual([200, expect.stringContaining('too many to be ranked')])
    listed.push(...namesOf(page))
    address = /rel="next" href="([^"]+)"/.exec(page.text)?.[1]?.replaceAll('&amp;', '&') ?? ''
  }
  expect([listed.length, new Set(listed).size]).toEqual([120, 120])
  const file = await site.edge.call(`/console/watchlist?of=${bucket}&sort=momentum&format=csv`, { headers })
  const [, next] = /^<([^>]+)>/.exec(file.headers.get('link') ?? '') ?? []
  const second = await site.edge.call(next!, { headers })
  expect(second.text.split('\r\n')[1]).not.toBe(file.text.split('\r\n')[1])
  const out = join(mkdtempSync(join(tmpdir(), 'report-')), 'many.html')
  onTestFinished(() => rmSync(dirname(out), { recursive: true }))
  await site.edge.parma('report', '--bucket', String(bucket), '--out', out)
  expect(readFileSync(out, 'utf8')).toContain('9800 more are not shown.')
})

describe('every read under /api/v1', () => {
  // Each has a session of its own, so that no test meets the limit of another.
  beforeEach(async () => {
    cookies.operator = await site.signIn({ key: 'operator' })
  })
  const isApi = ({ path, role }: Read) => path.startsWith('/api/v1/') && role !== 'source'

  test('has a tag, and is 304 for whoever has it', async () => {
    const found = (await walk('operator', hannas, isApi)).filter(({ answer }) => answer.status === 200)
    expect(new Set(found.map(({ path }) => path)).size).toBeGreaterThan(9)
    const unchanged = new Set<string>()
    for (const { path, address, answer } of found) {
      const etag = answer.headers.get('etag')
      expect([address, etag]).toEqual([address, expect.stringMatching(/^"[\w-]{27}"$/)])
      const headers = { cookie: cookies.operator, 'if-none-match': etag! }
      const again = await site.edge.call(address, { headers })
      // What counts its own age is another one by then.
      if (again.headers.get('etag') !== etag) continue
      expect([address, again.status, again.text]).toEqual([address, 304, ''])
      unchanged.add(path)
    }
    expect(unchanged.size).toBeGreaterThan(9)
  })

  test('that cannot be answered is a complete problem', async () => {
    const nonsense: Given = Object.fromEntries(
      reads.flatMap(({ parameters }) => parameters.map(({ name }) => [name, ['\u0000', '-1', 'x'.repeat(3000), '0']])),
    )
    const found = [
      ...(await walk('operator', nonsense, isApi)),
      ...(await walk('ann', bobs, isApi)),
      ...(await Promise.all(
        reads.filter(isApi).map(async (read) => {
          const address = addressesOf(read, hannas)[0]!
          return { ...read, address, answer: await site.edge.call(address) }
        }),
      )),
    ].filter(({ answer }) => answer.status >= 400)
    const statuses = [...new Set(found.map(({ answer }) => answer.status))]
    expect(statuses).toEqual(expect.arrayContaining([400, 401, 403, 404, 422]))
    for (const { address, answer } of found) {
      expect([address, answer.status, answer.headers.get('content-type'), answer.json]).toEqual([
        ...[address, answer.status, 'application/problem+json'],
        expect.objectContaining({
          ...{ type: expect.stringMatching(/^urn:|^about:blank$/), title: expect.stringMatching(/\w/) },
          ...{ status: answer.status, detail: expect.stringMatching(/\w/), remedy: expect.stringMatching(/\w/) },
          instance: expect.stringMatching(/^\/api\/v1\//),
        }),
      ])
      expect([address, answer.status < 500]).toEqual([address, true])
    }
  })

  test('of a list goes from page to page, and no page belongs to another list', async () => {
    const headers = { cookie: cookies.operator }
    const lists = reads.filter((read) => isApi(read) && read.parameters.some(({ name }) => name === 'cursor'))
    expect(lists.length).toBeGreaterThan(4)
    const cursors = await Promise.all(
      lists.map(async (list) => {
        const { json } = await site.edge.call(`${addressesOf(list, hannas)[0]}?limit=1`, { headers })
        return { path: list.path, cursor: json['next'] as string | null }
      }),
    )
    expect(cursors.filter(({ cursor }) => cursor !== null).length).toBeGreaterThan(2)
    for (const list of lists)
      for (const { path, cursor } of cursors) {
        const { status } = await site.edge.call(
          `${addressesOf(list, hannas)[0]}?limit=1&cursor=${encodeURIComponent(cursor ?? 'x')}`,
          { headers },
        )
        expect([list.path, path, status]).toEqual([list.path, path, cursor !== null && path === list.path ? 200 : 400])
      }
  })
})
