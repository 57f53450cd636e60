import { beforeAll, expect, test, vi } from 'vitest'
import { topics } from '#schemas/topics.ts'
import { useSession } from '../harness/edge/console.ts'
import { startDesk, type TestDesk } from '../harness/edge/desk.ts'
import { mapEntry, type MapEntry, serveMap } from '../harness/edge/map-module.ts'
import type { StartedEdge } from '../harness/edge/setup.ts'
import { storeFacts } from '../harness/edge/stored-facts.ts'
import { violationsOf } from '../harness/edge/violations-of.ts'
import { openWatchedPage } from '../harness/edge/watched-page.ts'
import { waitFor } from '../harness/wait-for.ts'

// A browser is slow to start on a busy machine.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

let edge: StartedEdge
let desk: TestDesk
let operator: string
beforeAll(async () => {
  desk = await startDesk({ ALLOWED_PRIVATE_NETWORKS: '127.0.0.0/8' })
  edge = desk.edge
  operator = await edge.apiKey('operator')
})

const query = <T extends object>(text: string, values: unknown[] = []) => edge.database.query<T>(text, values)
let sources = 0

/** A source whose module answers with `mappings`, and a measurement `stars` with one value. */
async function addSource() {
  const name = `desk${sources++}`
  const mappings: MapEntry[] = []
  const module = await serveMap(name, mappings)
  const id = await edge.addSource(name, module)
  const add = (name: string, type: string) => storeFacts(edge).addMeasurement(id, name, type)
  const stars = await add('stars', 'int')
  const company = await edge.addCompany(name)
  const [series] = await query<{ id: number }>(
    `INSERT INTO company_source_measurement (source_measurement_id, company_id) VALUES ($1, $2)
     RETURNING company_measurement_id AS id`,
    [stars, company],
  )
  await query('SELECT normalizer.create_month(now())')
  await query(
    `INSERT INTO normalizer.value (event_no, observed_at, seq, company_measurement_id, source_measurement_id, company_id,
       data_source_id, type, path, subject_key, number) VALUES (1, now(), 1, $1, $2, $3, $4, 'int', 'stars', '', 5)`,
    [series!.id, stars, company, id],
  )
  mappings.push(mapEntry('stars', 'int', stars), mapEntry('plan', 'text', await add('plan', 'text')))
  const shake = async () => expect((await edge.handshake(module, id)).status).toBe(200)
  await shake()
  return {
    id,
    name,
    mappings,
    shake,
    path: `/console/sources/${id}/maps`,
    drafts: `/console/sources/${id}/map-drafts`,
    api: `/api/v1/sources/${id}/maps`,
  }
}

const states = async (id: number) =>
  (
    await query<{ version: number; origin: string; same_as: number | null }>(
      'SELECT version, origin, same_as FROM edge.normalization_map WHERE data_source_id = $1 ORDER BY version',
      [id],
    )
  ).map(({ version, origin, same_as: same }) => `${version} ${origin}${same === null ? '' : ` of ${same}`}`)

