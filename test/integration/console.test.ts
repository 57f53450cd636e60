import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pg from 'pg'
import type { Page } from 'puppeteer-core'
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { findViolations } from '../harness/edge/axe.ts'
import { startConsole, type TestConsole, useSession } from '../harness/edge/console.ts'
import { keyboard } from '../harness/edge/keyboard.ts'
import { storeFacts } from '../harness/edge/stored-facts.ts'
import { openWatchedPage, type WatchedPage } from '../harness/edge/watched-page.ts'
import { addPerson, groupOf, sendNews } from '../harness/notifier/setup.ts'
import { unique } from '../harness/mailbox.ts'
import { numbersIn, numbersOf } from '../harness/numbers.ts'
import { waitFor } from '../harness/wait-for.ts'

// A browser is slow to start on a busy machine.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

let site: TestConsole
let cookies: { ann: string; bob: string; carl: string; viewer: string }
let browser: WatchedPage
let page: Page

beforeAll(async () => {
  site = await startConsole()
  cookies = {
    ann: await site.signIn({ person: site.ann }),
    bob: await site.signIn({ person: site.bob }),
    carl: await site.signIn({ person: await storeFacts(site.edge).addUser('Carl') }),
    viewer: await site.signIn({ key: 'viewer' }),
  }
  browser = await openWatchedPage(site.edge.url)
  page = browser.page
})

const open = async (path: string) => (await page.goto(site.edge.url + path))?.status()
const get = (path: string, cookie: string) => fetch(site.edge.url + path, { headers: { cookie }, redirect: 'manual' })
/** The field of every form on the pages of whoever has this cookie. */
async function tokenOf(cookie: string): Promise<Record<string, string>> {
  const [, form_token] =
    /name="form_token" value="([^"]+)"/.exec(await (await get('/console/search', cookie)).text()) ?? []
  return form_token === undefined ? {} : { form_token }
}
const post = async (path: string, cookie: string, fields: Record<string, string>, origin = site.edge.url) =>
  fetch(site.edge.url + path, {
    ...{ method: 'POST', redirect: 'manual' as const },
    body: new URLSearchParams({ ...(await tokenOf(cookie)), ...fields }),
    headers: { cookie, origin, 'sec-fetch-site': origin === site.edge.url ? 'same-origin' : 'cross-site' },
  })
const textOf = (selector: string) =>
  page.evaluate(`document.querySelector(${JSON.stringify(selector)})?.textContent ?? null`) as Promise<string | null>
const focused = () => page.evaluate('document.activeElement.id') as Promise<string>

/** Presses a key that leads to another page. */
async function pressAndGo(key: 'Enter' | 'e' | 'm' | 's' | 'u' | 'x'): Promise<void> {
  await Promise.all([page.waitForNavigation(), page.keyboard.press(key)])
}

/** Companies are ranked once the analyzer has noted what more of each measurement means. */
const untilMeaning = () =>
  waitFor('the meaning', async () => (await site.edge.database.query('SELECT FROM analyzer.meaning_view')).length > 0)

const tabTo = (text: string | RegExp) => keyboard(page).tabTo(text)

