import { beforeAll, describe, expect, test, vi } from 'vitest'
import { topics } from '../../schemas/topics.ts'
import { makeSignInLink } from '../../services/runtime/web/signed-links.ts'
import { openCookieBrowser } from '../harness/edge/cookie-browser.ts'
import { startEdge, type TestEdge } from '../harness/edge/setup.ts'
import { storeFacts } from '../harness/edge/stored-facts.ts'
import { openWatchedPage } from '../harness/edge/watched-page.ts'
import { mailsTo, unique } from '../harness/mailbox.ts'
import { waitFor } from '../harness/wait-for.ts'

// A browser is slow to start on a busy machine.
vi.setConfig({ testTimeout: 180_000 })

type Row = Record<string, unknown>

const cookie = '__Host-parma-session'
let edge: TestEdge
let facts: ReturnType<typeof storeFacts>
const rows = (text: string, ...values: unknown[]) => edge.database.query<Row>(text, values)

beforeAll(async () => {
  edge = await startEdge({ RATE_LIMIT_SIGN_IN: '1000' })
  // As the edge was told only what all services know.
  edge.env['PUBLIC_URL'] = edge.url
  facts = storeFacts(edge)
})

/** Path and query of a link that `parma` makes. */
async function linkOf(person: number, ...more: string[]): Promise<string> {
  const { link } = JSON.parse(await edge.parma('people', 'link', String(person), ...more, '--json')) as { link: string }
  expect(link.startsWith(`${edge.url}/console/sign-in/link/`)).toBe(true)
  return link.slice(edge.url.length)
}

/** A browser in which the person has signed in. */
async function signIn(person: number) {
  const browser = openCookieBrowser(edge.url)
  const { status } = await browser.open(await linkOf(person), { form: {} })
  expect(status).toBe(303)
  return browser
}

/** Whether a session opens the API. */
const apiStatus = async (browser: ReturnType<typeof openCookieBrowser>) =>
  (await browser.open('/api/v1/sources')).status

/** An e-mail channel of these people. */
const address = async (destination: string, ...people: number[]) => {
  const [row] = await rows(
    `INSERT INTO notification_channel (channel_type, destination, modified_at) VALUES ('EMAIL', $1, now()) RETURNING id`,
    destination,
  )
  for (const person of people)
    await rows(
      `INSERT INTO notification_subscription (user_id, channel_id, channel_purpose, modified_at)
       VALUES ($1, $2, 'REPORT', now())`,
      person,
      row!['id'],
    )
  return Number(row!['id'])
}

const auditOf = (kind: string) =>
  rows('SELECT actor, subject, before, after FROM edge.audit WHERE kind = $1 ORDER BY audit_id', kind)

