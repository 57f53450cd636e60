import { randomUUID } from 'node:crypto'
import sharp from 'sharp'
import { beforeAll, expect, test, vi } from 'vitest'
import { makeChartLink, makeUnsubscribeLink, makeWhyLink } from '../../services/runtime/web/signed-links.ts'
import { addNews, addValues } from '../harness/edge/add-news.ts'
import { startEdge, type TestEdge } from '../harness/edge/setup.ts'
import { openWatchedPage } from '../harness/edge/watched-page.ts'

// A browser is slow to start on a busy machine.
vi.setConfig({ testTimeout: 180_000 })

let edge: TestEdge
const links: Record<string, string> = {}

beforeAll(async () => {
  edge = await startEdge()
  const site = { PUBLIC_URL: edge.url, LINK_SECRET: edge.env['LINK_SECRET'] }
  const sourceId = await edge.addSource('github')
  const newsId = await addNews(edge, sourceId, 'Stars of langfuse/langfuse rose by 12%')
  await addValues(
    edge,
    sourceId,
    Array.from({ length: 40 }, (_, week) => 9800 + 120 * week + (week === 39 ? 1500 : 0)),
  )
  const mail = { notificationId: randomUUID(), deliveryId: '1' }
  links['/why'] = makeWhyLink(site, newsId, Date.now() + 3_600_000) ?? ''
  links['/charts'] = makeChartLink(site, newsId, Date.now() + 3_600_000) ?? ''
  links['/unsubscribe'] = makeUnsubscribeLink(site, mail) ?? ''
})

test.each(['/why', '/unsubscribe'])(
  '%s fits a phone and a screen, light and dark, under its own policy',
  async (path) => {
    const { page, wrong } = await openWatchedPage(edge.url)
    const backgrounds = new Set<unknown>()
    for (const width of [390, 1280])
      for (const scheme of ['light', 'dark']) {
        await page.setViewport({ width, height: 800 })
        await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
        const response = await page.goto(links[path] ?? '')
        expect(response?.status()).toBe(200)
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
        // The style sheet is the edge's own.
        expect(await page.evaluate(`getComputedStyle(document.querySelector('main')).maxWidth`)).toBe('704px')
        backgrounds.add(await page.evaluate('getComputedStyle(document.body).backgroundColor'))
      }
    expect(backgrounds.size).toBe(2)
    expect(wrong).toEqual([])
  },
)

type Shown = { width: number; textSize: number; line: string; title: string }

test('/why shows the series of the news item, for phones and screens, light and dark', async () => {
  const { page, wrong } = await openWatchedPage(edge.url)
  const lines = new Set<string>()
  for (const [viewport, drawn] of [
    [320, 300],
    [390, 300],
    [580, 560],
    [1280, 560],
  ] as const)
    for (const scheme of ['light', 'dark']) {
      await page.setViewport({ width: viewport, height: 800 })
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
      await page.goto(links['/why'] ?? '')
      const shown = (await page.evaluate(`[...document.querySelectorAll('figure svg')]
        .filter((svg) => svg.getBoundingClientRect().width > 0)
        .map((svg) => ({
          width: Number(svg.getAttribute('width')),
          textSize: (12 * svg.getBoundingClientRect().width) / svg.getAttribute('width'),
          line: getComputedStyle(svg.querySelector('.chart-line')).stroke,
          title: svg.querySelector('title').textContent,
        }))`)) as Shown[]
      expect(shown).toHaveLength(1)
      expect(shown[0]?.width).toBe(drawn)
      expect(shown[0]?.textSize).toBeGreaterThanOrEqual(11)
      lines.add(`${scheme} ${shown[0]?.line}`)
    }
  expect([...lines]).toEqual(['light rgb(0, 114, 178)', 'dark rgb(86, 180, 233)'])
  const tree = await page.accessibility.snapshot({ interestingOnly: false })
  expect(JSON.stringify(tree)).toContain('40 values from')
  expect(wrong).toEqual([])
})

test('the picture of a news item is a PNG for whoever has its address, until that expires', async () => {
  const address = links['/charts'] ?? ''
  const answer = await fetch(address)
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'image/png'])
  const { width, height } = await sharp(Buffer.from(await answer.arrayBuffer())).metadata()
  expect([width, height > 200]).toEqual([600, true])
  const changed = (change: (url: URL) => void) => {
    const url = new URL(address)
    change(url)
    return fetch(url).then(({ status }) => status)
  }
  expect(await changed(({ searchParams }) => searchParams.set('signature', 'x'))).toBe(403)
  expect(await changed(({ searchParams }) => searchParams.set('until', '99999999999'))).toBe(403)
  expect(await changed((url) => (url.pathname = `/charts/${randomUUID()}.png`))).toBe(403)
  const site = { PUBLIC_URL: edge.url, LINK_SECRET: edge.env['LINK_SECRET'] }
  expect((await fetch(makeChartLink(site, randomUUID(), Date.now() + 3_600_000) ?? '')).status).toBe(404)
})

test.each(['/why', '/unsubscribe'])('%s with another signature is an invalid link', async (path) => {
  const forged = new URL(links[path] ?? '')
  forged.searchParams.set('signature', 'x')
  const answer = await fetch(forged)
  expect([answer.status, await answer.text()]).toEqual([
    403,
    expect.stringContaining('<h1 dir="auto">Invalid link</h1>'),
  ])
})
