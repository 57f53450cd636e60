import { beforeAll, expect, test, vi } from 'vitest'
import { type Desk, expectGoodPage, openDesk, openDeskBrowser } from '../harness/edge/desk-site.ts'
import { type TestEdge, useEdge } from '../harness/edge/setup.ts'
import { createInstallation } from '../harness/installation.ts'
import { mailsTo, unique } from '../harness/mailbox.ts'
import { addCompany, addSource, groupOf, quick, sendNews } from '../harness/notifier/setup.ts'
import { waitFor } from '../harness/wait-for.ts'

// A browser is slow to start on a busy machine.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

let edge: TestEdge
let desk: Desk
const mail = `${unique('ann')}@example.com`

beforeAll(async () => {
  const installation = await createInstallation()
  const [{ url }] = await Promise.all([
    installation.start('edge'),
    installation.start('notifier', { ...quick, GROUP_WAIT_MS: '200', BUNDLE_WINDOW_MS: '0', COOL_DOWN_MS: '0' }),
  ])
  edge = useEdge(installation, url)
  desk = await openDesk(edge)
})

const idOf = async (name: string) =>
  (await edge.database.query<{ id: number }>('SELECT id FROM "user" WHERE name = $1', [name]))[0]!.id
const auditOf = (kind: string) =>
  edge.database.query<{ actor: string; subject: string; after: object }>(
    'SELECT actor, subject, after FROM notifier.audit WHERE kind = $1 ORDER BY audit_id DESC',
    [kind],
  )

test('with nobody there an operator is led to the first person, who is added with an address and tested', async () => {
  const empty = await desk.get('/console/people')
  expect(empty.text).toContain('Nobody hears anything yet')
  expect(empty.text).toContain('First person')
  expect((await desk.submit('/console/people', { name: 'Ann', email: mail })).text).toContain('Ann is added')
  const ann = await idOf('Ann')
  const page = await desk.get(`/console/people/${ann}`)
  expect(page.text).toContain('Nothing: they get no alerts.')
  const [, channel = ''] = /name="channel" value="(\d+)"/.exec(page.body) ?? []
  expect((await desk.submit(`/console/people/${ann}/test`, { channel })).text).toContain('A test message is on its way')
  await waitFor('the test', async () => (await mailsTo(mail)).length > 0)
  expect((await auditOf('notifier.person.add'))[0]).toMatchObject({ after: { name: 'Ann', email: mail } })
})

test('says what they heard and why, with the way to the explanation', async () => {
  const ann = await idOf('Ann')
  const company = await addCompany(edge.database, 'Acme')
  expect((await desk.submit(`/console/people/${ann}/follow`, { company: String(company), bucket: '' })).text).toContain(
    'Acme',
  )
  await desk.submit(`/console/people/${ann}/quiet-clear`)
  await edge.database.query(
    `INSERT INTO notifier.quiet_hours (user_id, zone, begins, ends, days, critical_passes)
     VALUES ($1, 'UTC', '00:00', '00:00', '{}', true)`,
    [ann],
  )
  const source = await addSource(edge.database)
  const news = groupOf(company, source, 1, { severity: 'critical' })
  await sendNews(edge, news)
  await waitFor('the alert', async () => (await mailsTo(mail)).length > 1)
  const { body, text } = await desk.get(`/console/people/${ann}`)
  expect(body).toContain(`/console/why/${news[0]!.news_id}?person=${ann}#heard`)
  expect(text).toMatch(/Alert .*EMAIL/)
  expect((await desk.get('/console/people')).text).toMatch(/Ann Viewer 1 .*1 channel/)
})

test('follows, quiet hours, mutes and channels are changed for anybody, each in the audit log', async () => {
  const ann = await idOf('Ann')
  const base = `/console/people/${ann}`
  const quiet = await desk.submit(`${base}/quiet`, { from: '21:00', to: '07:00', zone: 'Europe/Berlin' })
  expect(quiet.text).toContain('21:00 to 07:00 Europe/Berlin')
  const [company] = await edge.database.query<{ id: number }>(`SELECT id FROM company WHERE name = 'Acme'`)
  await edge.database.query('INSERT INTO notifier.mute (user_id, company_id) VALUES ($1, $2)', [ann, company!.id])
  const muted = await desk.get(base)
  const [, mute = ''] = /name="mute" value="(\d+)"/.exec(muted.body) ?? []
  expect((await desk.submit(`${base}/unmute`, { mute })).text).toContain('Nothing is muted.')
  const other = `${unique('other')}@example.com`
  const added = await desk.submit(`${base}/channel`, {
    ...{ type: 'EMAIL', destination: other, purpose: 'REPORT', secret: '' },
  })
  expect(added.text).toContain(other)
  const same = await desk.submit(`${base}/channel`, { type: 'EMAIL', destination: other, purpose: 'REPORT' })
  expect(same.text).toContain('The person gets messages there already.')
  const wrong = await desk.submit(`${base}/channel`, { type: 'EMAIL', destination: 'x', purpose: 'REPORT' })
  expect(wrong.text).toContain('"x"')
  const [, left = ''] =
    new RegExp(`value="(\\d+)"><button[^>]*aria-label="End messages to ${other}"`).exec(added.body) ?? []
  expect((await desk.submit(`${base}/leave`, { channel: left })).text).toContain('gets no more messages there')
  expect((await desk.submit(`${base}/unfollow`, { company: String(company!.id) })).text).toContain('they get no alerts')
  for (const kind of ['quiet.set', 'mute.remove', 'channel.add', 'channel.leave', 'follow.remove'])
    expect([kind, (await auditOf(`notifier.${kind}`))[0]!.subject]).toEqual([kind, `person:${ann}`])
  expect((await desk.post(`${base}/follow`, {})).status).toBe(422)
})

