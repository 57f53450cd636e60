import { beforeAll, describe, expect, test, vi } from 'vitest'
import { signIn, useSession } from '../harness/edge/console.ts'
import { type Desk, openDesk } from '../harness/edge/desk-site.ts'
import { startEdge, type TestEdge } from '../harness/edge/setup.ts'
import { violationsOf } from '../harness/edge/violations-of.ts'
import { openWatchedPage } from '../harness/edge/watched-page.ts'
import { waitFor } from '../harness/wait-for.ts'

// A browser is slow to start on a busy machine.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

let edge: TestEdge
let cookies: { operator: string; viewer: string }
let source: number
let desk: Desk

beforeAll(async () => {
  edge = await startEdge()
  await edge.start('normalizer')
  source = await edge.addSource('github')
  desk = await openDesk(edge)
  cookies = { operator: await signIn(edge, { key: 'operator' }), viewer: await signIn(edge, { key: 'viewer' }) }
})

async function page(query = '', cookie = cookies.operator) {
  const answer = await fetch(`${edge.url}/console/refused${query}`, { headers: { cookie }, redirect: 'manual' })
  return { status: answer.status, text: await answer.text() }
}

test('with nothing refused the page says so, and leads on', async () => {
  const { status, text } = await page()
  expect(status).toBe(200)
  expect(text).toContain('Nothing is refused')
  expect((await page('', cookies.viewer)).status).toBe(403)
})

describe('what was refused', () => {
  let newest: string

  beforeAll(async () => {
    const acme = await edge.addCompany('Acme')
    const token = await edge.token(source)
    for (const name of ['one', '<b>two</b>']) {
      const body = { source_name: 'github', company_id: String(acme), raw_data: { name } }
      newest = String((await edge.call('/feed-raw-data', { token, body })).json['document_id'])
    }
    await edge.call('/feed-raw-data', { token, body: { source_name: 'github', company_id: '999999', raw_data: {} } })
    const count = async () => (await edge.database.query('SELECT FROM normalizer.refused')).length
    await waitFor('the refusals', async () => (await count()) === 3)
    await edge.database.query(`UPDATE normalizer.refused SET reason = 'unknown-company' WHERE company_id = '999999'`)
    // Leaves of a payload that was understood, and a path that its map does not have.
    await edge.database.query(
      `INSERT INTO normalizer.refused (event_no, seq, leaves, data_source_id, company_id, map_version, path, reason, sample)
       SELECT event_no, n, 1, data_source_id, company_id, 1, 'repo.stars', 'not-a-number', '<i>many</i> ' || n
       FROM normalizer.processed_event, generate_series(1, 4) n WHERE event_id = $1`,
      [newest],
    )
    await edge.database.query(
      `INSERT INTO normalizer.drift (data_source_id, kind, subject, event_no, seen_at, message, facts)
       SELECT data_source_id, 'unknown-path', 'repo.forks', event_no, now(), 'The map does not have it.', '{}'
       FROM normalizer.processed_event WHERE event_id = $1`,
      [newest],
    )
  })

  test('is grouped by source, path and reason, with samples, remedy and next step', async () => {
    const { text } = await page()
    const row = (path: string) => new RegExp(`<tr><th scope="row"><code>${path}</code>.*?</tr>`, 's').exec(text)?.[0]
    const stars = row('repo.stars')
    expect(stars).toContain('not-a-number')
    expect(stars).toContain('&lt;i&gt;many&lt;/i&gt; 1')
    expect(stars).toContain('Correct the type in the module’s map')
    expect(stars).toContain(`/console/sources/${source}/maps`)
    expect(stars).toContain(`/console/replays?source=${source}`)
    expect(stars).toContain(`/console/events/${newest}`)
    expect(row('repo.forks')).toContain('Add the path to the map')
    expect(text).toContain('the whole payload')
    expect(text).not.toContain('<i>many')
  })

  test.each<[string, () => string, string[]]>([
    ['source', () => `?source=${source}`, ['no-map', 'unknown-company', 'not-a-number', 'unmapped']],
    ['another source', () => '?source=999999', []],
    ['reason', () => '?reason=no-map', ['no-map']],
    ['path', () => '?path=repo.stars', ['not-a-number']],
    ['payload', () => `?event=${newest.toUpperCase()}`, ['no-map', 'not-a-number', 'unmapped']],
    ['time', () => '?until=2020-01-01', []],
    ['all, empty fields left out', () => '?source=&reason=&path=&show=all', ['no-map', 'unmapped']],
  ])('is filtered by %s', async (_, query, reasons) => {
    const { status, text } = await page(query())
    expect(status).toBe(200)
    for (const reason of ['no-map', 'unknown-company', 'not-a-number', 'unmapped'])
      if (!query().includes('show=all'))
        expect([reason, text.includes(`</span> ${reason}</span>`)]).toEqual([reason, reasons.includes(reason)])
    for (const reason of reasons) expect(text).toContain(`</span> ${reason}</span>`)
    expect(text.includes('Nothing fits')).toBe(reasons.length === 0)
  })

  test('agrees with the command', async () => {
    const rows = JSON.parse(await edge.parma('refused', 'ls', '--source', 'github', '--json')) as { reason: string }[]
    const { text } = await page(`?source=${source}`)
    for (const { reason } of rows) expect(text).toContain(`</span> ${reason}</span>`)
  })

  test('has pages without violations', async () => {
    const watched = await openWatchedPage(edge.url)
    await useSession(watched.page, edge.url, cookies.operator)
    for (const query of ['', '?reason=nothing', '?show=all'])
      expect(await violationsOf(watched, `${edge.url}/console/refused${query}`)).toEqual([])
  })

  test('a wrong filter is refused', async () => {
    expect((await page('?source=x')).status).toBe(422)
    expect((await page('?since=2026-03-01&until=2026-02-01')).status).toBe(422)
  })
})

