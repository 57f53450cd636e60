import { expect, test } from 'vitest'
import { topics } from '../../schemas/topics.ts'
import { openBrowser } from '../harness/browser.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { createInstallation } from '../harness/installation.ts'
import { startMailServer } from '../harness/mail-server.ts'
import { slackPostsIn } from '../harness/mailbox.ts'
import {
  addCompany,
  addFollowed,
  addPerson,
  addSource,
  deliveriesOf,
  groupOf,
  sendNews,
} from '../harness/notifier/setup.ts'
import { waitFor } from '../harness/wait-for.ts'

const agent = { 'user-agent': 'a mail program' }

test('one click unsubscribes an address from e-mail, and nothing else', async () => {
  const installation = await createInstallation()
  const { database, start } = installation
  const mailServer = await startMailServer()
  const edge = await start('edge')
  const links = {
    PUBLIC_URL: edge.url,
    SMTP_URL: mailServer.url,
    SLACK_INTERVAL_MS: '0',
    POLL_MS: '100',
    BUNDLE_WINDOW_MS: '0',
  }
  await start('notifier', links)
  const source = await addSource(database)
  const { company, address, channel } = await addFollowed(database)
  const neighbour = `neighbour-of-${address}`
  await addPerson(database, { companies: [company], channels: [{ type: 'EMAIL', destination: neighbour }] })

  await sendNews(installation, groupOf(company, source, 1))
  const [mail] = await waitFor('both mails', () => mailServer.mails.length === 2 && mailServer.mailsTo(address))
  const link = /^<(.*)>$/.exec(mail?.headers['list-unsubscribe']?.replaceAll(/\s+/g, '') ?? '')?.[1] ?? ''
  expect(mail?.headers['list-unsubscribe-post']).toBe('List-Unsubscribe=One-Click')
  expect(mail?.text).toContain(`Unsubscribe: ${link}`)

  // Programs that follow links change nothing.
  for (const method of ['GET', 'GET'])
    expect((await fetch(link, { method, headers: agent })).headers.get('set-cookie')).toBe(null)
  const forged = await fetch(
    link.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
    { method: 'POST' },
  )
  expect(forged.status).toBe(403)
  const strange = await fetch(link.replace(/\/\d+\?/, '/999999?'), { method: 'POST' })
  expect(strange.status).toBe(403)
  expect(await installation.topics.read(topics.triggers.name)).toEqual([])

  const page = await (await openBrowser()).newPage()
  await page.setViewport({ width: 390, height: 800 })
  await page.goto(link)
  const asked = await page.content()
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390)
  await Promise.all([page.waitForNavigation(), page.click('button')])
  const done = await page.content()
  expect(done).toContain('You are unsubscribed')
  for (const shown of [asked, done]) expect(shown).not.toContain(address.slice(0, address.indexOf('@')))

  const isUnsubscribed = () =>
    database.query('SELECT address, unsubscribed_at FROM notifier.destination WHERE unsubscribed_at IS NOT NULL')
  const [first] = await waitFor('the notifier to unsubscribe the address', async () => {
    const found = await isUnsubscribed()
    return found.length > 0 && found
  })
  expect(first).toMatchObject({ address })

  // As mail programs do it, https://www.rfc-editor.org/rfc/rfc8058#section-3.1. A second time it changes nothing.
  const oneClick = await fetch(link, {
    method: 'POST',
    redirect: 'error',
    headers: { ...agent, 'content-type': 'application/x-www-form-urlencoded' },
    body: 'List-Unsubscribe=One-Click',
  })
  expect(oneClick.status).toBe(200)

  await sendNews(installation, groupOf(company, source, 1))
  await waitFor('the others', () => mailServer.mailsTo(neighbour).length === 2)
  await waitFor('the post', async () => (await slackPostsIn(channel)).length === 2)
  expect(mailServer.mailsTo(address)).toHaveLength(1)
  const states = await waitFor('what the address does not get to be closed', async () => {
    const rows = (await deliveriesOf(database, company)).filter((row) => row.address === address)
    return rows.every(({ state }) => state !== 'pending') && rows.map(({ state }) => state)
  })
  expect(states).toEqual(['sent', ...states.slice(1).map(() => 'failed')])
  expect(await isUnsubscribed()).toEqual([first])

  // Until they want them again.
  const channels = JSON.parse(await installation.parma('channels', 'ls', '--json')) as Record<string, unknown>[]
  const channelOf = channels.find((one) => one['destination'] === address)
  expect(channelOf).toMatchObject({ state: 'unsubscribed' })
  await installation.parma('channels', 'resubscribe', String(channelOf?.['id']))
  await sendNews(installation, groupOf(company, source, 1))
  await waitFor('the mail', () => mailServer.mailsTo(address).length === 2)
})

const phone = { width: 390, height: 844, isMobile: true, hasTouch: true, deviceScaleFactor: 2 }

test('mails fit a phone, whatever they contain', async () => {
  const installation = await createInstallation()
  const { database, start } = installation
  const mailServer = await startMailServer()
  await start('notifier', { PUBLIC_URL: 'https://parma.example', SMTP_URL: mailServer.url, POLL_MS: '100' })
  const source = await addSource(database)
  const huge = 'Wörd'.repeat(2500)
  const texts = [
    {
      title: 'Stars rose 50 % to 1,500',
      message: 'acme: Stars rose by 50 % from 1,000 to 1,500 since 17 Nov 2026 (npm).',
    },
    { title: huge, message: huge.slice(0, 3000), previous: null, current: `https://example.com/${'x'.repeat(300)}` },
    { title: '<img src=x onerror=alert(1)>', message: '</li></ol><table width="2000"><tr><td>wide</td></tr></table>' },
  ]
  const page = await (await openBrowser()).newPage()
  onCleanup(() => page.close())
  await page.setViewport(phone)
  for (const [index, changes] of texts.entries())
    for (const count of [1, 30]) {
      const company = await addCompany(database, index === 1 ? huge : 'acme')
      const address = `phone-${company}@example.com`
      await addPerson(database, {
        name: 'Ann',
        companies: [company],
        channels: [{ type: 'EMAIL', destination: address }],
      })
      await sendNews(installation, groupOf(company, source, count, changes))
      const [mail] = await waitFor(
        'the mail',
        () => mailServer.mailsTo(address).length === 1 && mailServer.mailsTo(address),
      )
      await page.setContent(mail?.html ?? '')
      const seen = (await page.evaluate(`({
        width: document.documentElement.scrollWidth,
        small: [...document.querySelectorAll('body *')].filter((one) => parseFloat(getComputedStyle(one).fontSize) < 13).length,
        foreign: document.querySelectorAll('img, table, script').length,
        items: document.querySelectorAll('li').length,
      })`)) as object
      expect(seen).toEqual({ width: phone.width, small: 0, foreign: 0, items: count > 1 ? count : 0 })
    }
})
