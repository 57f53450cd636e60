import { randomUUID } from 'node:crypto'
import { beforeAll, expect, test, vi } from 'vitest'
import { addDelivery as storeDelivery } from '../harness/edge/add-delivery.ts'
import { type Desk, expectGoodPage, openDesk, openDeskBrowser } from '../harness/edge/desk-site.ts'
import { type TestEdge, useEdge } from '../harness/edge/setup.ts'
import { createInstallation } from '../harness/installation.ts'
import { mailsTo, unique } from '../harness/mailbox.ts'
import { addPerson, quick } from '../harness/notifier/setup.ts'
import { waitFor } from '../harness/wait-for.ts'

// A browser is slow to start on a busy machine.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

let edge: TestEdge
let desk: Desk
let ann: number
const mail = `${unique('ann')}@example.com`

beforeAll(async () => {
  const installation = await createInstallation()
  const [{ url }] = await Promise.all([installation.start('edge'), installation.start('notifier', quick)])
  edge = useEdge(installation, url)
  desk = await openDesk(edge)
  ann = await addPerson(edge.database, { channels: [{ type: 'EMAIL', destination: mail }] })
})

type Made = Omit<Parameters<typeof storeDelivery>[1], 'person' | 'address'> & { address?: string }

const addDelivery = ({ address = mail, ...made }: Made = {}) =>
  storeDelivery(edge.database, { ...made, address, person: { id: ann, name: 'Ann' } })

const stateOf = async (id: number) =>
  (await edge.database.query<{ state: string }>('SELECT state FROM notifier.delivery WHERE delivery_id = $1', [id]))[0]!
    .state
const auditOf = (kind: string) =>
  edge.database.query<{ actor: string; after: object }>(
    'SELECT actor, after FROM notifier.audit WHERE kind = $1 ORDER BY audit_id DESC',
    [kind],
  )
const park = (destination: number) =>
  edge.database.query(
    `UPDATE notifier.destination SET parked_at = now(), parked_reason = 'mailbox is full' WHERE destination_id = $1`,
    [destination],
  )

test('without messages it says when they come', async () => {
  expect((await desk.get('/console/deliveries')).text).toContain('No message was made yet')
  expect((await desk.get('/console/deliveries?state=failed')).text).toContain('No message fits these filters')
})

test('a failed message is found, read with its attempts, and sent again after a question', async () => {
  const { id, notification, destination } = await addDelivery({ subject: 'Acme: stars rose by 6%', reason: 'timeout' })
  const [item, event] = [randomUUID(), randomUUID()]
  await edge.database.query(
    `INSERT INTO notifier.item_delivery (item_id, destination_id, company_id, people, notification_id)
     VALUES ($1, $2, 1, '[]', $3)`,
    [item, destination, notification],
  )
  await edge.database.query(
    `INSERT INTO notifier.attempt (delivery_id, claim, action, outcome, detail, took_ms)
     VALUES ($1, 1, 'send', 'failed', 'no answer <b>', 1200)`,
    [id],
  )
  const lists = async (query: string) => (await desk.get(`/console/deliveries?${query}`)).text.includes('stars rose')
  for (const query of ['state=failed', 'channel=EMAIL', `person=${ann}`, `destination=${destination}`, `about=${item}`])
    expect([query, await lists(query)]).toEqual([query, true])
  for (const query of ['state=sent', 'channel=SLACK', 'person=999', `about=${event}`, 'until=2020-01-01'])
    expect([query, await lists(query)]).toEqual([query, false])
  const page = await desk.get(`/console/deliveries/${id}`)
  expect(page.text).toContain('1200 ms no answer <b>')
  expect(page.body).not.toContain('answer <b>')
  expect((await desk.get(`/console/deliveries/${id}/resend`)).text).toContain('the person gets it twice')
  expect(await stateOf(id)).toBe('failed')
  const sent = await desk.submit(`/console/deliveries/${id}/resend`)
  expect(sent.text).toContain('1 message will be sent again.')
  await waitFor('the mail', async () => (await mailsTo(mail)).some(({ subject }) => subject.includes('stars rose')))
  expect((await auditOf('notifier.delivery.resend'))[0]).toMatchObject({ after: { deliveries: [id] } })
  expect((await auditOf('notifier.delivery.resend'))[0]!.actor).toMatch(/^key:/)
})

test('of an unknown one it says that it may come twice, and two operators send it once', async () => {
  const { id } = await addDelivery({ state: 'unknown', address: `${unique('two')}@example.com` })
  expect((await desk.get(`/console/deliveries/${id}/resend`)).text).toContain('It may have arrived already')
  const both = await Promise.all([
    desk.submit(`/console/deliveries/${id}/resend`, {}, 'operator'),
    desk.submit(`/console/deliveries/${id}/resend`, {}, 'admin'),
  ])
  const said = both.map(({ text }) => /1 message will be sent again|Nothing is sent again/.exec(text)?.[0])
  expect(said.sort()).toEqual(['1 message will be sent again', 'Nothing is sent again'])
})

test('the page of an hour ago changes nothing, and says why', async () => {
  const { id } = await addDelivery({ state: 'sent' })
  expect((await desk.get(`/console/deliveries/${id}/resend`)).text).toContain('it arrived')
  const { text } = await desk.submit(`/console/deliveries/${id}/resend`)
  expect(text).toContain('Nothing is sent again: it is sent.')
  expect(await stateOf(id)).toBe('sent')
  expect((await desk.get('/console/deliveries/99999999')).status).toBe(404)
  expect((await desk.submit('/console/deliveries/99999999/resend').catch(() => ({ status: 404 }))).status).toBe(404)
})