describe('a link', () => {
  test('changes nothing when it is opened, signs in once when its button is pressed, and leads to its page', async () => {
    const ann = await facts.addUser('Ann <b>')
    const link = await linkOf(ann, '--page', '/console/watchlist?days=30', '--by', 'Olga')
    const browser = openCookieBrowser(edge.url)
    for (let times = 0; times < 3; times++) {
      const page = await openCookieBrowser(edge.url).open(link)
      expect(page.status).toBe(200)
      expect(page.text).toContain('Ann &lt;b&gt;')
      expect(page.headers.getSetCookie()).toEqual([])
    }
    expect(await rows('SELECT FROM edge.session WHERE user_id = $1', ann)).toEqual([])
    const answer = await browser.open(link, { form: {} })
    expect([answer.status, answer.location]).toEqual([
      303,
      '/console/sign-in/done?to=%2Fconsole%2Fwatchlist%3Fdays%3D30',
    ])
    expect(answer.headers.getSetCookie()).toEqual([
      expect.stringMatching(
        /^__Host-parma-session=[\w-]{43}; Path=\/; Max-Age=2592000; Secure; HttpOnly; SameSite=Lax$/,
      ),
    ])
    expect((await browser.open(answer.location!)).location).toBe('/console/watchlist?days=30')
    expect(await apiStatus(browser)).toBe(200)
    // A second click on the button leads on as well.
    expect((await browser.open(link, { form: {} })).location).toBe('/console/watchlist?days=30')
    const other = await openCookieBrowser(edge.url).open(link, { form: {} })
    expect([other.status, other.text]).toEqual([410, expect.stringContaining('This link was used already')])
    expect(other.text).toContain('href="/console/sign-in?to=%2Fconsole%2Fwatchlist%3Fdays%3D30"')
    expect(await rows('SELECT FROM edge.session WHERE user_id = $1', ann)).toHaveLength(1)
    const asked = await auditOf('edge.sign_in.add')
    expect(asked.at(-1)).toMatchObject({ actor: 'cli:Olga', subject: `person:${ann}` })
    expect((await auditOf('edge.session.start')).at(-1)).toMatchObject({ actor: `person:${ann}` })
    expect((await auditOf('edge.sign_in.fail')).at(-1)).toMatchObject({ subject: `person:${ann}` })
  })

  test('is pressed twice at once: one session', async () => {
    const person = await facts.addUser('Twice')
    const link = await linkOf(person)
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => openCookieBrowser(edge.url).open(link, { form: {} })),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([303, 410, 410, 410, 410, 410])
  })

  test('that has expired, is not ours, or whose person is gone signs nobody in', async () => {
    const person = await facts.addUser('Late')
    const browser = openCookieBrowser(edge.url)
    const [late, gone, forged] = [await linkOf(person), await linkOf(person), new URL(await linkOf(person), edge.url)]
    await rows('UPDATE edge.sign_in SET expires_at = now() WHERE sign_in_id::text = $1', late.split(/[/?]/)[4])
    for (const form of [undefined, {}]) {
      const page = await browser.open(late, form && { form })
      expect([page.status, page.text]).toEqual([410, expect.stringContaining('This link has expired')])
    }
    forged.searchParams.set('signature', 'x'.repeat(43))
    for (const form of [undefined, {}]) {
      const page = await browser.open(forged.pathname + forged.search, form && { form })
      expect([page.status, page.text]).toEqual([403, expect.stringContaining('Invalid link')])
    }
    await rows('DELETE FROM "user" WHERE id = $1', person)
    expect((await browser.open(gone, { form: {} })).status).toBe(410)
    expect(browser.cookies.size).toBe(0)
  })

  test('is known by its signature only: an id alone opens nothing', async () => {
    const site = { PUBLIC_URL: edge.url, LINK_SECRET: 'x'.repeat(32) }
    const [row] = await rows(`SELECT sign_in_id::text AS id FROM edge.sign_in LIMIT 1`)
    const link = makeSignInLink(site, String(row!['id']))!
    expect((await openCookieBrowser(edge.url).open(link)).status).toBe(403)
  })
})

