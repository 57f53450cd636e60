import { beforeAll, expect, test, vi } from 'vitest'
import { startDesk, type TestDesk } from '../harness/edge/desk.ts'
import { useSession } from '../harness/edge/console.ts'
import { violationsOf } from '../harness/edge/violations-of.ts'
import { openWatchedPage } from '../harness/edge/watched-page.ts'

// A browser is slow to start on a busy machine.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

let desk: TestDesk
const sources: number[] = []
const companies: number[] = []
const query = (text: string, values: unknown[] = []) => desk.edge.database.query(text, values)
const [many, columns] = [300, 9]

beforeAll(async () => {
  desk = await startDesk()
})

/** The marks of a company, by column. */
function rowOf(text: string, company: string): string[] {
  const row = text.split('<tr>').find((one) => one.includes(`>${company}<`)) ?? ''
  return row
    .split('<td>')
    .slice(1)
    .map((cell) => cell.replaceAll(/<[^>]*>/g, '').trim())
}

test('without sources and without companies the page says what comes first', async () => {
  expect((await desk.open('/console/freshness')).text).toContain('No source yet')
  sources.push(await desk.edge.addSource('s0'))
  expect((await desk.open('/console/freshness')).text).toContain('No company yet')
})

test('each company and source has one mark with a shape and words', async () => {
  for (let at = 1; at < columns; at++) sources.push(await desk.edge.addSource(`s${at}`))
  const rows = (await query(
    `INSERT INTO company (name, modified_at) SELECT 'Company ' || lpad(n::text, 3, '0'), now()
     FROM generate_series(0, $1::int - 1) n ORDER BY n RETURNING id`,
    [many],
  )) as { id: number }[]
  companies.push(...rows.map(({ id }) => id))
  const [first, second, third] = companies
  await query('DELETE FROM company_data_source WHERE company_id = $1 AND data_source_id = $2', [first, sources[3]])
  const feed = (company: number, source: number, hours: number) =>
    query(
      `INSERT INTO analyzer.feed (data_source_id, company_id, observed_at, live, rhythm)
       VALUES ($1, $2, now() - $3 * interval '1 hour', true, '{"step": 86400000}')`,
      [source, company, hours],
    )
  await feed(first!, sources[0]!, 1)
  await feed(first!, sources[1]!, 73)
  await query(
    `INSERT INTO scheduler.company_source (data_source_id, company_id, failed_runs, reason) VALUES ($1, $2, 3, 'gone')`,
    [sources[2], first],
  )
  await feed(second!, sources[0]!, 1)
  await feed(third!, sources[8]!, 49)
  const { text } = await desk.open('/console/freshness')
  expect(rowOf(text, 'Company 000').slice(0, 5)).toEqual([
    '● today',
    '◐ late, 3 days ago',
    '▲ 3 failed runs, nothing yet',
    '– not asked about',
    '○ nothing yet',
  ])
  expect(text).toContain('300 companies')
  expect(text).toContain(`href="/console/companies/${first}"`)
  expect(text).toContain(`href="/console/sources/${sources[8]}"`)
})

test('300 companies and 9 sources are paged, each company once', async () => {
  const seen: string[] = []
  for (let path = '/console/freshness'; path !== '';) {
    const { text } = await desk.open(path)
    seen.push(...[...text.matchAll(/>(Company \d{3})</g)].map(([, name]) => name!))
    path = (/rel="next" href="([^"]+)"/.exec(text)?.[1] ?? '').replaceAll('&amp;', '&')
  }
  expect(seen).toEqual(Array.from({ length: many }, (_, at) => `Company ${String(at).padStart(3, '0')}`))
})

test.each([
  ['late', ['Company 000', 'Company 002']],
  ['failing', ['Company 000']],
])('only companies with a source that is %s', async (show, expected) => {
  const { text } = await desk.open(`/console/freshness?show=${show}`)
  expect([...text.matchAll(/>(Company \d{3})</g)].map(([, name]) => name)).toEqual(expected)
})

test('a source alone, and a name', async () => {
  const { text } = await desk.open(`/console/freshness?source=${sources[1]}&show=late`)
  expect([...text.matchAll(/>(Company \d{3})</g)].map(([, name]) => name)).toEqual(['Company 000'])
  expect(rowOf(text, 'Company 000')).toHaveLength(1)
  expect((await desk.open('/console/freshness?q=nobody')).text).toContain('No company fits')
})

test('more sources than fit stand on further pages', async () => {
  for (let at = columns; at < 14; at++) sources.push(await desk.edge.addSource(`s${at}`))
  const { text } = await desk.open('/console/freshness')
  const [, next = ''] = /href="([^"]+)">Further sources/.exec(text) ?? []
  const headsOf = (page: string) => [...page.matchAll(/<th scope="col">.*?<bdi>(s\d+)</g)].map(([, name]) => name)
  expect(headsOf(text)).toHaveLength(12)
  expect(headsOf((await desk.open(next)).text)).toEqual(['s12', 's13'])
})

test('the grid is axe-clean, on phones and screens, light and dark', async () => {
  const browser = await openWatchedPage(desk.edge.url)
  await useSession(browser.page, desk.edge.url, desk.cookies.operator)
  expect(await violationsOf(browser, `${desk.edge.url}/console/freshness`)).toEqual([])
})