describe('every number is a query’s, or one that the page offers to choose', () => {
  type Value = { number: number; observed_at: Date; document: string }
  type NewsRow = { title: string; observed_at: Date; trigger_factor: number }

  const readValues = (company: number) =>
    site.edge.database.query<Value>(
      `SELECT number, v.observed_at, document FROM normalizer.value v JOIN normalizer.processed_event USING (event_no)
       WHERE v.company_id = $1 ORDER BY v.observed_at`,
      [company],
    )
  /** The most important first. */
  const readNews = (company: number) =>
    site.edge.database.query<NewsRow>(
      'SELECT title, observed_at, trigger_factor FROM analyzer.news WHERE company_id = $1 ORDER BY importance DESC',
      [company],
    )
  const dayOf = (at: Date) => at.toLocaleDateString('en-GB', { dateStyle: 'long', timeZone: 'UTC' })
  const minuteOf = (at: Date) => `${dayOf(at)}, ${at.toISOString().slice(11, 16)}`
  const formatCount = (number: number) => number.toLocaleString('en-US')
  const percentOf = (before: number, now: number) => {
    const percent = Math.abs(now / before - 1) * 100
    return `${percent >= 10 ? Math.round(percent) : Number(percent.toPrecision(2))}%`
  }
  /** The last value that was there so many days before the newest one. */
  const valueBefore = (values: readonly Value[], days: number) =>
    values.findLast(
      ({ observed_at }) => observed_at.getTime() <= values.at(-1)!.observed_at.getTime() - days * 86_400_000,
    )

  function describe(values: readonly Value[], news: readonly NewsRow[]): string {
    const [first, last] = [values[0]!, values.at(-1)!]
    const byNumber = values.toSorted((a, b) => a.number - b.number)
    const [lowest, highest] = [byNumber[0]!, byNumber.at(-1)!]
    const latest = news.toSorted((a, b) => b.observed_at.getTime() - a.observed_at.getTime())[0]!
    return [
      ...[values.length, dayOf(first.observed_at), dayOf(last.observed_at), formatCount(last.number)],
      ...[percentOf(first.number, last.number), formatCount(first.number), formatCount(highest.number)],
      ...[dayOf(highest.observed_at), formatCount(lowest.number), dayOf(lowest.observed_at)],
      ...[news.length, dayOf(latest.observed_at), latest.title],
    ].join(' ')
  }
  const listNews = (news: readonly NewsRow[]) =>
    news.map((one) => `${one.title} ${dayOf(one.observed_at)} ${Math.round(one.trigger_factor)}%`).join(' ')

  const expectNumbers = async (path: string, expected: readonly (string | number)[], cookie = cookies.ann) =>
    expect(numbersIn(await (await get(path, cookie)).text()).sort()).toEqual(numbersOf(expected.join(' ')).sort())

  test('of the news', async () => {
    const { acme, beta } = site.companies
    const told = await site.edge.database.query<{ title: string; observed_at: Date; company_id: number }>(
      'SELECT title, observed_at, company_id FROM analyzer.news WHERE company_id = ANY($1) AND NOT silent',
      [[acme, beta]],
    )
    const [{ followed, visible, since } = { followed: 0, visible: 0, since: new Date() }] =
      await site.edge.database.query<{ followed: number; visible: number; since: Date }>(
        `SELECT (SELECT count(*)::int FROM company_subscription WHERE user_id = $1) AS followed, now() - interval '7 days' AS since,
           (SELECT count(*)::int FROM (SELECT company_id FROM company_subscription WHERE user_id = $1
              UNION SELECT company_id FROM company_bucket_membership JOIN bucket b ON b.id = bucket_id WHERE owner_id = $1) c) AS visible`,
        [site.ann],
      )
    const groups = [...Map.groupBy(told, ({ company_id }) => company_id).values()].map(({ length }) => length)
    await expectNumbers('/console?companies=all&show=all&since=week', [
      ...[told.length, dayOf(since), followed, visible, '30 days ago'],
      ...groups.filter((count) => count > 1),
      ...told.flatMap(({ title, observed_at }) => [title, minuteOf(observed_at)]),
    ])
  })

  test('of my page', async () => {
    const { acme, beta } = site.companies
    const channels = [{ type: 'EMAIL' as const, destination: 'nora@example.com' }]
    const nora = await addPerson(site.edge.database, { name: 'Nora', companies: [acme, beta], channels })
    await storeFacts(site.edge).addBucket('Own', nora, [acme, beta])
    const write = (text: string) => site.edge.database.query(text, [nora])
    await write(
      `INSERT INTO notifier.mute (user_id, company_id, until) VALUES ($1, ${acme}, now() + interval '9 days')`,
    )
    await write(`INSERT INTO notifier.quiet_hours (user_id, zone, begins, ends) VALUES ($1, 'UTC', '21:34', '06:17')`)
    await write(
      `INSERT INTO notifier.digest_policy (user_id, rhythm, hour, weekday, zone) VALUES ($1, 'daily', 5, 1, 'UTC')`,
    )
    await site.edge.database.query(
      `INSERT INTO notifier.destination (channel, address, parked_at, parked_reason) VALUES ('EMAIL', $1, now(), 'Full')`,
      [channels[0]!.destination],
    )
    const [set] = await site.edge.database.query<Record<'until' | 'parked' | 'next', Date> & Record<Times, string>>(
      `SELECT until, parked_at AS parked, begins::text, ends::text, hour::text,
         date_trunc('day', now(), 'UTC') + hour * interval '1 hour'
           + CASE WHEN extract(hour FROM now() AT TIME ZONE 'UTC') >= hour THEN interval '1 day' ELSE '0' END AS next
       FROM notifier.mute JOIN notifier.quiet_hours USING (user_id) JOIN notifier.digest_policy USING (user_id),
         notifier.destination WHERE user_id = $1 AND address = $2`,
      [nora, channels[0]!.destination],
    )
    const { until, parked, next, begins, ends, hour } = set!
    const hours = Array.from({ length: 24 }, (_, at) => `${String(at).padStart(2, '0')}:00`)
    await expectNumbers(
      '/console/me',
      [
        ...[dayOf(until), `${begins.slice(0, 5)} ${ends.slice(0, 5)}`, minuteOf(parked), ...hours],
        // A digest of all that she follows; a bucket of two companies, of which each has a feed, as the bucket has.
        ...[hours[Number(hour)]!, minuteOf(next), 2, 3],
      ],
      await site.signIn({ person: nora }),
    )
  })
  type Times = 'begins' | 'ends' | 'hour'

  test('of the watchlist', async () => {
    const { acme, beta } = site.companies
    const rows = await Promise.all(
      [acme, beta].map(async (company) => {
        const values = await readValues(company)
        const [now, before] = [values.at(-1)!.number, valueBefore(values, 30)!.number]
        return { now, before, growth: now / before }
      }),
    )
    const rankOf = ({ growth }: (typeof rows)[number]) => rows.filter((other) => other.growth > growth).length + 1
    // More of the one measurement is good, so the best has 100 and the last has 0.
    const momentumOf = (row: (typeof rows)[number]) => (100 * (rows.length - rankOf(row))) / (rows.length - 1)
    await untilMeaning()
    const choices = '7 30 90 180 365, the last 90 days, over 30 days, 30 days'
    await expectNumbers('/console/watchlist?of=all&sort=momentum', [
      ...[choices, `${rows.length} companies`],
      ...rows.map(
        (row) =>
          `${formatCount(row.now)} ${percentOf(row.before, row.now)} ${rankOf(row)} of ${rows.length} ${momentumOf(row)}`,
      ),
    ])
  })

  test('of a company', async () => {
    const { acme } = site.companies
    const [values, news] = [await readValues(acme), await readNews(acme)]
    const [{ sources, series } = { sources: 0, series: 0 }] = await site.edge.database.query<{
      sources: number
      series: number
    }>(
      'SELECT count(DISTINCT data_source_id)::int AS sources, count(*)::int AS series FROM analyzer.series_view WHERE company_id = $1',
      [acme],
    )
    expect(sources).toBe(1)
    await expectNumbers(`/console/companies/${acme}`, [
      ...[news[0]!.title, dayOf(news[0]!.observed_at), news[1]!.title, '90 days, 1 year, 3 years'],
      // The drawing for phones and that for screens.
      ...Array(2).fill(`1 year ${describe(values, news)}`),
      ...[series, listNews(news)],
    ])
  })

  test('of a series', async () => {
    const { acme } = site.companies
    const [values, news] = [await readValues(acme), await readNews(acme)]
    const last = values.at(-1)!
    const growth = [7, 30, 90, 180, 365].map((days) => {
      const before = valueBefore(values, days)
      return before
        ? `${days} ${percentOf(before.number, last.number)} ${formatCount(before.number)} ${dayOf(before.observed_at)}`
        : days
    })
    await expectNumbers(`/console/series/${site.series}`, [
      ...[formatCount(last.number), minuteOf(last.observed_at), '30 days, 90 days, 1 year, 3 years'],
      ...Array(2).fill(describe(values, news)),
      ...[...growth, listNews(news), '0.1% to 10%'],
      ...values.map((one) => `${minuteOf(one.observed_at)} ${formatCount(one.number)} ${one.document}`),
    ])
  })

  test('of why a news item came', async () => {
    type Told = { previous: string; current: string; event_no: string; observed_at: Date }
    type Origin = { number: number; observed_at: Date; received_at: Date; map_version: number; document: string }
    const { acme } = site.companies
    const [values, [news]] = [await readValues(acme), await readNews(acme)]
    const [told] = await site.edge.database.query<Told>(
      'SELECT previous, current, event_no, observed_at FROM analyzer.news WHERE news_id = $1',
      [site.news.acme],
    )
    const { previous, current, event_no, observed_at } = told!
    const readOrigin = (which: string, value: unknown) =>
      site.edge.database.query<Origin>(
        `SELECT number, v.observed_at, received_at, map_version, document
         FROM normalizer.value v JOIN normalizer.processed_event USING (event_no)
         WHERE v.company_id = $1 AND ${which} ORDER BY v.observed_at DESC LIMIT 1`,
        [acme, value],
      )
    const origins = [
      ...(await readOrigin('event_no = $2', event_no)),
      ...(await readOrigin('v.observed_at < $2', observed_at)),
    ]
    expect(origins).toHaveLength(2)
    await expectNumbers(`/console/why/${site.news.acme}`, [
      ...[news!.title, news!.title, previous, current, `${Math.round(news!.trigger_factor)}%`, site.news.acme],
      ...Array(2).fill(describe(values, [news!])),
      ...origins.map(
        (one) =>
          `${formatCount(one.number)} ${minuteOf(one.observed_at)} ${minuteOf(one.received_at)} ${one.map_version} ${one.document}`,
      ),
    ])
  })
})

test('a company with old values only has its pictures before anything is known of its feeds', async () => {
  const facts = storeFacts(site.edge)
  const delta = await site.edge.addCompany('Delta')
  const dora = await facts.addUser('Dora')
  await facts.addBucket('Old', dora, [delta])
  const [stars] = await site.edge.database.query<{ id: number }>('SELECT id FROM source_measurement LIMIT 1')
  await facts.addSeries(delta, stars!.id, { 1100: 7, 1093: 8, 1086: 9 })
  expect(await site.edge.database.query('SELECT FROM analyzer.feed WHERE company_id = $1', [delta])).toEqual([])
  const cookie = await site.signIn({ person: dora })
  expect(await (await get(`/console/companies/${delta}`, cookie)).text()).toContain('<svg')
})