test('digests are set for anybody, and what a page that is an hour old asks for is not done', async () => {
  const ann = await idOf('Ann')
  const base = `/console/people/${ann}`
  const old = await desk.get(base)
  const revisionOf = (body: string, action: string) =>
    new RegExp(`action="${base}/${action}">[^]*?name="revision" value="([^"]*)"`).exec(body)?.[1] ?? ''
  const fields = {
    rhythm: 'daily',
    weekday: '3',
    hour: '7',
    zone: 'Asia/Tokyo',
    bucket: '',
    channel: '',
    all_quiet: 'on',
  }
  const set = await desk.submit(`${base}/digest`, { ...fields, revision: revisionOf(old.body, 'digest') })
  expect(set.text).toContain('every day at 07:00 Asia/Tokyo, also when all is quiet')
  expect((await auditOf('notifier.digest.set'))[0]).toMatchObject({
    actor: expect.stringMatching(/^key:/),
    subject: `person:${ann}`,
  })

  const changed = 'Somebody has changed them since you looked'
  const late = { ...fields, hour: '9', revision: revisionOf(old.body, 'digest') }
  expect((await desk.submit(`${base}/digest`, late)).text).toContain(changed)
  expect((await desk.get(base)).text).toContain('every day at 07:00')
  const removal = { revision: revisionOf(set.body, 'digest-remove') }
  expect((await desk.submit(`${base}/digest-remove`, removal)).text).toContain('They have set none')
  expect((await desk.submit(`${base}/digest`, { ...fields, revision: removal.revision })).text).toContain(changed)

  const hours = { from: '20:00', to: '06:00', zone: 'UTC' }
  const quiet = await desk.submit(`${base}/quiet`, { ...hours, revision: revisionOf(set.body, 'quiet') })
  expect(quiet.text).toContain('20:00 to 06:00 UTC')
  const again = { ...hours, from: '19:00', revision: revisionOf(set.body, 'quiet') }
  expect((await desk.submit(`${base}/quiet`, again)).text).toContain(changed)
  expect((await desk.submit(`${base}/quiet-clear`, { revision: again.revision })).text).toContain(changed)
})

test('names with markup, from right to left and of 10,000 characters are said or refused, with what was typed', async () => {
  for (const name of ['<script>alert(1)</script>', 'شخص'])
    expect((await desk.submit('/console/people', { name, email: '' })).text).toContain(`${name} is added`)
  expect((await desk.get('/console/people')).body).not.toContain('<script>alert')
  for (const [name, email, why] of [
    ['y'.repeat(10_000), '', 'The name has 10000 characters'],
    [' ', '', 'A person needs a name'],
    ['Ann', '', 'already has this name'],
    ['New one', 'no address', 'The e-mail address'],
  ] as const) {
    const { status, text, body } = await desk.post('/console/people', { name, email })
    expect([status, text]).toEqual([422, expect.stringContaining(why)])
    if (email !== '') expect(body).toContain(`value="${email}"`)
  }
  // Nothing of what was refused is there.
  expect((await desk.get('/console/people?q=new')).text).toContain('Nobody has this in their name')
  expect((await desk.get('/console/people/999999')).status).toBe(404)
})

test('a viewer sees and does none of it', async () => {
  const ann = await idOf('Ann')
  const read = () => edge.database.query('SELECT count(*) FROM "user"')
  const before = await read()
  for (const path of ['/console/people', `/console/people/${ann}`])
    expect([path, (await desk.get(path, 'viewer')).status]).toEqual([path, 403])
  expect((await desk.post('/console/people', { name: 'Eve' }, 'viewer')).status).toBe(403)
  for (const what of [
    'follow',
    'unfollow',
    'unmute',
    'quiet',
    'quiet-clear',
    'digest',
    'digest-remove',
    'test',
    'leave',
    'channel',
  ])
    expect([what, (await desk.post(`/console/people/${ann}/${what}`, {}, 'viewer')).status]).toEqual([what, 403])
  const token = await edge.apiKey('viewer')
  const body = { kind: 'notifier.person.add', payload: { name: 'Eve' } }
  expect((await edge.call('/api/v1/changes', { token, body })).status).toBe(403)
  expect(await read()).toEqual(before)
})

test('every page has no violations and fits', async () => {
  const ann = await idOf('Ann')
  const browser = await openDeskBrowser(edge, desk.cookies.operator)
  for (const path of ['', '?q=nobody+here', `/${ann}`])
    await expectGoodPage(browser, `${edge.url}/console/people${path}`)
  await expectGoodPage(browser, `${edge.url}/console/people/999999`, 404)
})
