import { beforeAll, expect, test, vi } from 'vitest'
import { type Desk, expectGoodPage, openDesk, openDeskBrowser } from '../harness/edge/desk-site.ts'
import { startEdge, type TestEdge } from '../harness/edge/setup.ts'
import { storeFacts } from '../harness/edge/stored-facts.ts'
import { commands } from '../../services/cli/commands.ts'
import { runCommand } from '../harness/run-command.ts'

// A browser is slow to start on a busy machine.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

let edge: TestEdge
let desk: Desk
let ann: number

const owners = ['notifier', 'analyzer', 'edge', 'normalizer'] as const

beforeAll(async () => {
  edge = await startEdge()
  desk = await openDesk(edge)
  // Setting up leaves rows of its own.
  await edge.database.query('DELETE FROM cli.audit')
})

test('an empty log says so, and filters that nothing fits say so', async () => {
  expect((await desk.get('/console/audit')).text).toContain('Nothing was changed yet')
  expect((await desk.get('/console/audit?kind=nothing')).text).toContain('Nothing like this was done')
})

test('shows what all services wrote, with names and differences, and filters it', async () => {
  ann = await storeFacts(edge).addUser('Ann <b>')
  for (const [at, owner] of owners.entries())
    await edge.database.query(
      `INSERT INTO ${owner}.audit (at, actor, kind, subject, reason, before, after)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [
        ...[`2026-11-0${at + 1}T10:00:00Z`, at % 2 === 0 ? `person:${ann}` : 'key:desk', `${owner}.thing.set`],
        ...[`${owner}:1`, at === 0 ? '<i>asked</i> by مرحبا' : null, { by: 10, kept: true }, { by: at, kept: true }],
      ],
    )
  const { text, body } = await desk.get('/console/audit')
  for (const owner of owners) expect(text).toContain(`${owner}.thing.set`)
  expect(text).toMatch(/by *: *10 *→ *3/)
  expect(text).not.toContain('kept')
  expect(text).toContain('Ann <b>')
  expect(body).not.toContain('<i>asked')
  expect(text.indexOf('normalizer.thing.set')).toBeLessThan(text.indexOf('notifier.thing.set'))
  const listed = async (query: string) => {
    const shown = (await desk.get(`/console/audit?${query}`)).text
    return owners.filter((owner) => shown.includes(`${owner}:1`))
  }
  expect(await listed(`actor=person:${ann}`)).toEqual(['notifier', 'edge'])
  expect(await listed('kind=analyzer.th')).toEqual(['analyzer'])
  expect(await listed('subject=edge:1')).toEqual(['edge'])
  expect(await listed('since=2026-11-02&until=2026-11-04')).toEqual(['analyzer', 'edge'])
  expect((await desk.get('/console/audit?since=x')).status).toBe(422)
})

test('pages of equal times end at no row twice and leave none out, as the command lists them', async () => {
  for (const owner of owners)
    await edge.database.query(
      `INSERT INTO ${owner}.audit (at, actor, kind, subject, after)
       SELECT '2026-10-01T00:00:00.000123Z'::timestamptz + (n / 50) * interval '1 microsecond', 'key:load',
         'load.row', '${owner}/' || n, '1' FROM generate_series(1, 60) n`,
    )
  const seen: string[] = []
  let path: string | undefined = '/console/audit?kind=load.row'
  for (let pages = 0; path !== undefined && pages < 12; pages++) {
    const { body, status }: { body: string; status: number } = await desk.get(path)
    expect(status).toBe(200)
    seen.push(...[...body.matchAll(/subject=(\w+)%2F(\d+)"/g)].map(([, owner, n]) => `${owner}/${n}`))
    path = /rel="next" href="([^"]+)"/.exec(body)?.[1]?.replaceAll('&amp;', '&')
  }
  expect(seen).toHaveLength(240)
  expect(new Set(seen).size).toBe(240)
  for (const [name, value] of Object.entries(edge.env)) vi.stubEnv(name, value)
  const listed = await runCommand<{ subject: string }[]>(commands['audit'], 'ls', '--kind', 'load.row')
  expect(listed.map(({ subject }) => subject)).toEqual(seen.slice(0, 100))
  const first = (await desk.get('/console/audit?kind=load.row')).body
  const [, cursor = ''] = /cursor=([\w-]+)/.exec(first) ?? []
  expect((await desk.get(`/console/audit?kind=other&cursor=${cursor}`)).status).toBe(400)
})

test('a viewer does not see it', async () => {
  const { status, text } = await desk.get('/console/audit', 'viewer')
  expect([status, text]).toEqual([403, expect.stringContaining('You may not do this')])
})

test('has no violations and fits, with long names too', async () => {
  await edge.database.query(
    `INSERT INTO edge.audit (actor, kind, subject, after) VALUES ($1, 'edge.key.create', $1, $2)`,
    ['x'.repeat(10_000), Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`m${n}`, 'y'.repeat(500)]))],
  )
  const browser = await openDeskBrowser(edge, desk.cookies.operator)
  await expectGoodPage(browser, `${edge.url}/console/audit`)
  await expectGoodPage(browser, `${edge.url}/console/audit?kind=nothing`)
  await expectGoodPage(browser, `${edge.url}/console/audit?cursor=x`, 400)
})