describe('every page', () => {
  const pages: [name: string, path: () => string, who: 'ann' | 'bob' | 'carl' | 'viewer', status: number][] = [
    ['news', () => '/console?companies=all&show=all&severity=', 'ann', 200],
    ['news, all quiet', () => '/console?severity=critical&bucket=' + site.buckets.bob, 'bob', 200],
    ['news, no companies', () => '/console', 'carl', 200],
    ['news, for a key', () => '/console', 'viewer', 200],
    ['muting', () => `/console/news/${site.news.acme}/mute`, 'ann', 200],
    ['why', () => `/console/why/${site.news.acme}`, 'ann', 200],
    ['why, of what one may not see', () => `/console/why/${site.news.gamma}`, 'ann', 404],
    ['watchlist', () => '/console/watchlist?of=all&sort=momentum', 'ann', 200],
    ['watchlist, no follows', () => '/console/watchlist', 'carl', 200],
    ['company', () => `/console/companies/${site.companies.acme}?source=1`, 'ann', 200],
    ['company, of another', () => `/console/companies/${site.companies.gamma}`, 'ann', 404],
    ['series', () => `/console/series/${site.series}`, 'ann', 200],
    ['series, with a rule', () => `/console/series/${site.series}?rule=percent&threshold=1.1`, 'ann', 200],
    ['my page', () => '/console/me?q=a', 'ann', 200],
    ['my page, empty', () => '/console/me?q=nothing', 'carl', 200],
    ['my page, for a key', () => '/console/me', 'viewer', 403],
    ['ending feeds', () => '/console/feeds/revoke', 'ann', 200],
    ['ending feeds, for a key', () => '/console/feeds/revoke', 'viewer', 403],
    ['what one heard of', () => '/console/heard', 'ann', 200],
    ['what one heard of, nothing', () => '/console/heard?q=nothing', 'carl', 200],
    ['search', () => '/console/search?q=a', 'viewer', 200],
    ['search, nothing', () => '/console/search?q=%3Cb%3E', 'ann', 200],
    ['why, for an operator', () => `/console/why/${site.news.acme}?person=${site.ann}`, 'viewer', 200],
    ['series, of nobody', () => '/console/series/999999', 'ann', 404],
    ['watchlist, a wrong address', () => '/console/watchlist?cursor=x', 'ann', 400],
    ['muting, of what one may not see', () => `/console/news/${site.news.gamma}/mute`, 'ann', 404],
    ['muting, for a key', () => `/console/news/${site.news.acme}/mute`, 'viewer', 403],
    ['preview, not there yet', () => `/console/preview?change=${randomUUID()}`, 'ann', 200],
    ['preview, of nothing', () => '/console/preview', 'ann', 422],
    ['preview, for a key', () => `/console/preview?change=${randomUUID()}`, 'viewer', 403],
    ['why, a wrong address', () => '/console/why/x', 'ann', 422],
    ['signing in', () => '/console/sign-in', 'carl', 200],
    ['an unknown page', () => '/console/nothing', 'ann', 404],
    ['a wrong address', () => '/console?cursor=x', 'ann', 400],
  ]

  test.each(pages)('%s: has no violations, fits, and asks nobody else', async (_name, path, who, status) => {
    await useSession(page, site.edge.url, cookies[who])
    const found: unknown[] = []
    for (const width of [390, 1280])
      for (const scheme of ['light', 'dark']) {
        await page.setViewport({ width, height: 800 })
        await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
        expect(await open(path())).toBe(status)
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
        found.push(...(await findViolations(page)))
      }
    // An element that was left out of a picture of 320 pixels, as 200 % zoom shows it, would be lost.
    await page.setViewport({ width: 320, height: 600 })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(320)
    expect(found).toEqual([])
    // Chromium logs a page whose status is an error.
    expect(browser.wrong.splice(0).filter((line) => !/status of 4\d\d/.test(line))).toEqual([])
  })
})

describe('by keyboard', () => {
  test('news is read, judged, put off and muted without a mouse', async () => {
    await useSession(page, site.edge.url, cookies.ann)
    await page.setViewport({ width: 1280, height: 800 })
    await open('/console?companies=all')
    const listed = (await page.evaluate(
      `[...document.querySelectorAll('[data-news]')].map(({ id }) => id)`,
    )) as string[]
    expect(listed).toEqual([site.news.acme, site.news.acmeMinor, site.news.beta].map((id) => `n-${id}`))
    await page.keyboard.press('j')
    await page.keyboard.press('j')
    await page.keyboard.press('j')
    await page.keyboard.press('k')
    expect(await focused()).toBe(listed[1])
    await pressAndGo('x')
    expect(await focused()).toBe(listed[1])
    expect(await textOf(`#${listed[1]} [aria-pressed=true]`)).toBe('Not useful')
    await pressAndGo('e')
    expect(await textOf(`#${listed[1]}`)).toBeNull()
    expect(await focused()).toBe(listed[2])
    await pressAndGo('m')
    await tabTo('Mute')
    await pressAndGo('Enter')
    expect(await focused()).toBe(listed[2])
    expect(await textOf('[role=status]')).toMatch(/\w+/)
    await page.keyboard.press('k')
    await pressAndGo('Enter')
    expect(await textOf('h1')).toBe('Acme: stars rose by 6.1%, more than ever')
    await tabTo('My page')
    await pressAndGo('Enter')
    expect(await textOf('#mutes')).toContain('stars of Beta')
    await tabTo(/^End the mute \d+$/)
    await pressAndGo('Enter')
    expect(await textOf('#mutes')).toContain('Nothing is muted')
  })

  test('the first thing that Tab reaches skips to the content', async () => {
    await useSession(page, site.edge.url, cookies.ann)
    await open('/console')
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content')
    await page.keyboard.press('Enter')
    expect(await focused()).toBe('main')
  })

  test('single keys do nothing while somebody types, and can be switched off', async () => {
    await useSession(page, site.edge.url, cookies.ann)
    await open('/console/me')
    await page.focus('input[name=q]')
    await page.keyboard.type('jk?e')
    expect(await page.evaluate(`document.querySelector('input[name=q]').value`)).toBe('jk?e')
    expect(await textOf('dialog')).toBeNull()
    await open('/console?show=all')
    await page.keyboard.press('?')
    expect(await textOf('dialog')).toContain('next, previous news item')
    expect(await findViolations(page)).toEqual([])
    await page.keyboard.press('Escape')
    await page.click('#keys')
    await page.evaluate('document.activeElement.blur()')
    await page.keyboard.press('j')
    expect(await focused()).toBe('')
    await page.reload()
    expect(await page.evaluate(`document.querySelector('#keys').checked`)).toBe(false)
    await page.click('#keys')
  })
})

test('a printed page has its words and headings, and nothing to press', async () => {
  await useSession(page, site.edge.url, cookies.ann)
  await page.setViewport({ width: 1280, height: 800 })
  await open(`/console/companies/${site.companies.acme}?source=1`)
  await page.emulateMediaType('print')
  try {
    const seen = (selector: string) =>
      page.$$eval(selector, (found) => found.map((one) => (one as unknown as { innerText: string }).innerText.trim()))
    expect(await seen('thead th')).toEqual([
      ...['Source', 'Data', 'Newest', 'Comes', 'Failed runs in a row', 'Series'],
      ...['Series', 'Value', '30 days', 'Observed', 'Judged'],
    ])
    expect(
      await page.$$eval('nav, .banner, .actions', (found) => found.map((one) => one.checkVisibility())),
    ).not.toContain(true)
    expect(await page.$$eval('figure svg', (found) => found.filter((one) => one.checkVisibility()).length)).toBe(1)
  } finally {
    await page.emulateMediaType()
  }
})

