import { beforeAll, describe, expect, test, vi } from 'vitest'
import { type Desk, expectGoodPage, openDesk, openDeskBrowser } from '../harness/edge/desk-site.ts'
import { startEdge, type TestEdge } from '../harness/edge/setup.ts'

// A browser is slow to start on a busy machine.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

let edge: TestEdge
let desk: Desk

beforeAll(async () => {
  edge = await startEdge({ API_KEY_CACHE_MS: '0' })
  desk = await openDesk(edge)
})

const readAudit = (kind: string) =>
  edge.database.query<{ actor: string; subject: string; before: object | null; after: object | null }>(
    'SELECT actor, subject, before, after FROM edge.audit WHERE kind = $1 ORDER BY audit_id DESC',
    [kind],
  )
const keyIn = (body: string) => /value="(parma_[\w-]{43})"/.exec(body)?.[1]
const idOf = async (name: string) =>
  (await edge.database.query<{ id: number }>('SELECT key_id AS id FROM edge.api_key WHERE name = $1', [name]))[0]!.id
const statusWith = async (key: string) => (await edge.call('/api/v1/sources', { token: `Bearer ${key}` })).status

test('a key is made, shown once, works, and is revoked after a question', async () => {
  const made = await desk.post('/console/keys', { name: 'deploy', role: 'viewer', days: '30' })
  const key = keyIn(made.body) ?? ''
  expect([made.status, await statusWith(key)]).toEqual([201, 200])
  expect((await desk.get('/console/keys')).body).not.toContain(key)
  const id = await idOf('deploy')
  const asked = await desk.get(`/console/keys/${id}/revoke`)
  expect(asked.text).toContain('Programs that use it are answered with 401')
  expect(await statusWith(key)).toBe(200)
  expect((await desk.submit(`/console/keys/${id}/revoke`)).text).toContain('The key is revoked.')
  expect(await statusWith(key)).toBe(401)
  const [created, revoked] = [await readAudit('edge.key.create'), await readAudit('edge.key.revoke')]
  expect(created[0]).toMatchObject({ subject: `key:${id}`, after: { name: 'deploy', role: 'viewer' } })
  expect(revoked[0]).toMatchObject({ subject: `key:${id}`, before: { name: 'deploy' }, after: null })
  expect(created[0]!.actor).toMatch(/^key:/)
  // The page of an hour ago.
  const again = await desk.post(`/console/keys/${id}/revoke`)
  expect([again.status, again.text]).toEqual([422, expect.stringContaining(`Key ${id} is already revoked.`)])
  expect(await readAudit('edge.key.revoke')).toHaveLength(1)
})

test('only an administrator makes and revokes the key of one', async () => {
  const refused = await desk.post('/console/keys', { name: 'root', role: 'admin' })
  expect([refused.status, keyIn(refused.body)]).toEqual([422, undefined])
  expect(refused.text).toContain('Only an administrator makes a key with the role admin. You have the role operator')
  // What was typed is still there.
  expect(refused.body).toContain('value="root"')
  const made = await desk.post('/console/keys', { name: 'root', role: 'admin' }, 'admin')
  expect(made.status).toBe(201)
  const id = await idOf('root')
  const kept = await desk.post(`/console/keys/${id}/revoke`)
  expect([kept.status, await statusWith(keyIn(made.body) ?? '')]).toEqual([422, 200])
  expect(kept.text).toContain('Only an administrator revokes a key')
  expect((await desk.submit(`/console/keys/${id}/revoke`, {}, 'admin')).status).toBe(200)
})

test('whoever revokes the key that they signed in with is signed out', async () => {
  const [{ id, name } = { id: 0, name: '' }] = await edge.database.query<{ id: number; name: string }>(
    `SELECT key_id AS id, name FROM edge.api_key WHERE role = 'admin' ORDER BY key_id LIMIT 1`,
  )
  expect((await desk.get(`/console/keys/${id}/revoke`, 'admin')).text).toContain('You are signed in with it')
  expect((await desk.get('/console/keys', 'admin')).text).toContain(name)
  const own = await openDesk(edge)
  const [{ id: mine } = { id: 0 }] = await edge.database.query<{ id: number }>(
    `SELECT max(key_id)::int AS id FROM edge.api_key WHERE role = 'admin'`,
  )
  expect((await own.post(`/console/keys/${mine}/revoke`, {}, 'admin')).status).toBe(303)
  expect((await own.get('/console/keys', 'admin')).status).toBe(303)
})

test('names with markup, from right to left and of 10,000 characters are said or refused', async () => {
  for (const name of ['<script>alert(1)</script>', 'مفتاح الاختبار', 'x'.repeat(200)]) {
    const { status } = await desk.post('/console/keys', { name, role: 'viewer' })
    expect([name.slice(0, 20), status]).toEqual([name.slice(0, 20), 201])
  }
  const list = await desk.get('/console/keys')
  expect(list.body).not.toContain('<script>alert')
  expect(list.text).toContain('<script>alert(1)</script>')
  for (const [name, why] of [
    ['x'.repeat(10_000), 'The name has 10000 characters'],
    ['  ', 'A key needs a name'],
    ['deploy twice', ''],
    ['deploy twice', 'already exists'],
  ] as const) {
    const { status, text } = await desk.post('/console/keys', { name, role: 'viewer' })
    expect([status, text]).toEqual([why === '' ? 201 : 422, expect.stringContaining(why)])
  }
  expect((await desk.post('/console/keys', { name: 'a', role: 'king' })).status).toBe(422)
  expect((await desk.get('/console/keys/999999/revoke')).status).toBe(404)
  expect((await desk.post('/console/keys/999999/revoke')).status).toBe(404)
})