describe('a session', () => {
  test('is a new one at each sign-in, whatever the browser sent, and ends the one before', async () => {
    const victim = await facts.addUser('Victim')
    const chosen = 'x'.repeat(43)
    const browser = openCookieBrowser(edge.url)
    browser.cookies.set(cookie, chosen)
    await browser.open(await linkOf(victim), { form: {} })
    const first = browser.cookies.get(cookie)
    expect(first).not.toBe(chosen)
    await browser.open(await linkOf(victim), { form: {} })
    expect(browser.cookies.get(cookie)).not.toBe(first)
    for (const [token, status] of [
      [chosen, 401],
      [first, 401],
      [browser.cookies.get(cookie), 200],
    ] as const) {
      const other = openCookieBrowser(edge.url)
      other.cookies.set(cookie, token!)
      expect(await apiStatus(other)).toBe(status)
    }
    // The table alone opens nothing.
    const stored = JSON.stringify(await rows(`SELECT encode(hash, 'hex') AS hex, * FROM edge.session`))
    expect(stored).not.toContain(browser.cookies.get(cookie)!)
  })

  test('sees what parma-web shows its person, and nothing of operators', async () => {
    const [ann, ben] = [await facts.addUser('Ann'), await facts.addUser('Ben')]
    const [own, foreign] = [await edge.addCompany('own'), await edge.addCompany('foreign')]
    await facts.addBucket('mine', ann, [own])
    const theirs = await facts.addBucket('theirs', ben, [foreign])
    const browser = await signIn(ann)
    const { companies } = JSON.parse((await browser.open('/api/v1/companies')).text) as { companies: Row[] }
    expect(companies.map(({ name }) => name)).toEqual(['own'])
    expect((await browser.open(`/api/v1/companies/${foreign}`)).status).toBe(404)
    expect((await browser.open(`/api/v1/companies?bucket=${theirs}`)).status).toBe(404)
    const news = await facts.addNewsItem({ company: foreign, source: 1, measurement: 1, series: 1, title: 'secret' })
    const whys = [await browser.open(`/api/v1/news/${news}/why`), await browser.open(`/console/why/${news}`)]
    for (const { status, text } of whys) expect([status, text.includes('secret')]).toEqual([404, false])
    const source = await edge.addSource('secretive')
    await rows(
      `INSERT INTO scheduler.health (data_source_id, status, reason, since, known_since)
       VALUES ($1, 'DOWN', 'password of the module is wrong', now(), now())`,
      source,
    )
    const shown = await browser.open('/api/v1/sources')
    expect(shown.text).toContain('secretive')
    expect(shown.text).not.toContain('password')
    expect((await edge.call('/api/v1/sources', { token: await edge.apiKey('viewer') })).text).toContain('password')
    expect(shown.headers.get('vary')).toContain('cookie')
  })

  test('of a viewer starts no run; an administrator’s does, from our pages only', async () => {
    const [viewer, admin] = [await facts.addUser('Viewer'), await facts.addUser('Admin')]
    await rows(`UPDATE "user" SET role = 'ADMIN' WHERE id = $1`, admin)
    const source = await edge.addSource('to run')
    const run = async (person: number, headers: Record<string, string>) => {
      const browser = await signIn(person)
      const body = JSON.stringify({ data_source_id: source })
      const sent = [...browser.cookies].map((pair) => pair.join('=')).join('; ')
      return (await edge.call('/api/v1/runs', { body, headers: { cookie: sent, ...headers } })).status
    }
    expect(await run(viewer, { origin: edge.url })).toBe(403)
    expect(await run(admin, { origin: 'https://evil.example' })).toBe(403)
    expect(await run(admin, {})).toBe(403)
    expect(await run(admin, { origin: edge.url })).toBe(202)
  })

  test('ends with its person, after a week without a request, and after a month', async () => {
    const [gone, idle, old] = [await facts.addUser('Gone'), await facts.addUser('Idle'), await facts.addUser('Old')]
    const browsers = [await signIn(gone), await signIn(idle), await signIn(old)] as const
    for (const browser of browsers) expect(await apiStatus(browser)).toBe(200)
    await rows('DELETE FROM "user" WHERE id = $1', gone)
    await rows(`UPDATE edge.session SET last_seen_at = now() - interval '7 days' WHERE user_id = $1`, idle)
    await rows(`UPDATE edge.session SET expires_at = now() WHERE user_id = $1`, old)
    for (const browser of browsers) {
      expect(await apiStatus(browser)).toBe(401)
      expect((await browser.open('/console/sign-out-everywhere')).location).toBe('/console/sign-in')
    }
  })

  test('stays while it is used', async () => {
    const person = await facts.addUser('Busy')
    const browser = await signIn(person)
    await rows(`UPDATE edge.session SET last_seen_at = now() - interval '6 days' WHERE user_id = $1`, person)
    expect(await apiStatus(browser)).toBe(200)
    const [row] = await rows(
      `SELECT last_seen_at > now() - interval '1 minute' AS now FROM edge.session WHERE user_id = $1`,
      person,
    )
    expect(row).toEqual({ now: true })
  })

  test('is ended by signing out, in all tabs of the browser, and in no other', async () => {
    const person = await facts.addUser('Tabs')
    const [here, there] = [await signIn(person), await signIn(person)]
    const tab = openCookieBrowser(edge.url)
    for (const [name, value] of here.cookies) tab.cookies.set(name, value)
    const end = await here.follow('/console/sign-out', { form: {} })
    expect([end.path, end.text]).toEqual([
      '/console/sign-in?done=signed-out',
      expect.stringContaining('You have signed out.'),
    ])
    expect(here.cookies.has(cookie)).toBe(false)
    expect([await apiStatus(tab), await apiStatus(there)]).toEqual([401, 200])
    // The other tab does not know it yet.
    expect((await tab.open('/console/sign-out', { form: {} })).location).toBe('/console/sign-in?done=signed-out')
    expect((await auditOf('edge.session.end')).filter(({ actor }) => actor === `person:${person}`)).toHaveLength(1)
  })

  test('is ended everywhere, and the page says how many there are', async () => {
    const person = await facts.addUser('Everywhere')
    const browsers = [await signIn(person), await signIn(person), await signIn(person)]
    const unused = await linkOf(person)
    const other = await signIn(await facts.addUser('Other'))
    const page = await browsers[0]!.open('/console/sign-out-everywhere')
    expect(page.text).toContain('3 browsers')
    expect((await browsers[1]!.open('/console/sign-out-everywhere', { form: {} })).status).toBe(409)
    const [, form_token = ''] = /name="form_token" value="([^"]+)"/.exec(page.text) ?? []
    expect((await browsers[0]!.follow('/console/sign-out-everywhere', { form: { form_token } })).text).toContain(
      'You have signed out everywhere.',
    )
    expect(await Promise.all(browsers.map(apiStatus))).toEqual([401, 401, 401])
    expect((await openCookieBrowser(edge.url).open(unused)).status).toBe(410)
    expect(await apiStatus(other)).toBe(200)
    expect((await auditOf('edge.session.end_all')).at(-1)).toMatchObject({
      actor: `person:${person}`,
      before: { sessions: 3 },
    })
  })
})