test('a parked destination is tested, which opens it when the message arrives', async () => {
  const address = `${unique('parked')}@example.com`
  const { destination } = await addDelivery({ address })
  await park(destination)
  expect((await desk.get('/console/deliveries')).text).toMatch(/Parked: 1 destination.*mailbox is full/)
  const page = await desk.submit(`/console/destinations/${destination}/test`)
  expect(page.text).toContain('A test message is on its way')
  await waitFor('the test', async () => (await mailsTo(address)).length > 0)
  await waitFor('the destination is open', async () => {
    const { status } = await desk.get(`/console/destinations/${destination}`)
    return status === 404
  })
  expect((await auditOf('notifier.destination.test'))[0]!.after).toEqual({ destination })
})

test('a parked destination is unparked after its waiting messages were counted', async () => {
  const address = `${unique('waits')}@example.com`
  const { destination } = await addDelivery({ address })
  await park(destination)
  const waiting = await addDelivery({ address, state: 'pending', subject: 'It waited' })
  await edge.database.query('UPDATE notifier.delivery SET due_at = now() WHERE delivery_id = $1', [waiting.id])
  expect((await desk.get(`/console/destinations/${destination}`)).text).toContain('1 message that waited')
  expect(await stateOf(waiting.id)).toBe('pending')
  const { text } = await desk.submit(`/console/destinations/${destination}/unpark`)
  expect(text).toContain('It is open again: 1 message that waited will be sent.')
  await waitFor('what waited', async () =>
    (await mailsTo(address)).some(({ subject }) => subject.includes('It waited')),
  )
  const again = await desk.submit(`/console/destinations/${destination}/unpark`)
  expect(again.text).toContain('It is not parked any more')
  expect(await auditOf('notifier.destination.unpark')).toHaveLength(1)
})

test('10,000 deliveries: the first page and each filter are quick, and pages leave none out', async () => {
  const { destination, notification } = await addDelivery({ state: 'sent', address: 'many@example.com' })
  await edge.database.query(
    `WITH n AS (
       INSERT INTO notifier.notification (notification_id, kind, company_id, message)
       SELECT gen_random_uuid(), 'news', 1, message FROM notifier.notification, generate_series(1, 10000)
       WHERE notification_id = $1 RETURNING notification_id
     )
     INSERT INTO notifier.delivery (notification_id, destination_id, people, state)
     SELECT notification_id, $2, $3, 'sent' FROM n`,
    [notification, destination, JSON.stringify([{ id: ann, name: 'Ann' }])],
  )
  await edge.database.query('ANALYZE notifier.delivery')
  for (const query of ['', `?person=${ann}`, '?state=failed', '?channel=EMAIL&kind=news', `?about=${randomUUID()}`]) {
    const begun = performance.now()
    expect((await desk.get(`/console/deliveries${query}`)).status).toBe(200)
    expect([query, performance.now() - begun < 3000]).toEqual([query, true])
  }
  const seen: string[] = []
  let path: string | undefined = `/console/deliveries?destination=${destination}&state=sent`
  for (let pages = 0; path !== undefined && pages < 4; pages++) {
    const { body }: { body: string } = await desk.get(path)
    seen.push(...[...body.matchAll(/href="\/console\/deliveries\/(\d+)"/g)].map(([, id]) => id!))
    path = /rel="next" href="([^"]+)"/.exec(body)?.[1]?.replaceAll('&amp;', '&')
  }
  expect([seen.length, new Set(seen).size]).toEqual([200, 200])
})

test('a viewer sees and does none of it', async () => {
  const { id, destination } = await addDelivery()
  await park(destination)
  const paths = ['/console/deliveries', `/console/deliveries/${id}`, `/console/deliveries/${id}/resend`]
  for (const path of [...paths, `/console/destinations/${destination}`])
    expect([path, (await desk.get(path, 'viewer')).status]).toEqual([path, 403])
  const acts = ['test', 'unpark'].map((act) => `/console/destinations/${destination}/${act}`)
  for (const path of [`/console/deliveries/${id}/resend`, ...acts])
    expect([path, (await desk.post(path, {}, 'viewer')).status]).toEqual([path, 403])
  const token = await edge.apiKey('viewer')
  const body = { kind: 'notifier.delivery.resend', payload: { deliveries: [id] } }
  expect((await edge.call('/api/v1/changes', { token, body })).status).toBe(403)
  expect(await stateOf(id)).toBe('failed')
})

test('every page has no violations and fits, with markup and long names too', async () => {
  const { id, destination } = await addDelivery({
    ...{ subject: '<b>مرحبا</b> '.repeat(20), title: 'x'.repeat(10_000), address: `${'y'.repeat(150)}@example.com` },
    reason: '<script>',
  })
  await park(destination)
  const browser = await openDeskBrowser(edge, desk.cookies.operator)
  for (const path of ['', `/${id}`, `/${id}/resend`, '?state=failed&person=999999'])
    await expectGoodPage(browser, `${edge.url}/console/deliveries${path}`)
  await expectGoodPage(browser, `${edge.url}/console/destinations/${destination}`)
  await expectGoodPage(browser, `${edge.url}/console/deliveries/99999999`, 404)
})