test('a path is ignored with a reason, no longer counts anywhere, and counts again when that is undone', async () => {
  const refused = '/console/refused'
  const asked = { source: String(source), path: 'repo.stars', back: `${refused}?reason=not-a-number` }
  expect((await desk.post(`${refused}/ignore`, { ...asked, reason: 'x' }, 'viewer')).status).toBe(403)
  expect((await desk.post(`${refused}/ignore`, asked)).status).toBe(422)

  const done = await desk.submit(`${refused}/ignore`, { ...asked, reason: 'We do not use it' })
  expect(done.text).toContain('repo.stars is ignored')
  expect(done.text).toContain('Nothing fits')
  expect((await desk.get(`/console/sources/${source}`)).text).not.toContain('not a number')
  // A page that is an hour old.
  expect((await desk.submit(`${refused}/ignore`, { ...asked, reason: 'x' })).text).toContain('is ignored already')

  const all = await desk.get(`${refused}?show=all`)
  const watched = await openWatchedPage(edge.url)
  await useSession(watched.page, edge.url, cookies.operator)
  expect(await violationsOf(watched, `${edge.url}${refused}?show=all`)).toEqual([])
  expect(all.text).toContain('not-a-number, ignored')
  expect(all.text).toContain('Count it again')
  const [audit] = await edge.database.query(
    `SELECT actor, after FROM normalizer.audit WHERE kind = 'normalizer.path.ignore' ORDER BY audit_id`,
  )
  expect(audit).toMatchObject({
    actor: expect.stringMatching(/^key:/),
    after: { path: 'repo.stars', reason: 'We do not use it' },
  })

  expect((await desk.submit(`${refused}/count`, asked)).text).toContain('not-a-number')
  expect((await desk.get(`/console/sources/${source}`)).text).toContain('not a number')
  expect((await desk.submit(`${refused}/count`, asked)).text).toContain('counts already')
  // What has another policy is not overwritten.
  await edge.database.query(
    `INSERT INTO normalizer.drift_policy (data_source_id, kind, path, policy) VALUES ($1, '', 'repo.stars', 'pause')`,
    [source],
  )
  expect((await desk.submit(`${refused}/ignore`, { ...asked, reason: 'x' })).text).toContain('the policy pause already')
})