describe('an API key', () => {
  const enter = async (header: string, to = '/console/watchlist') => {
    const browser = openCookieBrowser(edge.url)
    const answer = await browser.open('/console/sign-in/key', { form: { key: header.replace('Bearer ', ' '), to } })
    return { browser, answer }
  }

  test('signs in with its role, and ends its sessions when it is revoked or has expired', async () => {
    for (const [role, change] of [
      ['viewer', 'revoked_at = now()'],
      ['operator', 'expires_at = now()'],
    ] as const) {
      const header = await edge.apiKey(role)
      const { browser, answer } = await enter(header)
      expect(answer.location).toBe('/console/sign-in/done?to=%2Fconsole%2Fwatchlist')
      expect(await apiStatus(browser)).toBe(200)
      const [row] = await rows(`SELECT name FROM edge.api_key ORDER BY key_id DESC LIMIT 1`)
      expect((await auditOf('edge.session.start')).at(-1)).toMatchObject({
        actor: `key:${String(row!['name'])}`,
        after: { by: 'key' },
      })
      await rows(`UPDATE edge.api_key SET ${change} WHERE name = $1`, row!['name'])
      expect(await apiStatus(browser)).toBe(401)
    }
  })

  test.each(['', 'parma_x', `parma_${'x'.repeat(43)}`, 'Bearer x y z', 'x'.repeat(900)])(
    '%j signs nobody in',
    async (key) => {
      const { browser, answer } = await enter(key)
      expect([answer.status, answer.text]).toEqual([401, expect.stringContaining('This API key does not work.')])
      expect(answer.text).toContain('value="/console/watchlist"')
      expect(browser.cookies.size).toBe(0)
    },
  )
})

