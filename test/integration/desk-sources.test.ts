import { beforeAll, describe, expect, test, vi } from 'vitest'
import { startDesk, type TestDesk } from '../harness/edge/desk.ts'
import { onlyRequestedRuns as quiet } from '../harness/edge/setup.ts'
import { serve } from '../harness/serve.ts'
import { useSession } from '../harness/edge/console.ts'
import { violationsOf } from '../harness/edge/violations-of.ts'
import { openWatchedPage } from '../harness/edge/watched-page.ts'

// A browser is slow to start on a busy machine.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

let desk: TestDesk
let github: number
const query = (text: string, values: unknown[] = []) => desk.edge.database.query(text, values)

beforeAll(async () => {
  desk = await startDesk()
})

const textOfValue = (markup: string) => markup.replaceAll('&quot;', '"').replaceAll('&amp;', '&')
const textOf = (markup: string) => markup.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ')

test('an empty desk has one next step: to add a source', async () => {
  const { status, text } = await desk.open('/console/sources')
  expect(status).toBe(200)
  expect(text).toContain('No source yet')
  expect(text).toContain('<a class="button" href="/console/sources/new">Add a source</a>')
})

test('a source shows its state, its last runs, its plan and the times to come', async () => {
  github = await desk.edge.addSource('github', 'https://module.example')
  for (let run = 0; run < 16; run++)
    await desk.addRun({ source: github, task: 100 + run, hoursAgo: 24 * (16 - run), fed: 120 + run })
  await desk.addRun({ source: github, task: 116, hoursAgo: 0, fed: 20, outcome: 'partial', reason: 'rate limit' })
  const { text } = await desk.open('/console/sources')
  expect(text).toContain(
    'The last 14 runs, the newest last: ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, partial',
  )
  expect(textOf(text)).toMatch(/20, usually 129: far less/)
  expect(text).toContain('Next 5 times')
  const [latest] = (await query(
    `SELECT (extract(epoch FROM max(slot)) * 1000)::float8 AS slot FROM scheduler.run WHERE data_source_id = $1`,
    [github],
  )) as { slot: number }[]
  const slots = [1, 2, 3, 4, 5].map((days) => new Date(latest!.slot + days * 86_400_000).toISOString())
  for (const slot of slots) expect(text).toContain(`datetime="${slot}"`)
})

