import { beforeAll, expect, test } from 'vitest'
import { runParma } from '../../deploy/local/parma.ts'
import { signIn } from '../harness/edge/console.ts'
import { sendForm } from '../harness/edge/desk-site.ts'
import { type TestEdge, useEdge } from '../harness/edge/setup.ts'
import { createInstallation } from '../harness/installation.ts'
import { findMarkupFaults, readMarkup } from '../harness/markup.ts'
import { addPerson } from '../harness/notifier/setup.ts'
import { type OwnBroker, startOwnBroker } from '../harness/own-broker.ts'
import { waitFor } from '../harness/wait-for.ts'

let broker: OwnBroker
let edge: TestEdge
let person = 0
let company = 0
let cookie = ''

beforeAll(async () => {
  broker = await startOwnBroker()
  const installation = await createInstallation()
  const own = { KAFKA_BROKERS: broker.address }
  await runParma({ ...installation.env, ...own, TOPIC_PARTITIONS: '1' }, 'topics', 'apply')
  const [{ url }] = await Promise.all([
    installation.start('edge', { ...own, FEED_DEADLINE_MS: '1000' }),
    // It owns what people set.
    installation.start('notifier', { ...own, POLL_MS: '100' }),
  ])
  edge = useEdge(installation, url)
  company = await edge.addCompany('Acme')
  person = await addPerson(edge.database, { name: 'Ann', companies: [company], channels: [] })
  cookie = await signIn(edge, { person })
}, 120_000)

const send = (path: string, fields: Record<string, string>) => sendForm(edge.url, path, { fields, cookie })
const get = (path: string) => fetch(edge.url + path, { headers: { cookie } })

/** What a page sends with its form to `action`. */
function fieldsOf(page: string, action: string): Record<string, string> {
  const [, form = ''] = new RegExp(`<form[^>]* action="${action}">([^]*?)</form>`).exec(page) ?? []
  return Object.fromEntries(
    readMarkup(form).flatMap(({ attributes: { name, value } }) => (name === undefined ? [] : [[name, value ?? '']])),
  )
}

const made = (kind: string) =>
  edge.database.query<{ state: string }>(
    `SELECT state FROM notifier.change JOIN notifier.audit USING (change_id) WHERE change.kind = $1`,
    [kind],
  )

test('without a broker pages are read, and a form is kept until it can be sent again: then it takes effect once', async () => {
  const path = '/console/me/quiet'
  expect((await send('/console/me/follow', { company: String(company) })).status).toBe(303)
  const typed = { ...fieldsOf(await (await get('/console/me')).text(), path), from: '01:23', to: '04:56' }

  await broker.crash()
  const pages = ['/console', '/console/watchlist', `/console/companies/${company}`, '/console/me', '/console/heard']
  for (const page of [...pages, '/console/search?q=a']) expect([page, (await get(page)).status]).toEqual([page, 200])
  const refused = await send(path, typed)
  expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([503, true])
  const page = await refused.text()
  expect(page).toContain('<h1 dir="auto">Not available for a moment</h1>')
  expect(page).toContain('<nav aria-label="Main">')
  expect(page).toContain('wait some seconds, and send it again')
  expect(findMarkupFaults(page)).toEqual([])
  const kept = fieldsOf(page, path)
  expect(kept).toMatchObject(typed)
  // Sent while there is still no broker, it is kept as it was.
  expect(fieldsOf(await (await send(path, kept)).text(), path)).toEqual(kept)

  await broker.start()
  const answer = await waitFor(
    'the form to be taken',
    async () => {
      const { status, headers } = await send(path, kept)
      return status === 303 && headers.get('location')
    },
    30_000,
  )
  await waitFor('the change', async () => (await made('notifier.quiet.set')).length > 0, 30_000)
  expect((await send(path, kept)).headers.get('location')).toBe(answer)
  expect(await (await get(answer.split('#')[0]!)).text()).toContain('You get no messages from 01:23 to 04:56')
  expect(await made('notifier.quiet.set')).toEqual([{ state: 'done' }])
}, 120_000)