test('everything but keys works without script', async () => {
  await page.setJavaScriptEnabled(false)
  try {
    await useSession(page, site.edge.url, cookies.bob)
    await open('/console')
    const item = `#n-${site.news.gamma}`
    await Promise.all([page.waitForNavigation(), page.click(`${item} button[value=snooze]`)])
    expect(await page.$(item)).toBeNull()
    await open('/console/me?q=gam')
    await Promise.all([page.waitForNavigation(), page.click('[aria-label="Follow Gamma"]')])
    expect(await page.$eval('[role=status]', (element) => element.textContent)).toContain('You follow it now.')
    expect(await page.$eval('#follow table', (element) => element.textContent)).toContain('Gamma')
    await Promise.all([page.waitForNavigation(), page.click('#quiet form.stack button')])
    expect(await page.$eval('#quiet', (element) => element.textContent)).toContain('20:00 to 08:00 UTC')
  } finally {
    await page.setJavaScriptEnabled(true)
  }
})

test('from a link in a mail to signing out by keyboard, with a look at the next digest', async () => {
  const { link } = JSON.parse(await site.edge.parma('people', 'link', String(site.ann), '--json')) as { link: string }
  await page.browserContext().deleteCookie(...(await page.browserContext().cookies()))
  const { pathname: path, search: signature } = new URL(link)
  await open(path + signature)
  await tabTo('Sign in')
  await pressAndGo('Enter')
  await waitFor('the news', async () => (await textOf('h1')) === 'News')
  await tabTo('Acme')
  await pressAndGo('Enter')
  expect(await textOf('h1')).toBe('Acme')
  await tabTo('stars')
  await pressAndGo('Enter')
  expect(new URL(page.url()).pathname).toBe(`/console/series/${site.series}`)
  await tabTo('Mute for a week')
  await pressAndGo('Enter')
  expect(await focused()).toBe('mute')
  expect(await textOf('[role=status]')).toContain('You get no messages about it until')
  await tabTo('My page')
  await pressAndGo('Enter')
  expect(await textOf('#mutes')).toContain('stars of Acme')
  await tabTo(/^End the mute \d+$/)
  await pressAndGo('Enter')
  expect(await textOf('#mutes')).toContain('Nothing is muted')
  await tabTo('Preview the next digest')
  await pressAndGo('Enter')
  expect(new URL(page.url()).pathname).toBe('/console/preview')
  expect(await textOf('main')).toMatch(/nothing would be sent|Acme/)
  expect(await findViolations(page)).toEqual([])
  const { pathname, search } = new URL(page.url())
  expect(await (await get(pathname + search, cookies.bob)).text()).not.toMatch(/Acme|would be sent/)
  await tabTo('Sign out')
  await pressAndGo('Enter')
  expect(await open('/console')).toBe(200)
  expect(await textOf('h1')).toBe('Sign in')
})

describe('two tabs', () => {
  const tab = async () => (await page.browserContext().newPage()) as Page

  test('a form that one person opened does not act for another who has signed in since', async () => {
    // Her page names the revision of her own settings.
    await site.edge.database.query(
      `INSERT INTO notifier.quiet_hours (user_id, zone, begins, ends) VALUES ($1, 'UTC', '20:15', '06:45')`,
      [site.ann],
    )
    const bobs = await site.signIn({ person: site.bob })
    await useSession(page, site.edge.url, cookies.ann)
    await open('/console/me')
    const other = await tab()
    await useSession(other, site.edge.url, bobs)
    expect((await other.goto(`${site.edge.url}/console`))?.status()).toBe(200)
    await page.bringToFront()
    const hours = () =>
      site.edge.database.query('SELECT user_id FROM notifier.quiet_hours WHERE begins = $1', ['01:23'])
    await page.$eval('#quiet input[name=from]', (input) => ((input as unknown as { value: string }).value = '01:23'))
    await Promise.all([page.waitForNavigation(), page.click('#quiet form.stack button')])
    expect(await textOf('[role=alert]')).toContain('Nothing was changed.')
    // Chromium logs a page whose status is an error.
    expect(browser.wrong.splice(0)).toEqual([expect.stringContaining('status of 409')])
    expect(await textOf('main')).toContain('You are signed in as Bob.')
    expect(await findViolations(page)).toEqual([])
    expect(await hours()).toEqual([])
    // What was typed is still there, and takes effect for whoever says so.
    await Promise.all([page.waitForNavigation(), page.click('form.stack button')])
    expect(await textOf('#quiet')).toContain('01:23 to')
    expect(await hours()).toEqual([{ user_id: site.bob }])
    await other.close()
  })

  test('the form of whoever has signed in again is sent', async () => {
    const again = await site.signIn({ person: site.ann })
    const form = await tokenOf(cookies.ann)
    const send = (cookie: string, fields: Record<string, string>) => post('/console/seen', cookie, fields)
    const until = '2026-01-01T00:00:00Z'
    expect((await send(again, { ...form, until })).status).toBe(303)
    for (const [cookie, token] of [
      [again, (await tokenOf(cookies.bob))['form_token']],
      [again, ''],
      [again, form['form_token']!.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))],
      [cookies.viewer, form['form_token']],
    ] as const) {
      const refused = await send(cookie, { form_token: token!, until })
      expect(refused.status).toBe(409)
      expect(await refused.text()).not.toContain(`value="${token || 'nothing'}"`)
    }
  })

  test('a form whose session has ended is kept, and sent after signing in again', async () => {
    const person = await storeFacts(site.edge).addUser('Late')
    await useSession(page, site.edge.url, await site.signIn({ person }))
    await open('/console/me')
    await page.$eval('#quiet input[name=from]', (input) => ((input as unknown as { value: string }).value = '02:34'))
    await site.edge.database.query('UPDATE edge.session SET ended_at = now() WHERE user_id = $1', [person])
    await Promise.all([page.waitForNavigation(), page.click('#quiet form.stack button')])
    expect(await textOf('[role=alert]')).toContain('Your session has ended. Nothing was changed.')
    expect(browser.wrong.splice(0)).toEqual([expect.stringContaining('status of 401')])
    expect(await findViolations(page)).toEqual([])
    await useSession(page, site.edge.url, await site.signIn({ person }))
    await Promise.all([page.waitForNavigation(), page.click('form.stack button')])
    expect(await textOf('#quiet')).toContain('02:34 to')
  })

  test('what another tab has set is not overwritten by a page of before', async () => {
    const person = await storeFacts(site.edge).addUser('Two tabs')
    await storeFacts(site.edge).addBucket('Tabs', person, [site.companies.acme])
    const cookie = await site.signIn({ person })
    const read = async () => (await get('/console/me', cookie)).text()
    /** Sends the form of a page, with these choices. */
    async function sendOf(page: string, what: string, fields: Record<string, string>) {
      const [, revision] =
        new RegExp(`action="/console/me/${what}">[^]*?name="revision" value="([^"]*)"`).exec(page) ?? []
      const { headers } = await post(`/console/me/${what}`, cookie, { revision: revision!, ...fields })
      return (await get(headers.get('location') ?? '', cookie)).text()
    }
    const first = await read()
    const hours = { from: '21:00', to: '06:00', zone: 'UTC' }
    const digest = { rhythm: 'weekly', hour: '9', weekday: '2', zone: 'UTC' }
    expect(await sendOf(first, 'quiet', hours)).toContain('21:00 to 06:00 UTC')
    expect(await sendOf(first, 'digest', digest)).toContain('Tuesdays at 09:00 UTC')
    const second = await read()
    const changed = /<h2>(\w+)[^<]*<\/h2>\s*<div id="said"[^]*?Somebody has changed them since you looked/
    for (const [what, fields, part] of [
      ['quiet', { ...hours, from: '20:00' }, 'Quiet'],
      ['quiet-none', { zone: 'UTC' }, 'Quiet'],
      ['digest', { ...digest, hour: '10' }, 'Digests'],
    ] as const)
      expect([what, changed.exec(await sendOf(first, what, fields))?.[1]]).toEqual([what, part])
    expect(await sendOf(second, 'digest', { ...digest, hour: '11' })).toContain('Tuesdays at 11:00 UTC')
    expect(changed.exec(await sendOf(second, 'digest-remove', {}))?.[1]).toBe('Digests')
    expect(await sendOf(second, 'quiet-clear', {})).toContain('You have set none')
  })

  test('a page of before an update, without the field, is refused in the same way', async () => {
    const body = new URLSearchParams({ until: '2026-01-01T00:00:00Z' })
    const headers = { cookie: cookies.ann, origin: site.edge.url }
    const { status } = await fetch(`${site.edge.url}/console/seen`, {
      method: 'POST',
      redirect: 'manual',
      body,
      headers,
    })
    expect(status).toBe(409)
  })
})

