import { beforeAll, expect, test, vi } from 'vitest'
import { type Desk, expectGoodPage, openDesk, openDeskBrowser } from '../harness/edge/desk-site.ts'
import { type TestEdge, useEdge } from '../harness/edge/setup.ts'
import { storeFacts } from '../harness/edge/stored-facts.ts'
import { createInstallation } from '../harness/installation.ts'
import { addPerson } from '../harness/notifier/setup.ts'
import type { StartedService } from '../harness/service.ts'

// A browser is slow to start on a busy machine.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

let edge: TestEdge
let desk: Desk
let acme: number
let source: number
let analyzer: StartedService
let startAnalyzer: (env?: NodeJS.ProcessEnv) => Promise<StartedService>

beforeAll(async () => {
  const installation = await createInstallation()
  startAnalyzer = (env) => installation.start('analyzer', env)
  const [{ url }, , started] = await Promise.all([
    installation.start('edge'),
    installation.start('notifier', { POLL_MS: '100' }),
    startAnalyzer(),
  ])
  analyzer = started
  edge = useEdge(installation, url)
  desk = await openDesk(edge)
  const { addMeasurement, addSeries } = storeFacts(edge)
  source = await edge.addSource('github')
  const stars = await addMeasurement(source, 'stars')
  acme = await edge.addCompany('Acme')
  await addSeries(
    acme,
    stars,
    Object.fromEntries(Array.from({ length: 40 }, (_, n) => [7 * (39 - n), n % 10 === 9 ? 200 : 100])),
  )
  await addPerson(edge.database, {
    ...{ name: 'Ann', companies: [acme] },
    channels: [{ type: 'EMAIL', destination: 'ann@example.com' }],
  })
})

const rise = { name: 'Stars leap', kind: 'percent', number: '50', direction: 'up', measurement: 'stars' }
const rules = () =>
  edge.database.query<{ rule_id: string; version: number; definition: Record<string, unknown> }>(
    'SELECT rule_id, version, definition FROM analyzer.rule ORDER BY since, rule_id, version',
  )
const auditOf = (kind: string) =>
  edge.database.query<{ actor: string; before: object; after: object }>(
    'SELECT actor, before, after FROM analyzer.audit WHERE kind = $1 ORDER BY audit_id DESC',
    [kind],
  )

test('without rules it says what tells instead', async () => {
  expect((await desk.get('/console/rules')).text).toContain('There is no rule yet')
  expect((await desk.get('/console/rules/new')).status).toBe(200)
})

