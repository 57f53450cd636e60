import { expect, test } from 'vitest'
import { readPicture as readXml } from '../../../test/harness/picture.ts'
import { dayMs } from '#runtime/text/time.ts'
import type { NewsPage } from '../ask/news.ts'
import { composeAtom } from './compose-atom.ts'

const links = { PUBLIC_URL: 'https://parma.example/base', LINK_SECRET: 'x'.repeat(32) }
const now = Date.UTC(2026, 10, 29)

const item: NewsPage['news'][number] = {
  ...{ news_id: '3f1f0c9e-2a54-5c1b-9e53-0f6f1b1c2d3e', kind: 'threshold', severity: 'warning', silent: false },
  ...{ title: 'acme: stars rose', message: 'Stars rose from 100 to 150.', series_id: '1', item: null },
  company: { id: 1, name: 'acme' },
  source: { id: 2, name: 'github' },
  measurement: { id: 3, name: null },
  ...{ previous: '100', current: '150', trigger_factor: 50, importance: 0.5, importance_parts: null, facts: {} },
  ...{ observed_at: '2026-11-28T07:00:00.000Z', created_at: '2026-11-28T08:00:00.000Z', event_id: 'e' },
}
const compose = (news: NewsPage['news'], title = 'News for Ann', at = now) =>
  composeAtom(links, { id: 'tag:parma.example,2026:feeds/1/all', title, news, now: at })
const textsOf = (xml: string, name: string) => readXml(xml).flatMap((node) => (node.name === name ? [node.text] : []))

test('has what RFC 4287 asks for', () => {
  const xml = compose([item])
  expect(textsOf(xml, 'id')).toEqual(['tag:parma.example,2026:feeds/1/all', `urn:uuid:${item.news_id}`])
  expect(textsOf(xml, 'title')).toEqual(['News for Ann', 'acme: stars rose'])
  expect(textsOf(xml, 'updated')).toEqual([item.created_at, item.created_at])
  expect(textsOf(xml, 'published')).toEqual([item.observed_at])
  expect(textsOf(xml, 'content')).toEqual(['<p>Stars rose from 100 to 150.</p>\n<p>acme · github</p>'])
  const hrefs = readXml(xml).flatMap(({ name, attributes }) => (name === 'link' ? [attributes['href']] : []))
  expect(hrefs).toEqual([
    'https://parma.example/base',
    expect.stringMatching(
      new RegExp(`^https://parma.example/base/why/${item.news_id}\\?until=\\d+&signature=[\\w-]+$`),
    ),
  ])
})

test('texts of any content are text', () => {
  const odd = '<script>a & "b"</script> ]]> &lt; \u0000\u0007\ud800 \ufffe \u202eאבג &#0;'
  const xml = compose([{ ...item, title: odd, message: odd, company: { id: 1, name: odd } }], odd)
  const said = '<script>a & "b"</script> ]]> &lt; \ufffd אבג &#0;'
  const escaped = said
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
  expect(textsOf(xml, 'title')[0]?.replaceAll(/\s+/g, ' ')).toBe(said)
  expect(textsOf(xml, 'title')[1]?.replaceAll(/\s+/g, ' ')).toBe(escaped)
  expect(textsOf(xml, 'content')[0]).not.toContain('<script')
})

test('without news items it is a feed, and it is the same an hour later', () => {
  expect(textsOf(compose([]), 'updated')).toEqual(['1970-01-01T00:00:00.000Z'])
  expect(compose([item], 'x', now + 3_600_000)).toBe(compose([item], 'x'))
  expect(compose([item], 'x', now + 70 * dayMs)).not.toBe(compose([item], 'x'))
})