describe('who may see and do what', () => {
  test('one person never sees what another’s bucket holds', async () => {
    for (const path of ['/console?companies=all&show=all&since=year', '/console/me', '/console/me?q=gamma'])
      expect(await (await get(path, cookies.ann)).text()).not.toMatch(/Gamma|Secret/)
    const hidden = [
      `/console?bucket=${site.buckets.bob}`,
      `/console/why/${site.news.gamma}`,
      `/console/news/${site.news.gamma}/mute`,
    ]
    for (const path of hidden) expect((await get(path, cookies.ann)).status).toBe(404)
    const marked = await post(`/console/news/${site.news.gamma}`, cookies.ann, { answer: 'done' })
    const muted = await post(`/console/news/${site.news.gamma}/mute`, cookies.ann, { scope: 'company', time: 'good' })
    expect([marked.status, muted.status]).toEqual([404, 404])
    const followed = await post('/console/me/follow', cookies.ann, { bucket: String(site.buckets.bob) })
    const page = await (await get(followed.headers.get('location') ?? '', cookies.ann)).text()
    expect(page).toContain('role="alert"')
    expect(page).not.toContain('Secret')
  })

  test.each([
    ['/console/seen', { until: '2026-01-01T00:00:00Z' }],
    ['/console/me/quiet', { from: '20:00', to: '08:00', zone: 'UTC' }],
  ])('%s: a key’s and another site’s POST change nothing', async (path, fields) => {
    expect((await post(path, cookies.viewer, fields)).status).toBe(403)
    expect((await post(path, cookies.ann, fields, 'https://evil.example')).status).toBe(403)
    expect((await post(path, '', fields)).status).toBe(401)
  })

  test('what one may not see of the news is not led to by a link back', async () => {
    const marked = await post(`/console/news/${site.news.acme}`, cookies.ann, {
      answer: 'useful',
      back: '//evil.example/x',
    })
    expect(marked.headers.get('location')).toMatch(/^\/console\?change=/)
  })
})