test('a map of a handshake that loses a measurement with history waits for a yes or a no', async () => {
  const source = await addSource()
  await edge.parma('drift', 'policy', source.name, 'wait', '--kind', 'lost-measurement')
  const [stars, plan] = source.mappings
  source.mappings.splice(0, 2, plan!)
  await source.shake()
  expect(await states(source.id)).toEqual(['1 handshake'])
  const told = (resolved: boolean) =>
    waitFor('the ops event', async () =>
      (await edge.records(topics.opsEvents)).find(
        ({ decoded }) =>
          decoded.kind === 'map-waits' && decoded.data_source_id === source.id && decoded.resolved === resolved,
      ),
    )
  expect((await told(false)).decoded.message).toContain('no longer has stars')
  expect(await edge.parma('maps', 'diff', 'waiting', '--source', source.name)).toContain('- stars')
  const list = await desk.open(source.path)
  expect(list.text).toContain('Waits for a yes')
  const [, draft = ''] = /\/map-drafts\/(\d+)"/.exec(list.text) ?? []
  const page = await desk.open(`${source.drafts}/${draft}`)
  expect(page.text).toContain('Say yes and activate it')

  // No. The module sends the same again: nothing changes.
  expect((await desk.send(`${source.drafts}/${draft}/refuse`, {})).text).toContain('The map in force stays')
  await told(true)
  await source.shake()
  expect(await states(source.id)).toEqual(['1 handshake'])
  // Said twice, it is said once.
  expect((await desk.send(`${source.drafts}/${draft}/refuse`, {})).status).toBe(303)

  // Another one. Yes.
  source.mappings.push(mapEntry('forks', 'int'))
  delete source.mappings[1]!.source_measurement_id
  source.mappings.splice(1, 1)
  source.mappings.push({ ...plan!, SourceField: 'tier', source_measurement_id: plan!.source_measurement_id! })
  await source.shake()
  expect(await states(source.id)).toEqual(['1 handshake'])
  // A page that is an hour old says no to the map that it shows, not to this one.
  const late = await desk.send(`${source.drafts}/${draft}/refuse`, {})
  expect([late.status, late.text]).toEqual([409, expect.stringContaining('waits by now')])
  const answered = await edge.call(`${source.api}/activate`, {
    token: operator,
    body: { in_force: 1, reason: 'agreed' },
  })
  expect([answered.status, answered.json]).toEqual([200, { version: 2, before: 1 }])
  const again = await edge.call(`${source.api}/activate`, { token: operator, body: { in_force: 2 } })
  expect([again.status, String(again.json['detail'])]).toEqual([409, expect.stringContaining('waits for a yes')])
  const kinds = await query<{ kind: string }>(`SELECT kind FROM edge.audit WHERE subject = $1 ORDER BY audit_id`, [
    `source:${source.id}`,
  ])
  expect(kinds.map(({ kind }) => kind)).toEqual([
    ...['edge.map.handshake', 'edge.map.wait', 'edge.map.refuse', 'edge.map.wait', 'edge.map.approve'],
  ])
  // Without the policy it is in force at once, and told.
  await edge.parma('drift', 'policy', source.name, 'none', '--kind', 'lost-measurement')
  source.mappings.unshift(stars!)
  await source.shake()
  source.mappings.shift()
  await source.shake()
  expect((await states(source.id)).length).toBe(4)
  await waitFor('the ops event', async () =>
    (await edge.records(topics.opsEvents)).find(
      ({ decoded }) => decoded.kind === 'map-loses' && decoded.data_source_id === source.id,
    ),
  )
})

test('an operator gives a map on the page, activates it and rolls back; an old page changes nothing', async () => {
  const source = await addSource()
  const map = { Source: source.name, Mappings: [...source.mappings, mapEntry('<b>new</b>', 'int')] }
  const give = (text: string) => desk.send(source.drafts, { map: text })
  expect((await desk.open(`${source.path}/new`)).text).toContain('MeasurementName')
  const wrong = await give('{"Source": ')
  expect([wrong.status, wrong.text]).toEqual([422, expect.stringContaining('This is no map')])
  expect((await give(JSON.stringify({ ...map, Source: 'other' }))).text).toContain('This is a map of other')
  const given = await give(JSON.stringify(map))
  expect(given.status).toBe(303)
  const [draft = ''] = given.url.split('#')
  const shown = await desk.open(draft)
  expect(shown.text).toContain('+ added')
  expect(shown.text).not.toContain('<b>new')
  expect((await desk.send(`${draft}/activate`, { in_force: '1', reason: 'new field' })).text).toContain('is in force')
  expect(await states(source.id)).toEqual(['1 handshake', '2 activate'])
  expect((await desk.send(`${draft}/activate`, { in_force: '1' })).status).toBe(409)

  const [other = ''] = (await give(JSON.stringify({ ...map, Mappings: [] }))).url.split('#')
  const old = await desk.send(`${other}/activate`, { in_force: '1' })
  expect([old.status, old.text]).toEqual([409, expect.stringContaining('now version 2 is')])
  expect((await desk.open(`${source.path}/1`)).text).toContain('Roll back to version 1')
  expect((await desk.send(`${source.path}/1/rollback`, { in_force: '1' })).status).toBe(409)
  expect((await desk.send(`${source.path}/1/rollback`, { in_force: '2' })).text).toContain('rolled back to version 1')
  expect(await states(source.id)).toEqual(['1 handshake', '2 activate', '3 rollback of 1'])

  const roll = await edge.call(`${source.api}/rollback`, { token: operator, body: { in_force: 3, to: 2 } })
  expect(roll.json).toEqual({ version: 4, before: 3 })
  const listed = (await edge.call(source.api, { token: operator })).json as { maps: { version: number }[] }
  expect(listed.maps.map(({ version }) => version)).toEqual([4, 3, 2, 1])
  expect((await edge.call(`${source.api}/2`, { token: operator })).json).toMatchObject({
    version: 2,
    reason: 'new field',
  })
  expect((await edge.call(`${source.api}/9`, { token: operator })).status).toBe(404)

  const large = { ...map, Mappings: Array.from({ length: 9000 }, (_, n) => mapEntry(`${'x'.repeat(60)}${n}`, 'int')) }
  expect((await give(JSON.stringify(large))).status).toBe(303)
  await query(
    'DELETE FROM company_source_measurement WHERE source_measurement_id IN (SELECT id FROM source_measurement WHERE source_module_id = $1)',
    [source.id],
  )
  await query('DELETE FROM data_source WHERE id = $1', [source.id])
  expect((await desk.open(source.path)).status).toBe(404)
  expect((await desk.send(`${other}/activate`, { in_force: '4' })).status).toBe(404)
})