describe('an e-mail address', () => {
  const sent = async () => (await edge.records(topics.changes)).map(({ decoded }) => decoded)
  const askAt = async (email: string, to?: string) => {
    const browser = openCookieBrowser(mailing.url)
    const form = { email, ...(to !== undefined && { to }) }
    return { browser, answer: await browser.open('/console/sign-in', { form }) }
  }
  let mailing: TestEdge
  beforeAll(async () => {
    mailing = await edge.replica({ PUBLIC_URL: edge.url, RATE_LIMIT_SIGN_IN: '0', SIGN_IN_MAILS: '4' })
  })

  test('of one person is sent a link; the answer is the same as for any other, and no secret travels', async () => {
    const [ann, ben] = [await facts.addUser('Ann'), await facts.addUser('Ben')]
    const channel = await address('Ann@Müller.example', ann)
    await address('team@example.com', ann, ben)
    await address('Team@Example.com', ben)
    const answers = []
    for (const email of ['team@example.com', 'nobody@example.com', ' ann@xn--mller-kva.EXAMPLE '])
      answers.push(await askAt(email, '/console/watchlist'))
    const shapes = answers.map(({ answer: { status, location, text, headers } }) => {
      const cookies = headers.getSetCookie().map((one) => one.replace(/=[\w-]{43};/, '=…;'))
      return JSON.stringify([status, location, text, cookies, [...headers.keys()].sort()])
    })
    expect(new Set(shapes).size).toBe(1)
    expect(shapes[0]).toContain('/console/sign-in/sent?to=%2Fconsole%2Fwatchlist')
    const change = await waitFor('the change', async () => (await sent()).find(({ kind }) => kind.includes('sign_in')))
    const [row] = await rows('SELECT sign_in_id, user_id, path FROM edge.sign_in WHERE browser IS NOT NULL')
    expect(row).toMatchObject({ user_id: ann, path: '/console/watchlist' })
    expect(change).toMatchObject({ kind: 'notifier.sign_in.mail', actor: `person:${ann}` })
    expect(JSON.parse(change.payload)).toEqual({ person: ann, channel, sign_in: row!['sign_in_id'] })
    expect(await sent()).toHaveLength(1)
    const reasons = (await auditOf('edge.sign_in.fail')).slice(-2).map(({ after }) => (after as Row)['reason'])
    expect(reasons.sort()).toEqual(['nobody gets e-mails at the address', 'several people get e-mails at the address'])
    const site = { PUBLIC_URL: edge.url, LINK_SECRET: edge.env['LINK_SECRET'] }
    const link = makeSignInLink(site, String(row!['sign_in_id']))!.slice(edge.url.length)
    // Where the link was asked for, and elsewhere.
    const { browser } = answers[2]!
    expect((await browser.open(link)).text).not.toContain('in another browser')
    const elsewhere = openCookieBrowser(mailing.url)
    expect((await elsewhere.open(link)).text).toContain('in another browser')
    expect((await elsewhere.follow(link, { form: {} })).path).toBe('/console/watchlist')
  })

  test('is sent so many links in an hour, whichever browser asks, and the limit is the same for all', async () => {
    await address('often@example.com', await facts.addUser('Often'))
    for (const email of ['often@example.com', 'never@example.com']) {
      const statuses: number[] = []
      for (let count = 0; count < 6; count++) statuses.push((await askAt(email)).answer.status)
      expect([email, statuses]).toEqual([email, [303, 303, 303, 303, 429, 429]])
    }
  })

  test.each(['', 'no address', 'a@b@c', '@', `${'x'.repeat(260)}@example.com`])('%j is none', async (email) => {
    const { answer } = await askAt(email)
    expect([answer.status, answer.text]).toEqual([422, expect.stringContaining('This is no e-mail address.')])
  })

  test('is not told from an unknown one by the time of the answer', async () => {
    const timed = await edge.replica({ PUBLIC_URL: edge.url, RATE_LIMIT_SIGN_IN: '0', SIGN_IN_MAILS: '1000' })
    await address('known@example.com', await facts.addUser('Known'))
    const times: Record<string, number[]> = { 'known@example.com': [], 'strange@example.com': [] }
    const browser = openCookieBrowser(timed.url)
    for (let round = 0; round < 60; round++)
      for (const [email, list] of Object.entries(times)) {
        const begun = performance.now()
        await browser.open('/console/sign-in', { form: { email } })
        list.push(performance.now() - begun)
      }
    const [known = 0, strange = 0] = Object.values(times).map((list) => list.sort((a, b) => a - b)[30])
    // A lookup and a row take several times as long as the answer.
    expect(Math.abs(known - strange)).toBeLessThan(Math.max(known, strange) * 0.5)
  })
})

test('the mail arrives, opens in light and dark, and signs in once', async () => {
  const mailing = await edge.replica({ PUBLIC_URL: edge.url })
  await edge.start('notifier', { PUBLIC_URL: edge.url })
  const person = await facts.addUser('Mailed')
  const mailbox = `${unique('sign-in')}@example.com`
  await address(mailbox, person)
  const browser = openCookieBrowser(mailing.url)
  await browser.open('/console/sign-in', { form: { email: mailbox.toUpperCase(), to: '/console/me' } })
  const [mail] = await waitFor('the mail', async () => {
    const mails = await mailsTo(mailbox)
    return mails.length > 0 && mails
  })
  expect(mail!.subject).toBe('Sign in to parma-analytics')
  const [link = ''] = /http\S+\/console\/sign-in\/link\/\S+/.exec(mail!.text) ?? []
  expect(mail!.html).toContain(link.replaceAll('&', '&amp;'))
  expect(`${mail!.text}${mail!.html}${JSON.stringify(mail!.headers)}`).not.toMatch(/unsubscribe/i)
  // No secret stands in a table or has travelled.
  const signature = new URL(link).searchParams.get('signature')!
  const stored = await rows('SELECT n::text AS text FROM notifier.notification n')
  expect(JSON.stringify([stored, await edge.records(topics.changes)])).not.toContain(signature)
  const signedIn = await browser.follow(link.slice(edge.url.length), { form: {} })
  expect([signedIn.path, signedIn.status]).toEqual(['/console/me', 200])
  expect((await openCookieBrowser(edge.url).open(link.slice(edge.url.length), { form: {} })).status).toBe(410)
})