test('news that comes while a page is open is not lost, in whichever tab', async () => {
  const dan = await storeFacts(site.edge).addUser('Dan')
  const cookie = await site.signIn({ person: dan })
  await site.edge.database.query(
    'INSERT INTO company_subscription (user_id, company_id, modified_at) VALUES ($1, $2, now())',
    [...[dan, site.companies.acme]],
  )
  const countOf = async () => ((await (await get('/console', cookie)).text()).match(/data-news/g) ?? []).length
  const first = await (await get('/console', cookie)).text()
  const until = /name="until" value="([^"]+)"/.exec(first)?.[1] ?? ''
  const expected = await site.edge.database.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM analyzer.news_view WHERE company_id = $1 AND created_at > now() - interval '7 days'`,
    [site.companies.acme],
  )
  expect((first.match(/data-news/g) ?? []).length).toBe(expected[0]?.count)
  const late = await storeFacts(site.edge).addNewsItem({
    ...{ company: site.companies.acme, source: 1, measurement: 1, series: site.series, title: 'Acme: late news' },
  })
  await post('/console/seen', cookie, { until })
  await waitFor('the late news alone', async () => (await countOf()) === 1)
  // Half an hour later it is another visit, and what the last one showed is seen.
  expect(await (await get('/console', cookie)).text()).toContain(late)
  await site.edge.database.query(`UPDATE edge.visit SET last_at = last_at - interval '1 hour' WHERE user_id = $1`, [
    dan,
  ])
  expect(await countOf()).toBe(1)
  await site.edge.database.query(`UPDATE edge.visit SET last_at = now() - interval '31 minutes' WHERE user_id = $1`, [
    dan,
  ])
  await site.edge.database.query(`UPDATE analyzer.news SET created_at = now() - interval '1 hour' WHERE news_id = $1`, [
    late,
  ])
  expect(await (await get('/console', cookie)).text()).toContain('All quiet since')
})

describe('why one hears of a news item, or not', () => {
  const query = (text: string, values: unknown[]) => site.edge.database.query(text, values)
  let company: number
  let people: Record<'told' | 'muted' | 'silent' | 'stranger' | 'quiet' | 'parked', number>

  /** A news item of the company, at the analyzer and at the notifier. */
  async function tell(changes: Parameters<typeof groupOf>[3] = {}): Promise<string> {
    const of = { company, source: 1, measurement: 1, series: site.series, title: 'Told: stars rose' }
    const news_id = await storeFacts(site.edge).addNewsItem(of)
    await sendNews(site.edge, groupOf(company, 1, 1, { news_id, ...changes }))
    await waitFor('the plan', async () => {
      const [row] = await site.edge.database.query<{ done: boolean }>(
        'SELECT assigned_at IS NOT NULL AS done FROM notifier.news_item WHERE news_id = $1',
        [news_id],
      )
      return row?.done
    })
    return news_id
  }

  const say = async (news: string, person: number) => {
    const cookie = await site.signIn({ person })
    const text = await (await get(`/console/why/${news}`, cookie)).text()
    return text.slice(text.indexOf('id="heard"')).replaceAll(/<[^>]*>/g, '')
  }

  beforeAll(async () => {
    company = await site.edge.addCompany('Told')
    const add = (companies: number[], hasChannel = true) => {
      const channels = hasChannel ? [{ type: 'EMAIL' as const, destination: `${unique('reader')}@example.com` }] : []
      return addPerson(site.edge.database, { name: unique('Reader'), companies, channels })
    }
    const here = [company]
    people = {
      ...{ told: await add(here), muted: await add(here), silent: await add(here, false), stranger: await add([]) },
      ...{ quiet: await add(here), parked: await add(here) },
    }
    await query(`INSERT INTO notifier.quiet_hours (user_id, zone, begins, ends) VALUES ($1, 'UTC', '00:00', '00:00')`, [
      people.quiet,
    ])
    await query(
      `INSERT INTO notifier.digest_policy (user_id, rhythm, hour, weekday, zone) VALUES ($1, 'weekly', 8, 1, 'UTC')`,
      [people.muted],
    )
    await storeFacts(site.edge).addBucket('Told', people.stranger, here)
    const { headers } = await post(
      `/console/companies/${company}/mute`,
      await site.signIn({ person: people.muted }),
      {},
    )
    expect(headers.get('location')).toContain('change=')
    await waitFor('the mute', async () => {
      const mutes = await site.edge.database.query('SELECT FROM notifier.mute WHERE user_id = $1', [people.muted])
      return mutes.length === 1
    })
  })

  test('each reads what was recorded of them, and not of others', async () => {
    const cookie = await site.signIn({ person: people.muted })
    const first = await tell()
    expect(await say(first, people.quiet)).toMatch(/You have not been told yet.*quiet hours hold it until/s)
    const parked = `UPDATE notifier.destination SET parked_at = now(), parked_reason = 'no such mailbox'
      WHERE destination_id = (SELECT destination_id FROM notifier.item_delivery WHERE item_id = $1
        AND people @> jsonb_build_array(jsonb_build_object('id', $2::int)))`
    await waitFor('the first', async () => (await say(first, people.parked)).includes('sent on'))
    await query(parked, [first, people.parked])
    const news = await tell({ severity: 'critical' })
    await waitFor('the alert', async () => (await say(news, people.told)).includes('You were told.'))
    expect(await say(news, people.told)).toMatch(/Alert by e-mail to reader\S+: sent on .* followed through Told/s)
    expect(await say(news, people.muted)).toMatch(/You were not told\..*muted by mute \d+, set on .* \(by you\)/s)
    expect(await say(news, people.muted)).toMatch(
      /Digest: in none yet\. The next one is due on \d+ \w+ \d{4}, \d\d:00 \(Mondays at 08:00/,
    )
    expect(await say(news, people.silent)).toContain('there was no channel for alerts')
    expect(await say(news, people.stranger)).toContain('was not followed when the news item came')
    expect(await say(news, people.parked)).toMatch(/parked since .*no such mailbox/s)
    // Whoever asks about somebody else is told of themselves.
    const page = await (await get(`/console/why/${news}?person=${people.told}`, cookie)).text()
    expect(page).not.toContain('You were told.')
    expect(page).not.toContain('name="person"')
    expect((await get(`/console/why/${news}`, cookies.bob)).status).toBe(404)
  })

  test('an operator reads it of everybody, as a page and as a command', async () => {
    const news = await tell({ severity: 'critical' })
    await waitFor('the alert', async () => (await say(news, people.told)).includes('You were told.'))
    const page = await (await get(`/console/why/${news}?person=${people.silent}`, cookies.viewer)).text()
    expect(page).toContain('there was no channel for alerts')
    expect(page).toContain(`<option value="${people.silent}" selected>`)
    const printed = await site.edge.parma('audience', 'why', news)
    expect(printed).toMatch(/\(\d+\): told\n {2}Alert by e-mail/)
    expect(printed).toMatch(/not told\n {2}No alert: it was muted/)
    const json: unknown = JSON.parse(
      await site.edge.parma('audience', 'why', news, '--person', String(people.stranger), '--json'),
    )
    expect(json).toMatchObject([{ told: 'no', person: { person_id: people.stranger, follows: false } }])
    const ask = (query: string, authorization: string) =>
      fetch(`${site.edge.url}/api/v1/news/${news}/audience${query}`, { headers: { authorization } })
    const operator = await site.edge.apiKey('operator')
    expect(await (await ask(`?person=${people.stranger}`, operator)).json()).toEqual({ people: json })
    const all = JSON.parse(await site.edge.parma('audience', 'why', news, '--json')) as object[]
    expect(await (await ask('', operator)).json()).toEqual({ people: all })
    expect((await ask('?person=999999', operator)).status).toBe(404)
    expect((await ask('', await site.edge.apiKey('viewer'))).status).toBe(403)
  })

  test('what was not recorded is not claimed', async () => {
    const news = await tell()
    await query('UPDATE notifier.news_item SET left_out = NULL WHERE news_id = $1', [news])
    expect(await say(news, people.silent)).toMatch(/It is not known whether you were told\..*before it was recorded/s)
    const silent = await storeFacts(site.edge).addNewsItem({
      ...{ company, source: 1, measurement: 1, series: site.series, silent: true },
    })
    expect(await say(silent, people.told)).toContain('No alert for anybody: it is silent.')
  })
})

describe('my page', () => {
  const change = async (what: string, fields: Record<string, string>, cookie: string) => {
    const { headers } = await post(`/console/me/${what}`, cookie, fields)
    return (await get(headers.get('location') ?? '', cookie)).text()
  }

  test('quiet hours: own ones, none at all, the usual ones', async () => {
    const person = await storeFacts(site.edge).addUser('Quiet')
    const cookie = await site.signIn({ person })
    const none = await change('quiet-none', { zone: 'Asia/Tokyo' }, cookie)
    expect(none).toContain('You want none: messages come at any time.')
    expect(none).toContain('Times are those of <b>Asia/Tokyo</b>')
    const rows = () => site.edge.database.query('SELECT * FROM notifier.quiet_hours WHERE user_id = $1', [person])
    // A notifier of before takes it for hours of the person's own that never begin.
    expect(await rows()).toMatchObject([{ days: [], zone: 'Asia/Tokyo' }])
    const own = await change('quiet', { from: '21:00', to: '06:30', zone: 'UTC' }, cookie)
    expect(own).toContain('21:00 to 06:30 UTC')
    expect(await change('quiet-clear', {}, cookie)).toContain('You have set none')
    expect(await rows()).toEqual([])
  })

  test('digests also when all is quiet', async () => {
    const person = await storeFacts(site.edge).addUser('All quiet')
    const cookie = await site.signIn({ person })
    const fields = { rhythm: 'weekly', hour: '9', weekday: '2', zone: 'UTC' }
    const set = await change('digest', { ...fields, all_quiet: 'on' }, cookie)
    expect(set).toContain('Tuesdays at 09:00 UTC; also when all is quiet')
    expect(await change('digest', fields, cookie)).not.toContain('also when all is quiet')
  })

  test('channels say how they are, and feeds end for good', async () => {
    const facts = storeFacts(site.edge)
    const mail = `${unique('Reader')}@example.com`
    const person = await addPerson(site.edge.database, {
      ...{ name: 'Fed', companies: [site.companies.acme], channels: [{ type: 'EMAIL', destination: ` ${mail}` }] },
    })
    await facts.addBucket('Feeds', person, [site.companies.beta])
    const cookie = await site.signIn({ person })
    const before = await (await get('/console/me', cookie)).text()
    expect(before).toContain('No message yet, as far as is known')
    await site.edge.database.query(
      `INSERT INTO notifier.destination (channel, address, parked_at, parked_reason) VALUES ('EMAIL', $1, now(), 'no <box>')`,
      [mail.toLowerCase()],
    )
    const addresses = (text: string) =>
      [...text.matchAll(/value="([^"]+\/feeds\/[^"]+)" readonly/g)].map(([, url]) => url!.replaceAll('&amp;', '&'))
    expect(addresses(before).map((url) => new URL(url).pathname.split('/').at(-1))).toEqual([
      ...['all', expect.stringMatching(/^bucket-/), `company-${site.companies.acme}`],
    ])
    const read = async (url: string) => {
      const { pathname, search } = new URL(url)
      return (await get(pathname + search, '')).status
    }
    expect(await read(addresses(before)[0]!)).toBe(200)
    expect((await post('/console/feeds/revoke', cookies.viewer, {})).status).toBe(403)
    const { headers } = await post('/console/feeds/revoke', cookie, {})
    const after = await (await get(headers.get('location') ?? '', cookie)).text()
    expect(after).toContain('Your feed addresses have ended.')
    expect(after).toContain('Parked: nothing is sent')
    expect(after).toContain('no &lt;box&gt;')
    expect(await read(addresses(before)[0]!)).toBe(410)
    expect(await read(addresses(after)[0]!)).toBe(200)
    expect(
      await site.edge.database.query(
        `SELECT actor, before, after FROM edge.audit WHERE kind = 'edge.feeds.revoke' AND subject = $1`,
        [`person:${person}`],
      ),
    ).toEqual([{ actor: `person:${person}`, before: { version: 1 }, after: { version: 2 } }])
  })

  test('a news item is found by its words, and by a link that is pasted', async () => {
    const found = await (await get('/console/heard?q=forks', cookies.ann)).text()
    expect(found).toContain(`/console/why/${site.news.acmeMinor}#heard`)
    expect(await (await get('/console/heard?q=secret', cookies.ann)).text()).toContain('No such news item')
    const link = encodeURIComponent(`https://parma.example/why/${site.news.acme}?until=1&signature=x`)
    const { headers } = await get(`/console/heard?q=${link}`, cookies.ann)
    expect(headers.get('location')).toBe(`/console/why/${site.news.acme}#heard`)
  })
})