test('the times to come are those of the policy: pattern, pause, window', async () => {
  await query(
    `INSERT INTO scheduler.source_policy (data_source_id, cron, zone) VALUES ($1, '30 8 * * *', 'Europe/Berlin')`,
    [github],
  )
  const { text } = await desk.open(`/console/sources/${github}`)
  expect(text).toContain('30 8 * * * (Europe/Berlin)')
  expect(text.match(/datetime="[^"]*T07:30:00\.000Z"/g)).toHaveLength(5)
  await query(
    `UPDATE scheduler.source_policy SET paused_at = now(), pause_reason = 'it is <b>rebuilt</b>' WHERE data_source_id = $1`,
    [github],
  )
  const { text: paused } = await desk.open(`/console/sources/${github}`)
  expect(paused).toContain('None until somebody resumes it.')
  expect(paused).toContain('it is &lt;b&gt;rebuilt&lt;/b&gt;')
  await query('DELETE FROM scheduler.source_policy')
})

test('a source that is down, stale or suspect is found by that, with the reason', async () => {
  const reddit = await desk.edge.addSource('reddit')
  await query(
    `INSERT INTO scheduler.story (dedupe_key, kind, data_source_id, subject, message, facts, opened_at)
     VALUES ('s', 'stale', $1, 'reddit', 'No value from reddit since Monday.', '{}', now())`,
    [reddit],
  )
  const twitter = await desk.edge.addSource('twitter')
  await query(
    `INSERT INTO analyzer.judged_run (data_source_id, source_name, state, message, suspected_at)
     VALUES ($1, 'twitter', 'suspect', '6 of 7 companies look alike.', now())`,
    [twitter],
  )
  const { text } = await desk.open('/console/sources?show=red')
  expect(text).toContain('No value from reddit since Monday.')
  expect(text).toContain('6 of 7 companies look alike.')
  expect(text).not.toContain('>github<')
})

test('a source shows runs with what was fed, missed slots with reasons, drift, and refused values with remedies', async () => {
  await query(
    `INSERT INTO scheduler.missed (data_source_id, from_slot, to_slot, slots, reason)
     VALUES ($1, now() - interval '3 days', now() - interval '2 days', 2, 'superseded')`,
    [github],
  )
  const [event] = (await query(
    `INSERT INTO normalizer.processed_event (event_id, content_hash, document, data_source_id, source_name, company_id,
       received_at, history, observed_at, map_version, subject_key, stored)
     VALUES (gen_random_uuid(), '', 'd', $1, 'github', '1', now(), false, now(), 1, '', 1) RETURNING event_no AS no`,
    [github],
  )) as { no: string }[]
  await query(
    `INSERT INTO normalizer.drift (data_source_id, kind, subject, event_no, seen_at, message, facts)
     VALUES ($1, 'unknown-path', '.stars', $2, now(), 'github sends .stars, which its map does not have.', '{}')`,
    [github, event!.no],
  )
  await query(
    `INSERT INTO normalizer.refused (event_no, leaves, data_source_id, company_id, path, reason, sample)
     VALUES ($2, 3, $1, '1', '.forks', 'not-a-number', 'many')`,
    [github, event!.no],
  )
  const { text } = await desk.open(`/console/sources/${github}`)
  const says = textOf(text)
  expect(says).toContain('A newer slot was due before it could start.')
  expect(says).toContain('github sends .stars, which its map does not have.')
  expect(says).toContain('such as .forks 1 3 Correct the type in the module’s map')
  expect(says).toContain('partial rate limit')
  expect(text).toContain(`/console/sources/${github}/maps`)
  expect((await desk.open('/console/sources/999999')).status).toBe(404)
})

test('runs are paged, and a cursor of another source is refused', async () => {
  const old = await desk.edge.addSource('old')
  for (let run = 0; run < 30; run++) await desk.addRun({ source: old, task: 500 + run, hoursAgo: 30 - run, fed: run })
  const { text } = await desk.open(`/console/sources/${old}`)
  const [, next = ''] = /rel="next" href="([^"]+)"/.exec(text) ?? []
  const second = await desk.open(next)
  expect([...text.matchAll(/task (5\d\d)/g)].map(([, id]) => Number(id))).toEqual(
    Array.from({ length: 25 }, (_, at) => 529 - at),
  )
  expect([...second.text.matchAll(/task (5\d\d)/g)].map(([, id]) => Number(id))).toEqual([504, 503, 502, 501, 500])
  expect((await desk.open(next.replace(`/${old}?`, `/${github}?`))).status).toBe(400)
})

test('the list is paged', async () => {
  for (let more = 0; more < 45; more++) await desk.edge.addSource(`more-${more}`)
  const { text } = await desk.open('/console/sources?q=more')
  const [, next = ''] = /rel="next" href="([^"]+)"/.exec(text) ?? []
  const second = await desk.open(next.replaceAll('&amp;', '&'))
  expect([text, second.text].map((page) => page.match(/>more-\d+</g)?.length)).toEqual([40, 5])
})

test('the pages are for operators', async () => {
  for (const path of ['/console/sources', `/console/sources/${github}`, '/console/freshness'])
    expect([(await desk.open(path, desk.cookies.viewer)).status, (await desk.open(path, '')).status]).toEqual([
      403, 303,
    ])
})

test('the pages are axe-clean, on phones and screens, light and dark', async () => {
  const browser = await openWatchedPage(desk.edge.url)
  await useSession(browser.page, desk.edge.url, desk.cookies.operator)
  await query(
    `INSERT INTO analyzer.judged_run (data_source_id, source_name, state, message, companies_alike, suspected_at)
     VALUES ($1, 'github', 'suspect', 'in 6 of 7 companies the numbers became zero', 6, now())`,
    [github],
  )
  const own = `/console/sources/${github}`
  const tried = `${own}/plan?cron=30+8+*+*+*&zone=Asia%2FTokyo`
  const lists = ['/console/sources', '/console/sources/new', '/console/sources?q=nothing-like-it']
  for (const path of [...lists, own, `${own}/edit`, `${own}/plan`, tried])
    expect([path, await violationsOf(browser, desk.edge.url + path)]).toEqual([path, []])
})