test('without links by e-mail the page offers the key only', async () => {
  const browser = openCookieBrowser((await edge.replica({ PUBLIC_URL: '' })).url)
  expect((await browser.open('/console/sign-in')).text).not.toContain('type="email"')
  expect((await browser.open('/console/sign-in', { form: { email: 'a@b.example' } })).status).toBe(404)
})

describe('from another site', () => {
  test.each([
    ['no origin', { origin: '', 'sec-fetch-site': '' }],
    ['a foreign origin', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
    ['a hidden origin', { origin: 'null', 'sec-fetch-site': 'cross-site' }],
    ['a subdomain', { origin: 'http://x.127.0.0.1', 'sec-fetch-site': 'same-site' }],
  ])('with %s nobody is signed in or out', async (_, headers) => {
    const person = await facts.addUser('Safe')
    const browser = await signIn(person)
    const link = await linkOf(person)
    const key = (await edge.apiKey('viewer')).replace('Bearer ', '')
    const sent = { form: { key, email: 'a@b.example' }, headers }
    const paths = [
      '/console/sign-out',
      '/console/sign-out-everywhere',
      '/console/sign-in',
      '/console/sign-in/key',
      link,
    ]
    for (const path of paths) expect([path, (await browser.open(path, sent)).status]).toEqual([path, 403])
    expect(await apiStatus(browser)).toBe(200)
    expect((await openCookieBrowser(edge.url).open(link)).status).toBe(200)
  })

  test.each(['https://evil.example', '//evil.example/console', '/console/..//evil.example', '/\\evil.example'])(
    'a way to %s is not taken',
    async (to) => {
      const browser = openCookieBrowser(edge.url)
      const query = new URLSearchParams({ to })
      expect((await browser.open(`/console/sign-in?${query}`)).text).not.toContain('evil.example')
      const key = (await edge.apiKey('viewer')).replace('Bearer ', '')
      expect((await browser.open('/console/sign-in/key', { form: { key, to } })).location).toBe('/console/sign-in/done')
      expect((await browser.open(`/console/sign-in/done?${query}`)).location).toBe('/console')
    },
  )
})

test('too many tries that fail are 429; a good link passes', async () => {
  const limited = await edge.replica({ RATE_LIMIT_SIGN_IN: '3' })
  const browser = openCookieBrowser(limited.url)
  const statuses: number[] = []
  for (let count = 0; count < 5; count++)
    statuses.push((await browser.open('/console/sign-in/key', { form: { key: 'parma_guess' } })).status)
  expect(statuses).toEqual([401, 401, 401, 429, 429])
  const link = await linkOf(await facts.addUser('Good'))
  expect((await browser.open(link, { form: {} })).status).toBe(303)
})

test('a browser that keeps no cookie is told so', async () => {
  const page = await openCookieBrowser(edge.url).open('/console/sign-in/done?to=%2Fconsole%2Fwatchlist')
  expect([page.status, page.text]).toEqual([400, expect.stringContaining('did not keep you signed in')])
})

test('Chromium keeps the cookie on this machine, by keyboard alone, on a phone and a screen, light and dark', async () => {
  const person = await facts.addUser('Keyboard')
  const { page, wrong } = await openWatchedPage(edge.url)
  for (const width of [390, 1280])
    for (const scheme of ['light', 'dark']) {
      await page.setViewport({ width, height: 800 })
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
      for (const path of ['/console/sign-in', '/console/sign-in/sent', await linkOf(person)]) {
        await page.goto(edge.url + path)
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
      }
    }
  await page.goto(edge.url + (await linkOf(person)))
  expect(wrong).toEqual([])
  await page.focus('form button')
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
  const kept = (await page.browserContext().cookies()).find(({ name }) => name === cookie)
  expect(kept).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Lax', path: '/' })
  expect(await page.evaluate('document.cookie')).not.toContain(cookie)
})