test('a company is found from every page, by whoever may see it', async () => {
  const find = async (q: string, cookie: string) => get(`/console/search?q=${encodeURIComponent(q)}`, cookie)
  expect((await find('acm', cookies.ann)).headers.get('location')).toBe(`/console/companies/${site.companies.acme}`)
  expect(await (await find('gamma', cookies.ann)).text()).toContain('Nothing found')
  await useSession(page, site.edge.url, cookies.ann)
  await open('/console/me')
  await page.focus('#search-company')
  await page.keyboard.type('beta')
  await pressAndGo('Enter')
  expect(await textOf('h1')).toBe('Beta')
})

test('above the limit of large reads a page says to try again', async () => {
  const busy = await site.edge.replica({
    MAX_LARGE_READS: '1',
    LOOKUP_TIMEOUT_MS: '1500',
    DATABASE_TIMEOUT_MS: '30000',
  })
  const open = (path: string) => busy.call(path, { headers: { cookie: cookies.viewer } })
  const paths = ['/console', '/console/watchlist', `/console/companies/${site.companies.acme}`, '/console/search?q=a']
  const client = new pg.Client({ connectionString: site.edge.database.url })
  await client.connect()
  await client.query('BEGIN')
  await client.query('LOCK TABLE public.bucket')
  const first = open('/console/search?q=acme')
  try {
    await waitFor('the first to wait', async () => {
      // Not by the client, to which a transaction shows what it was at its first look.
      const found = await site.edge.database.query(
        `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%bucket%'`,
      )
      return found.length > 0
    })
    for (const { status, headers, text } of await Promise.all([...paths, `/console/series/${site.series}`].map(open))) {
      expect([status, Number(headers.get('retry-after')) > 0]).toEqual([503, true])
      expect(text).toContain('<a class="button" href="">Try again</a>')
    }
  } finally {
    await client.query('ROLLBACK')
    await client.end()
  }
  expect((await first).status).toBe(200)
  expect((await open('/console')).status).toBe(200)
})

test('a company that was deleted while its page was open is gone, and nothing else is', async () => {
  const company = await site.edge.addCompany('Gone')
  const person = await addPerson(site.edge.database, { name: 'Gone', companies: [company], channels: [] })
  const cookie = await site.signIn({ person })
  expect((await get(`/console/companies/${company}`, cookie)).status).toBe(200)
  await site.edge.database.query('DELETE FROM company WHERE id = $1', [company])
  for (const answer of [
    await get(`/console/companies/${company}`, cookie),
    await post(`/console/companies/${company}/unfollow`, cookie, {}),
    await post(`/console/companies/${company}/mute`, cookie, { days: '7' }),
  ]) {
    expect(answer.status).toBe(404)
    expect(await answer.text()).toMatch(/<nav aria-label="Main">[^]*<a class="button" href=/)
  }
  expect(await (await get('/console/me', cookie)).text()).toContain('You follow nothing yet')
  expect(await (await get('/console', cookie)).text()).toContain('No companies yet')
})

