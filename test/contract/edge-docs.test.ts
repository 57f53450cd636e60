import { beforeAll, describe, expect, test, vi } from 'vitest'
import { sendRaw } from '../harness/edge/send-raw.ts'
import { startEdge, type TestEdge } from '../harness/edge/setup.ts'
import { openWatchedPage } from '../harness/edge/watched-page.ts'
import { waitFor } from '../harness/wait-for.ts'

// A browser is slow to start on a busy machine.
vi.setConfig({ testTimeout: 180_000 })

let edge: TestEdge

beforeAll(async () => {
  edge = await startEdge()
})

type Described = Record<string, Record<string, { summary: string }>>
type Document = { paths: Described; webhooks: Described }

test('/docs shows every route and webhook in Chromium, under its own policy and from its own origin', async () => {
  const { page, wrong, asked } = await openWatchedPage(edge.url)
  const response = await page.goto(`${edge.url}/docs`)
  expect(response?.headers()['content-security-policy']).toContain("default-src 'none'; script-src 'self';")
  const { paths, webhooks } = (await edge.call('/openapi.json')).json as Document
  const expected = Object.entries({ ...paths, ...webhooks }).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { summary }]) => `${method.toUpperCase()} ${path} ${summary}`),
  )
  expect(expected.length).toBeGreaterThan(10)
  await page.waitForSelector('.opblock-tag')
  const toggle = (group: string) => page.click(`[id="${group}"]`)
  const shown: string[] = []
  // One group after the other, as a reader does.
  for (const group of await page.$$eval('.opblock-tag', (tags) => tags.map(({ id }) => id))) {
    const isOpened = (await page.$(`[id="${group}"][data-is-open=false]`)) !== null
    if (isOpened) await toggle(group)
    const section = group.endsWith('-webhooks') ? '.webhooks' : `.opblock-tag-section:has([id="${group}"])`
    const own = `${section} .opblock-summary`
    await page.waitForSelector(own)
    shown.push(
      ...(await page.$$eval(own, (rows) =>
        rows.map((row) =>
          ['.opblock-summary-method', '.opblock-summary-path', '.opblock-summary-description']
            .map((part) => row.querySelector(part)?.textContent?.replaceAll('\u200b', '') ?? '')
            .join(' '),
        ),
      )),
    )
    if (isOpened) await toggle(group)
  }
  expect(shown.sort()).toEqual(expected.sort())

  for (const name of ['source', 'anyone']) await toggle(`operations-tag-${name}`)
  // What is drawn on demand keeps to the policy too: a route with a body, and a call.
  await page.click('#operations-source-post_feed_raw_data .opblock-summary-control')
  await page.waitForSelector('#operations-source-post_feed_raw_data .opblock-section-request-body')
  await page.click('#operations-anyone-get .opblock-summary-control')
  for (const button of ['.try-out__btn', '.execute'])
    await (await page.waitForSelector(`#operations-anyone-get ${button}`))?.click()
  await page.waitForFunction(
    `document.querySelector('#operations-anyone-get .live-responses-table')?.textContent.includes('at parma-analytics')`,
  )
  expect(wrong).toEqual([])
  expect(new Set(asked)).toEqual(
    new Set([
      '/docs',
      '/docs/swagger-ui.css',
      '/docs/swagger-ui-bundle.js',
      '/docs/start.js',
      '/docs/favicon-32x32.png',
      '/openapi.json',
      '/',
    ]),
  )
})

test('the policy blocks content of others, and this test would notice it', async () => {
  const { page, wrong } = await openWatchedPage(edge.url)
  await page.goto(`${edge.url}/docs`)
  await page.waitForSelector('.opblock')
  expect(wrong).toEqual([])
  await page.evaluate(`(() => {
    const add = (name, members) => document.body.append(Object.assign(document.createElement(name), members))
    add('script', { textContent: 'window.ran = true' })
    add('script', { src: 'http://localhost:1/x.js' })
    add('img', { src: 'http://localhost:1/x.png' })
    add('style', { textContent: 'body { color: red }' })
    add('iframe', { src: '/' })
    return fetch('http://localhost:1/').catch(() => undefined)
  })()`)
  expect(await page.evaluate('window.ran')).toBeUndefined()
  const broken = ['connect-src', 'frame-src', 'img-src', 'script-src-elem', 'script-src-elem', 'style-src-elem']
  const seen = () => wrong.filter((one) => one.startsWith('policy: ')).map((one) => one.slice('policy: '.length))
  await waitFor('all violations', () => seen().length >= broken.length)
  expect(seen().sort()).toEqual(broken)
})

describe('no other file can be read', () => {
  test.each([
    '/docs/swagger-ui.js',
    '/docs/index.html',
    '/docs/swagger-ui.css.map',
    '/docs/package.json',
    '/docs/../package.json',
    '/docs/%2e%2e/package.json',
    '/docs/..%2fpackage.json',
    '/docs/..%5cpackage.json',
    '/docs/swagger-ui.css/../../package.json',
    '/docs/swagger-ui.css%00.png',
    '/docs//swagger-ui.css',
    '/docs/%2fetc%2fpasswd',
    '//docs/swagger-ui.css',
  ])('%s', async (path) => {
    const text = await sendRaw(edge.url, `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
    expect(text).toMatch(/^HTTP\/1.1 404 [^]*\{"detail":"Not Found"\}$/)
  })
})

test('/redoc leads to /docs', async () => {
  const answer = await fetch(`${edge.url}/redoc`, { redirect: 'manual' })
  expect([answer.status, answer.headers.get('location')]).toEqual([307, '/docs'])
})