test('a trial that cannot be asked for says why', async () => {
  const source = await addSource()
  const other = await addSource()
  const ask = async (body: object, token = operator, id = source.id) => {
    const { status, json } = await edge.call(`/api/v1/sources/${id}/maps/trials`, { token, body })
    return `${status} ${String(json['detail'])}`
  }
  expect(await ask({ map: '{"Source": ' })).toContain('400 This is no map')
  expect(await ask({ map: { Source: other.name, Mappings: [] } })).toContain(`400 This is a map of ${other.name}`)
  expect(await ask({})).toBe(`404 No map of ${source.name} waits for a yes.`)
  expect(await ask({ version: 1, last: 1001 })).toMatch(/^4/)
  expect(await ask({ version: 1 }, await edge.apiKey('viewer'))).toMatch(/^403/)
  expect(await ask({ version: 1 }, operator, 2 ** 30)).toMatch(/^404/)
  const unknown = `${source.api}/trials/019ac000-0000-7000-8000-000000000000`
  expect((await edge.call(unknown, { token: operator })).status).toBe(404)
  const asked = await edge.call(`${source.api}/trials`, { token: operator, body: { version: 1 } })
  expect([asked.status, asked.json]).toEqual([202, { trial: expect.any(String) }])
})

test('viewers can do none of it', async () => {
  const source = await addSource()
  const viewer = await edge.apiKey('viewer')
  const { path, drafts } = source
  for (const one of [path, `${path}/new`, `${path}/1`, `${drafts}/1`])
    expect([one, (await desk.open(one, desk.cookies.viewer)).status]).toEqual([one, 403])
  for (const one of [drafts, `${path}/1/rollback`, `${drafts}/1/activate`, `${drafts}/1/refuse`])
    expect([one, (await desk.send(one, { in_force: '1', map: '{}' }, desk.cookies.viewer)).status]).toEqual([one, 403])
  for (const what of ['activate', 'rollback', 'refuse'])
    expect((await edge.call(`${source.api}/${what}`, { token: viewer, body: { in_force: 1 } })).status).toBe(403)
  expect((await edge.call(source.api, { token: viewer })).status).toBe(200)
  expect(await states(source.id)).toEqual(['1 handshake'])
})

test('the pages fit every width, in light and dark, without a violation', async () => {
  const source = await addSource()
  const bare = await edge.addSource('bare')
  const map = { Source: source.name, Mappings: [source.mappings[0], mapEntry('a'.repeat(90), 'text')] }
  const [location = ''] = (await desk.send(source.drafts, { map: JSON.stringify(map) })).url.split('#')
  expect((await desk.send(`${location}/activate`, { in_force: '1' })).status).toBe(303)
  await edge.parma('drift', 'policy', source.name, 'wait', '--kind', 'lost-measurement')
  source.mappings.shift()
  await source.shake()
  const [waiting = ''] = /\/[^"]*\/map-drafts\/\d+(?=")/.exec((await desk.open(source.path)).text) ?? []
  expect((await desk.open(waiting)).text).toContain('Say yes and activate it')
  const browser = await openWatchedPage(edge.url)
  await useSession(browser.page, edge.url, desk.cookies.operator)
  const { path: list } = source
  for (const path of [list, `${list}/new`, `${list}/1`, location, waiting, `/console/sources/${bare}/maps`])
    expect([path, await violationsOf(browser, edge.url + path)]).toEqual([path, []])
})