test('a company is followed, muted, and let go of on its page', async () => {
  const path = `/console/companies/${site.companies.beta}`
  const act = async (name: string, fields: Record<string, string> = {}) => {
    const { status, headers } = await post(`${path}/${name}`, cookies.ann, fields)
    expect([name, status]).toEqual([name, 303])
    const answer = await get(headers.get('location') ?? '', cookies.ann)
    return { location: headers.get('location'), text: await answer.text() }
  }
  const followed = await act('follow')
  expect(followed.location).toMatch(/^\/console\/companies\/\d+\?change=[\da-f-]+#follow$/)
  expect(followed.text).toContain('Unfollow')
  expect(followed.text).toContain('role="status"')
  const muted = await act('mute', { days: '7' })
  const [, mute] = /name="mute" value="(\d+)"/.exec(muted.text) ?? []
  expect(muted.text).toContain('Muted until')
  expect((await act('unmute', { mute: mute ?? '' })).text).toContain('Mute for a week')
  expect((await act('unfollow')).text).toContain('>Follow<')
  const gamma = `/console/companies/${site.companies.gamma}/follow`
  expect((await post(gamma, cookies.ann, {})).status).toBe(404)
  expect((await post(gamma, cookies.viewer, {})).status).toBe(403)
  expect((await post(`${path}/follow`, cookies.ann, {}, 'https://evil.example')).status).toBe(403)
  const polarity = `/console/series/${site.series}/polarity`
  expect((await post(polarity, cookies.ann, { polarity: 'bad' })).status).toBe(403)
  expect((await post(polarity, cookies.viewer, { polarity: 'bad' })).status).toBe(403)
})

test('a series is muted on its page, that one alone, by whoever may see it', async () => {
  const path = `/console/series/${site.series}`
  const act = async (name: string, fields: Record<string, string> = {}) => {
    const { status, headers } = await post(`${path}/${name}`, cookies.ann, fields)
    expect([name, status]).toEqual([name, 303])
    return (await get(headers.get('location') ?? '', cookies.ann)).text()
  }
  const muted = await act('mute')
  expect(muted).toContain('Muted permanently.')
  const [, mute = ''] = /name="mute" value="(\d+)"/.exec(muted) ?? []
  expect(
    await site.edge.database.query(
      `SELECT user_id, company_id, source_measurement_id, subject_key, item_key, until FROM notifier.mute WHERE mute_id = $1`,
      [mute],
    ),
  ).toEqual([
    {
      ...{ user_id: site.ann, company_id: site.companies.acme, source_measurement_id: 1 },
      ...{ subject_key: '', item_key: '', until: null },
    },
  ])
  expect(await act('unmute', { mute })).toContain('Mute for a week')
  const [gamma] = await site.edge.database.query<{ id: number }>(
    'SELECT company_measurement_id AS id FROM company_source_measurement WHERE company_id = $1',
    [site.companies.gamma],
  )
  for (const name of ['mute', 'unmute']) {
    expect((await post(`/console/series/${gamma!.id}/${name}`, cookies.ann, { mute: '1' })).status).toBe(404)
    expect((await post(`${path}/${name}`, cookies.viewer, { mute: '1' })).status).toBe(403)
    expect((await post(`${path}/${name}`, cookies.ann, { mute: '1' }, 'https://evil.example')).status).toBe(403)
  }
  expect((await post(`${path}/mute`, cookies.ann, { days: '9' })).status).toBe(422)
})

describe('a rule is tried on a series', () => {
  const path = () => `/console/series/${site.series}`
  const tries = async () =>
    (await site.edge.database.query(`SELECT FROM analyzer.change WHERE kind = 'analyzer.rule.try'`)).length

  test('by keys, which leave the focus on the slider, and tells what a backtest tells', async () => {
    await useSession(page, site.edge.url, cookies.ann)
    await page.setViewport({ width: 1280, height: 800 })
    await open(path())
    await page.focus('#threshold')
    await Promise.all([page.waitForNavigation(), page.keyboard.press('ArrowRight')])
    expect(await focused()).toBe('threshold')
    const address = new URL(page.url())
    expect(address.searchParams.get('rule')).toBe('percent')
    const threshold = Number(address.searchParams.get('threshold'))
    expect(await textOf('output')).toBe(`${threshold}%`)
    const told = Number(/would have told (\d+) news item/.exec((await textOf('main')) ?? '')?.[1])
    const definition = { name: 'x', when: { kind: 'percent', by: threshold }, scope: { measurement: 'stars' } }
    const file = join(mkdtempSync(join(tmpdir(), 'console-')), 'rule.json')
    onTestFinished(() => rmSync(dirname(file), { recursive: true }))
    writeFileSync(file, JSON.stringify(definition))
    const lines = await site.edge.parma('backtest', '--rule', file, '--company', String(site.companies.acme))
    const titles = lines.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as News] : []))
    expect(told).toBe(titles.length)
    const listed = (await page.$$eval('#rule ~ .scroll tbody bdi', (cells) =>
      cells.map((cell) => cell.textContent),
    )) as string[]
    expect(listed.slice(0, told)).toEqual(titles.map(({ title }) => title).reverse())
    expect(browser.wrong.splice(0)).toEqual([])
  })

  type News = { title: string }

  test('detectors of any sensitivity are tried as rules are, and tell what a backtest by them tells', async () => {
    const counts = [5, 26, 99].map(async (sure) => {
      const shown = await (await get(`${path()}?rule=unusual&threshold=${sure}`, cookies.ann)).text()
      const told = /at least \d+% sure\) would have told (?:<b>(\d+) news item|nothing)/.exec(shown)
      const asked = ['--sensitivity', String(sure / 100), '--company', String(site.companies.acme)]
      const lines = await site.edge.parma('backtest', '--detectors', ...asked)
      expect([sure, Number(told?.[1] ?? 0)]).toEqual([
        sure,
        lines.split('\n').filter((one) => one.startsWith('{')).length,
      ])
      return Number(told?.[1] ?? 0)
    })
    expect((await Promise.all(counts))[0]).toBeGreaterThan(0)
    const refused = await get(`${path()}?rule=unusual&threshold=101`, cookies.ann)
    expect(await refused.text()).toContain('by 0 to 100 percent')
  })

  test('by a button without script, and at an address that can be shared', async () => {
    await page.setJavaScriptEnabled(false)
    try {
      await useSession(page, site.edge.url, cookies.ann)
      await open(path())
      await Promise.all([page.waitForNavigation(), page.click('.choices a[href*="rule=above"]')])
      expect(await page.$('#rule ~ figure')).not.toBeNull()
      await Promise.all([page.waitForNavigation(), page.click('#rule ~ form button')])
      expect(await textOf('main')).toMatch(/The rule \(a rise above [\d,]+\) would have told 1 news item/)
    } finally {
      await page.setJavaScriptEnabled(true)
    }
    const shared = `${path()}?days=90&rule=below&threshold=-1`
    const before = await tries()
    const answer = await get(shared, cookies.ann)
    expect(await answer.text()).toContain('(a fall below -1) would have told nothing')
    const again = await get(shared, cookies.viewer)
    expect(await again.text()).toContain('would have told nothing')
    // The second one takes the answer of the first one.
    expect(await tries()).toBe(before + 1)
    expect(await site.edge.database.query(`SELECT FROM analyzer.audit WHERE kind = 'analyzer.rule.try'`)).toEqual([])
  })

  test('by nobody who may not read it, and by nothing that is no rule', async () => {
    const before = await tries()
    const [gamma] = await site.edge.database.query<{ id: number }>(
      'SELECT company_measurement_id AS id FROM company_source_measurement WHERE company_id = $1',
      [site.companies.gamma],
    )
    expect((await get(`/console/series/${gamma!.id}?rule=above&threshold=1`, cookies.ann)).status).toBe(404)
    expect((await get(`${path()}?rule=above&threshold=x`, cookies.ann)).status).toBe(422)
    expect((await get(`${path()}?rule=never&threshold=1`, cookies.ann)).status).toBe(422)
    expect(await tries()).toBe(before)
    const refused = await get(`${path()}?rule=absolute&threshold=0`, cookies.ann)
    expect([refused.status, await refused.text()]).toEqual([200, expect.stringContaining('No rule has this threshold')])
  })
})

test('what more of a measurement means is changed on a page, and counts on all pages', async () => {
  const operator = await site.signIn({ key: 'operator' })
  const set = async (polarity: string) => {
    const { status, headers } = await post(`/console/series/${site.series}/polarity`, operator, { polarity })
    expect(status).toBe(303)
    return (await get(headers.get('location') ?? '', operator)).text()
  }
  const shown = async () => {
    const list = await (await get('/console/watchlist?of=all&sort=momentum', operator)).text()
    const rank = (name: string) => new RegExp(`>${name}<[\\s\\S]*?>(\\d of \\d)<`).exec(list)?.[1]
    const { json } = await site.edge.call('/api/v1/companies?q=Acme', { token: await site.edge.apiKey('viewer') })
    const [company] = json['companies'] as { growth: { polarity: string }[] }[]
    return { acme: rank('Acme'), gamma: rank('Gamma'), company: company?.growth[0]?.polarity }
  }
  await untilMeaning()
  expect(await shown()).toEqual({ acme: '3 of 3', gamma: '1 of 3', company: 'good' })
  const page = await set('bad')
  expect(page).toContain('More of stars is bad now.')
  expect(page).toContain('More is bad.')
  expect(await shown()).toEqual({ acme: '1 of 3', gamma: '3 of 3', company: 'bad' })
  expect(await set('default')).toContain('More is good.')
  expect(await shown()).toEqual({ acme: '3 of 3', gamma: '1 of 3', company: 'good' })
})