test('a rule is tried on 12 months, with the messages that each person would have got, and saved', async () => {
  const tried = await desk.submit('/console/rules', { ...rise, do: 'try' })
  const [expected = 0] = (
    await edge.database.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM (
         SELECT number > 1.5 * lag(number) OVER (ORDER BY observed_at) AS rose FROM normalizer.value
       ) v WHERE rose`,
    )
  ).map(({ count }) => count)
  expect(expected).toBeGreaterThan(2)
  expect(tried.text).toContain(`${expected} news items`)
  expect(tried.text).toContain('about 1 of 1 company')
  expect(tried.text).toMatch(/Ann EMAIL ann@example.com \d+ \d+/)
  expect(await rules()).toEqual([])
  expect((await desk.submit('/console/rules', { ...rise, do: 'save' })).text).toContain('Saved as rule/1.')
  const [rule] = await rules()
  expect(rule).toMatchObject({
    ...{ rule_id: 'rule/1', version: 1 },
    definition: {
      name: 'Stars leap',
      when: { kind: 'percent', by: 50, direction: 'up' },
      scope: { measurement: 'stars' },
    },
  })
  expect((await auditOf('analyzer.rule.save'))[0]!.actor).toMatch(/^key:/)
})

test('of two operators at the same rule the second is told, and what they typed is not lost', async () => {
  const [first, second] = [
    await desk.post('/console/rules', { ...rise, number: '60', rule: 'rule/1', version: '1', do: 'save' }),
    await desk.post('/console/rules', { ...rise, number: '77', rule: 'rule/1', version: '1', do: 'save' }, 'admin'),
  ]
  expect([first.status, second.status]).toEqual([303, 422])
  expect(second.text).toContain('rule/1 was changed meanwhile by key:')
  expect(second.body).toContain('value="77"')
  expect((await rules()).map(({ version }) => version)).toEqual([1, 2])
  expect((await desk.submit('/console/rules/1/switch', { version: '1', enabled: 'false' })).text).toContain(
    'was changed meanwhile',
  )
})

test('a rule is switched off and on, and off for a company and a source', async () => {
  const off = await desk.submit('/console/rules/1/switch', { version: '2', enabled: 'false' })
  expect(off.text).toContain('rule/1 is off')
  expect((await desk.submit('/console/rules/1/switch', { version: '3', enabled: 'true' })).text).toContain('on again')
  const excluded = await desk.submit('/console/rules/1/exclude', {
    version: '4',
    company: String(acme),
    bucket: '',
    source: '',
  })
  expect(excluded.text).toContain('rule/1 is off there by rule/2')
  expect((await rules()).at(-1)!.definition).toMatchObject({
    ...{ name: 'Stars leap', when: { kind: 'never' } },
    scope: { companies: [acme], measurement: 'stars' },
  })
  const again = await desk.submit('/console/rules/1/exclude', { version: '4', company: String(acme) })
  expect(again.text).toContain('already has this name and scope')
  expect((await desk.submit('/console/rules/1/exclude', { version: '4', source: String(source) })).text).toContain(
    'rule/3',
  )
  expect((await desk.post('/console/rules/1/exclude', { version: '4' })).status).toBe(422)
})

test('what is no rule is refused in words with what was typed', async () => {
  for (const [changes, why] of [
    [{ number: 'many' }, 'This is not a valid rule'],
    [{ name: 'z'.repeat(10_000) }, 'This is not a valid rule'],
    [{ companies: 'Acme' }, 'This is not a valid rule'],
    [{ window: 'avg', length: '' }, 'This is not a valid rule'],
  ] as const)
    for (const act of ['try', 'save']) {
      const { status, text, body } = await desk.post('/console/rules', { ...rise, name: 'New', ...changes, do: act })
      expect([changes, status, text]).toEqual([changes, 422, expect.stringContaining(why)])
      const [typed] = Object.values(changes)
      expect(body).toContain(`value="${typed}"`)
    }
  const marked = await desk.submit('/console/rules', { ...rise, name: '<b>قاعدة</b>', do: 'save' })
  expect([marked.text.includes('<b>قاعدة</b>'), marked.body.includes('<b>قاعدة')]).toEqual([true, false])
  expect((await desk.get('/console/rules/999')).status).toBe(404)
  expect(
    await desk.submit('/console/rules/999/switch', { version: '1', enabled: 'true' }).catch(() => null),
  ).toBeTruthy()
})

test('a viewer sees and does none of it', async () => {
  const before = await rules()
  for (const path of ['', '/new', '/1', '/trial?change=00000000-0000-4000-8000-000000000000'])
    expect([path, (await desk.get(`/console/rules${path}`, 'viewer')).status]).toEqual([path, 403])
  for (const path of ['', '/1/switch', '/1/exclude'])
    expect([path, (await desk.post(`/console/rules${path}`, { ...rise, do: 'save' }, 'viewer')).status]).toEqual([
      path,
      403,
    ])
  const token = await edge.apiKey('viewer')
  const body = { kind: 'analyzer.rule.switch', payload: { rule: 'rule/1', version: 4, enabled: false } }
  expect((await edge.call('/api/v1/changes', { token, body })).status).toBe(403)
  expect(await rules()).toEqual(before)
})

test('every page has no violations and fits', async () => {
  const { location } = await desk.post('/console/rules', { ...rise, do: 'try' })
  // Chromium does not load a page anew for another anchor.
  const [trial] = location!.split('#')
  const browser = await openDeskBrowser(edge, desk.cookies.operator)
  for (const path of ['/console/rules', '/console/rules/new', '/console/rules/1', trial])
    await expectGoodPage(browser, `${edge.url}${path}`)
  await expectGoodPage(browser, `${edge.url}/console/rules/999`, 404)
})

test('a company that is too large to try a rule on holds up no other change', async () => {
  const large = await edge.addCompany('Large')
  const [{ series } = { series: 0 }] = await edge.database.query<{ series: number }>(
    `INSERT INTO company_source_measurement (company_id, source_measurement_id)
     SELECT $1, source_measurement_id FROM company_source_measurement WHERE company_id = $2
     RETURNING company_measurement_id AS series`,
    [large, acme],
  )
  await edge.database.query(
    'SELECT normalizer.create_month(now()), normalizer.create_month(now() - interval $$1 month$$)',
  )
  await edge.database.query(
    `WITH payload AS (
       INSERT INTO normalizer.processed_event (event_id, content_hash, document, data_source_id, source_name, company_id,
         received_at, history, observed_at, map_version, subject_key, stored)
       SELECT gen_random_uuid(), '', 'parma/raw/' || n, $1, 'github', $2::text, at, false, at, 1, '', 1
       FROM generate_series(1, 40000) n, LATERAL (SELECT now() - n * interval '1 minute' AS at) t
       RETURNING event_no, observed_at
     )
     INSERT INTO normalizer.value (event_no, observed_at, number, seq, company_measurement_id, source_measurement_id,
       company_id, data_source_id, type, path, subject_key)
     SELECT event_no, observed_at, event_no % 7, 0, $3, source_measurement_id, $2::int, $1, 'float', 'path', ''
     FROM payload, company_source_measurement WHERE company_measurement_id = $3`,
    [source, large, series],
  )
  await analyzer.stop()
  await startAnalyzer({ RULE_REHEARSAL_TIMEOUT_MS: '300' })
  const tried = await desk.post('/console/rules', { ...rise, companies: String(large), do: 'try' })
  expect([tried.status, tried.text]).toEqual([422, expect.stringContaining('Already one company has too many values')])
  expect((await desk.submit('/console/rules', { ...rise, name: 'Next', do: 'save' })).text).toContain('Saved as rule/')
})