test('a viewer sees and does none of it', async () => {
  const id = await idOf('deploy twice')
  const before = await edge.database.query('SELECT key_id, revoked_at FROM edge.api_key ORDER BY key_id')
  for (const path of ['/console/keys', `/console/keys/${id}/revoke`]) {
    const [shown, sent] = [
      await desk.get(path, 'viewer'),
      await desk.post(path, { name: 'x', role: 'viewer' }, 'viewer'),
    ]
    expect([path, shown.status, sent.status]).toEqual([path, 403, 403])
    expect(shown.text).toContain('You may not do this')
  }
  expect(await edge.database.query('SELECT key_id, revoked_at FROM edge.api_key ORDER BY key_id')).toEqual(before)
})

describe('in a browser', () => {
  test('every page has no violations and fits', async () => {
    const browser = await openDeskBrowser(edge, desk.cookies.operator)
    const id = await idOf('deploy twice')
    await expectGoodPage(browser, `${edge.url}/console/keys`)
    await expectGoodPage(browser, `${edge.url}/console/keys/${id}/revoke`)
    await expectGoodPage(browser, `${edge.url}/console/keys/999999/revoke`, 404)
  })

  test('a key is made by keyboard without script', async () => {
    const { page } = await openDeskBrowser(edge, desk.cookies.operator)
    await page.setJavaScriptEnabled(false)
    await page.goto(`${edge.url}/console/keys`)
    await page.focus('#new input[name=name]')
    await page.keyboard.type('by keyboard')
    await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
    expect(keyIn(await page.content())).toMatch(/^parma_/)
  })
})

test('a key of a source sends its payloads and does nothing else', async () => {
  const source = await edge.addSource('github')
  const made = await desk.post('/console/keys', { name: 'feeder', role: 'admin', source: String(source), days: '' })
  const [, key = ''] = /value="(parma_source_[\w-]{43})"/.exec(made.body) ?? []
  expect(made.status).toBe(201)
  const token = `Bearer ${key}`
  const send = (company: string, more: object = {}) =>
    edge.call('/api/v1/payloads', { token, body: { company_id: company, raw_data: { stars: 1 }, ...more } })
  const [first, again] = [await send('1'), await send('1')]
  expect([first.status, again.status]).toEqual([201, 201])
  const eventOf = ({ json }: typeof first) => (json['payloads'] as { event_id: string }[])[0]!.event_id
  expect(eventOf(again)).toBe(eventOf(first))
  expect((await send('1', { source_name: 'other' })).status).toBe(403)
  for (const path of ['/api/v1/sources', `/api/v1/news`]) expect((await edge.call(path, { token })).status).toBe(403)
  const old = { source_name: 'github', company_id: '1', raw_data: {} }
  expect((await edge.call('/feed-raw-data', { token, body: old })).status).toBe(401)
  expect((await edge.call(`/api/v1/sources/${source}/usage`, { token })).status).toBeGreaterThanOrEqual(401)
  expect((await desk.get('/console/keys')).text).toContain('Sends payloads of github')
  expect((await readAudit('edge.key.create'))[0]!.after).toMatchObject({ name: 'feeder', source })
  await desk.submit(`/console/keys/${await idOf('feeder')}/revoke`)
  expect((await send('2')).status).toBe(401)
  expect((await desk.post('/console/keys', { name: 'x', role: 'viewer', source: '99999' })).status).toBe(422)
  const printed = JSON.parse(
    await edge.parma('keys', 'create', '--name', 'cli', '--source', 'github', '--json'),
  ) as object
  expect(printed).toMatchObject({
    source_id: source,
    role: null,
    key: expect.stringMatching(/^parma_source_/) as string,
  })
  await expect(edge.parma('keys', 'create', '--name', 'none')).rejects.toThrow('Say what the key may do')
})

test('payloads beyond the limit of a source are answered with 429, the others of a list are taken', async () => {
  const { call, addSource, token } = await startEdge({ RATE_LIMIT_PAYLOADS: '2' })
  const good = await token(await addSource('github'))
  const body = [1, 2, 3].map((company_id) => ({ company_id, raw_data: {} }))
  const { status, json, headers } = await call('/api/v1/payloads', { token: good, body })
  const statuses = (json['payloads'] as { status: number }[]).map((one) => one.status)
  expect([status, statuses, json['send_again']]).toEqual([207, [201, 201, 429], [2]])
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
  const single = await call('/api/v1/payloads', { token: good, body: body[2] })
  expect([single.status, Number(single.headers.get('retry-after')) > 0]).toEqual([429, true])
})