test('what a suspect run holds is decided on the page of its source, once, with its counts', async () => {
  await desk.edge.start('analyzer')
  const source = await desk.edge.addSource('zeros')
  const [run] = (await query(
    `WITH run AS (
       INSERT INTO analyzer.judged_run (data_source_id, source_name, state, message, companies_alike, suspected_at)
       VALUES ($1, 'zeros', 'suspect', 'the numbers became <b>zero</b>', 6, now()) RETURNING run_no
     ), payload AS (
       INSERT INTO analyzer.withheld_payload (event_id, run_no, company_id, is_flagged, observed_at, data_source_id, subject_key)
       SELECT gen_random_uuid(), run_no, 1, true, now(), $1, '' FROM run RETURNING event_id
     )
     INSERT INTO analyzer.withheld_news (news_id, event_id, is_flagged)
     SELECT gen_random_uuid(), event_id, n < 3 FROM payload, generate_series(1, 3) n
     RETURNING (SELECT run_no::int FROM run) AS no`,
    [source],
  )) as { no: number }[]
  const path = `/console/sources/${source}`
  expect((await desk.open('/console/now')).text).toContain(`href="${path}#suspect"`)
  const shown = textOf((await desk.open(path)).text)
  expect(shown).toContain('the numbers became &lt;b&gt;zero')
  expect(shown).toMatch(/3 news items that are held will be sent.*2 of 3 news items are dropped, the others are sent\./)

  const fields = (state: string) => ({ run: String(run!.no), state })
  expect((await desk.send(`${path}/suspect`, fields('dropped'), desk.cookies.viewer)).status).toBe(403)
  expect((await desk.send(`${path}/suspect`, fields('open'))).status).toBe(422)
  const both = await Promise.all(['dropped', 'released'].map((state) => desk.send(`${path}/suspect`, fields(state))))
  const said = both.map(({ text }) => /Run \d+ is (already )?(dropped|released)/.exec(text)?.[0])
  const [{ state } = { state: '' }] = (await query('SELECT state FROM analyzer.judged_run WHERE run_no = $1', [
    run!.no,
  ])) as { state: string }[]
  expect(said.toSorted()).toEqual([`Run ${run!.no} is already ${state}`, `Run ${run!.no} is ${state}`])
  expect((await desk.open(path)).text).not.toContain('id="suspect"')
  expect(await query('SELECT actor, before, after FROM analyzer.audit WHERE subject = $1', [`run:${run!.no}`])).toEqual(
    [{ actor: expect.stringMatching(/^key:/), before: 'suspect', after: state }],
  )
})

describe('what operators do with a source', () => {
  let feed: number
  const path = () => `/console/sources/${feed}`
  const noticeOf = (text: string) => textOf(/<p class="notice[^]*?<\/p>/.exec(text)?.[0] ?? '').trim()
  const revisionOf = (text: string) => /name="revision" value="(\d+)"/.exec(text)?.[1] ?? ''
  const audit = () =>
    query(`SELECT kind, actor, reason FROM scheduler.audit_view WHERE subject = $1 ORDER BY audit_id`, [
      `source:${feed}`,
    ])

  beforeAll(async () => {
    await desk.edge.start('scheduler', quiet)
    feed = await desk.edge.addSource('feed')
  })

  test('a run is asked for once, of one company if wanted, and refused with its reason', async () => {
    const acme = await desk.edge.addCompany('Acme')
    const started = await desk.send(`${path()}/run`, { company: 'acme' })
    expect(noticeOf(started.text)).toMatch(/^✓ Task \d+ starts/)
    const tasks = await query('SELECT only_companies FROM scheduler.run WHERE data_source_id = $1', [feed])
    expect(tasks).toEqual([{ only_companies: [acme] }])
    const refused = await desk.send(`${path()}/run`, { company: 'nobody' })
    expect([refused.status, textOf(refused.text)]).toEqual([
      422,
      expect.stringContaining('Nothing was changed. The source is not asked about a company of this name or id.'),
    ])
  })

  test('a pause has a reason and an end; of two who pause at once the second is told of the first', async () => {
    const revision = revisionOf((await desk.open(path())).text)
    const both = await Promise.all(
      ['moves', 'rests'].map((why) => desk.send(`${path()}/pause`, { revision, why, hours: '24' })),
    )
    const said = both.map(({ text }) => noticeOf(text)).toSorted()
    expect(said[0]).toMatch(/^▲ Nothing was changed, because .* changed it at/)
    expect(said[1]).toMatch(/^✓ feed is paused until/)
    const rows = await query('SELECT what FROM scheduler.policy_change WHERE data_source_id = $1 AND what = $2', [
      feed,
      'pause',
    ])
    expect(rows).toHaveLength(1)
    expect(noticeOf((await desk.send(`${path()}/run`, {})).text)).toContain('Not started: feed is paused.')
    const { text } = await desk.open(path())
    expect(noticeOf((await desk.send(`${path()}/resume`, { revision: revisionOf(text) })).text)).toContain('runs again')
  })

  test('a plan is tried before it is saved, and a page that is too old changes nothing', async () => {
    const old = revisionOf((await desk.open(path())).text)
    const words = { cron: '30 8 * * *', zone: 'Asia/Tokyo' }
    const tried = await desk.open(`${path()}/plan?${new URLSearchParams(words)}`)
    // It has not run by plan yet, so its first slot is now.
    expect(tried.text.match(/datetime="[^"]*T23:30:00\.000Z"/g)).toHaveLength(4)
    const wrong = await desk.open(`${path()}/plan?cron=0+8+32+*+*`)
    expect(wrong.text).toContain('role="alert"')
    expect(wrong.text).not.toContain('Save this plan')
    await desk.edge.parma('schedule', 'set', 'feed', '--jitter', '60', '--by', 'ada')
    const refused = await desk.send(`${path()}/plan`, { ...words, revision: old })
    expect(noticeOf(refused.text)).toContain('Nothing was changed, because ada changed it')
    const now = revisionOf((await desk.open(path())).text)
    expect(noticeOf((await desk.send(`${path()}/plan`, { ...words, revision: now })).text)).toContain(
      'The plan of feed is changed.',
    )
    expect((await desk.open(path())).text).toContain('30 8 * * * (Asia/Tokyo)')
  })

  test('every change is audited once, with who made it', async () => {
    const rows = (await audit()) as { kind: string; actor: string }[]
    expect(rows.map(({ kind }) => kind)).toEqual([
      ...['scheduler.run', 'scheduler.pause', 'scheduler.resume', 'scheduler.plan.set', 'scheduler.plan.set'],
    ])
    expect(rows.map(({ actor }) => actor.split(':')[0])).toEqual(['key', 'key', 'key', 'cli', 'key'])
  })

  test('a viewer can do none of it', async () => {
    for (const act of ['run', 'pause', 'resume', 'plan'])
      expect([act, (await desk.send(`${path()}/${act}`, {}, desk.cookies.viewer)).status]).toEqual([act, 403])
  })

  test('a source that was deleted while its page was open says so', async () => {
    const { text } = await desk.open(path())
    await query('DELETE FROM data_source WHERE id = $1', [feed])
    const answer = await desk.send(`${path()}/resume`, { revision: revisionOf(text) })
    expect([answer.status, answer.text]).toEqual([404, expect.stringContaining('Nothing was changed.')])
  })
})

test('a source is added, its module is asked what it measures, and each step is audited', async () => {
  const module = await serve((request, response) => {
    const isAsked = request.url?.startsWith('/initialize')
    response.setHeader('content-type', 'application/json').statusCode = isAsked ? 200 : 404
    response.end(JSON.stringify({ frequency: 'daily', normalization_map: { Source: 'fresh', Mappings: [] } }))
  })
  expect((await desk.open('/console/sources/new')).text).toContain('Address of the module')
  const fields = { name: 'fresh', endpoint: module, frequency: 'daily', max_run_seconds: '300', description: '' }
  expect((await desk.send('/console/sources', { ...fields, name: 'Not Legal' })).text).toContain('A name has only a-z')
  const added = await desk.send('/console/sources', fields)
  const [, id = ''] = /\/console\/sources\/(\d+)/.exec(added.url) ?? []
  expect(added.text).toContain('Its module has not said yet what it measures.')
  expect((await desk.send('/console/sources', fields)).text).toContain(`Source ${id} has this name already.`)
  const shaken = await desk.send(`/console/sources/${id}/handshake`, {})
  expect([shaken.status, textOf(shaken.text)]).toEqual([
    200,
    expect.stringContaining('Version 1 of its map is stored.'),
  ])
  await desk.send(`/console/sources/${id}/link`, {})
  const rows = (await query(`SELECT kind, actor FROM edge.audit WHERE subject = $1 ORDER BY audit_id`, [
    `source:${id}`,
  ])) as { kind: string; actor: string }[]
  expect(rows.map(({ kind }) => kind)).toEqual(['edge.source.add', 'edge.map.handshake', 'edge.source.link'])
  expect(rows.every(({ actor }) => actor.startsWith('key:'))).toBe(true)
})

test('a source that is asked about nobody takes the first companies by name, each once', async () => {
  const id = await desk.edge.addSource('lonely')
  await query('DELETE FROM company_data_source WHERE data_source_id = $1', [id])
  const path = `/console/sources/${id}`
  expect(textOf((await desk.open(path)).text)).toContain('It is asked about no company yet.')
  const add = (names: string, cookie?: string) => desk.send(`${path}/companies`, { names }, cookie)
  expect((await add('Eve', desk.cookies.viewer)).status).toBe(403)
  expect((await add(' , ')).text).toContain('Nothing was added')
  expect(textOf((await add('Solo GmbH, <b>Duo</b>, solo gmbh')).text)).toContain('2 linked')
  expect((await add('Solo GmbH')).status).toBe(422)
  const rows = await query(
    `SELECT a.after ->> 'name' AS name FROM edge.audit a WHERE kind = 'edge.company.add' ORDER BY audit_id`,
  )
  expect(rows).toEqual([{ name: 'Solo GmbH' }, { name: '<b>Duo</b>' }])
})

test('a source is changed on its page, unless somebody else has changed it since, and its page says what it sends', async () => {
  const id = await desk.edge.addSource('edited', 'https://old.example')
  const path = `/console/sources/${id}/edit`
  const { text } = await desk.open(path)
  const seen = textOfValue(/name="seen" value="([^"]*)"/.exec(text)?.[1] ?? '')
  const fields = {
    endpoint: 'https://new.example',
    frequency: 'weekly',
    max_run_seconds: '60',
    description: 'Stars',
    seen,
  }
  expect((await desk.send(path, fields, desk.cookies.viewer)).status).toBe(403)
  const wrong = await desk.send(path, { ...fields, active: 'on', endpoint: 'ftp://new.example' })
  expect([wrong.status, textOf(wrong.text)]).toEqual([422, expect.stringContaining('The address cannot be used')])
  const changed = await desk.send(path, { ...fields, active: 'on' })
  expect(textOf(changed.text)).toContain('https://new.example')
  expect(textOf(changed.text)).toContain('What it sends')

  // A page that is an hour old.
  const late = await desk.send(path, { ...fields, active: 'on', endpoint: 'https://late.example' })
  expect([late.status, textOf(late.text)]).toEqual([409, expect.stringContaining('Somebody has changed it since')])
  expect(late.text).toContain('value="https://new.example"')
  const [row] = await query(
    `SELECT invocation_endpoint AS endpoint, frequency::text, max_run_seconds, description, is_active
     FROM data_source WHERE id = $1`,
    [id],
  )
  const now = { endpoint: 'https://new.example', frequency: 'WEEKLY', max_run_seconds: 60, description: 'Stars' }
  expect(row).toEqual({ ...now, is_active: true })
  const rows = await query(`SELECT kind FROM edge.audit WHERE subject = $1 AND kind = 'edge.source.edit'`, [
    `source:${id}`,
  ])
  expect(rows).toHaveLength(1)
})

test('a module that redirects the handshake elsewhere is not followed, and the page says why', async () => {
  const module = await serve((_, response) => {
    response.writeHead(302, { location: 'http://elsewhere.example/' }).end()
  })
  const id = await desk.edge.addSource('redirects', module)
  const { status, text } = await desk.send(`/console/sources/${id}/handshake`, {})
  expect([status, textOf(text)]).toEqual([
    502,
    expect.stringContaining('answered 302 with another address, which is not followed'),
  ])
})

test('the handshake of a source whose address is none says so on the page', async () => {
  const id = await desk.edge.addSource('no-address', '')
  const { status, text } = await desk.send(`/console/sources/${id}/handshake`, {})
  expect([status, textOf(text)]).toEqual([502, expect.stringContaining('is not the address of a mining module')])
})
