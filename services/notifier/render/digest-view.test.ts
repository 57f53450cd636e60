import type { SectionBlock } from '@slack/web-api'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { judgePost } from '../../../deploy/local/stand-ins/slack-rules.ts'
import { chooseThings, noFeedback } from '../message/choose-things.ts'
import { composeView, type About, type ViewedNews } from '../message/compose-view.ts'
import type { Line, Message } from '../message/message.ts'
import { asHtml } from './mail.ts'
import { asSlack, maxDigestChars } from './slack.ts'
import { splitDigest } from './split-digest.ts'
import { asText } from './text.ts'

const until = Date.UTC(2026, 10, 23, 8)
const why = 'You get this because Ann follows them.'
const link = (id: string) => `https://parma.example/why/${id}?until=1764000000&signature=${'x'.repeat(43)}`
const plain: About = {
  feedbackOf: () => noFeedback,
  partsOf: () => ({ score: 0.9, size: 0.8, polarity: 0.9, rarity: 0.3 }),
  pictureOf: () => null,
  barsOf: () => '▁▃▇ 1 → 3 since 1 October 2026',
  fundingOf: () => [],
  linkOf: link,
}

function newsOf(index: number, changes: Partial<ViewedNews> = {}): ViewedNews {
  return {
    news_id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    ...{ company_id: index, company: `Company ${index}`, severity: 'info', title: 'Stars rose', trigger_factor: index },
    message: `Company ${index}: stars rose by ${index} (github). Expected were 3 to 4.`,
    ...{ observed_at: until, importance: 0.5, is_good: false, ...changes },
  }
}

function digestOf(news: readonly ViewedNews[], companies: number, about: Partial<About> = {}): Message {
  const all = { ...plain, ...about }
  const around = { rhythm: 'weekly', since: until - 7 * 86_400_000, until, bucket: null, companies, sources: [] }
  const digest = composeView(around, chooseThings(news, all.feedbackOf), all)
  const shell = { subject: 'Your weekly report', context: digest.period, rest: '', trace: '' }
  return { ...shell, lines: [], topic: { kind: 'company', name: 'companies' }, digest }
}

const many = (count: number, changes: Partial<ViewedNews> = {}) =>
  Array.from({ length: count }, (_, index) => newsOf(index + 1, changes))

describe('a digest', () => {
  test('has at most ten things, a line for each further company, and counts', () => {
    const news = [...many(30), ...Array.from({ length: 4 }, (_, index) => newsOf(100 + index, { company_id: 5 }))]
    const { digest } = digestOf(news, 300)
    expect([digest?.things.length, digest?.further.length]).toEqual([10, 23])
    expect(digest?.summary).toBe('34 news items about 30 companies.')
    expect(digest?.counts).toEqual(['Nothing at 270 companies.'])
    // Each news item is shown or counted, once.
    const told = digest!.further.reduce((sum, { sentence, more }) => sum + more + (sentence === null ? 0 : 1), 0)
    expect(told + 10).toBe(34)
  })

  test('leads to its page, where it has one', () => {
    const message = digestOf(many(3), 300)
    const page = 'https://parma.example/reports/7?until=1&signature=x&y'
    const linked = { ...message, digest: { ...message.digest!, page } }
    expect(asHtml(linked, { why })).toContain(
      `<a href="${page.replaceAll('&', '&amp;')}">Open this report as a page</a>`,
    )
    expect(asText(linked, { why })).toContain(`This report as a page: ${page}\n`)
    const post = JSON.stringify(asSlack(linked, { why }).blocks)
    expect(post).toContain('|Open this report as a page>')
    for (const shown of [asHtml(message, { why }), asText(message, { why }), JSON.stringify(asSlack(message, { why }))])
      expect(shown).not.toContain('as a page')
  })

  test('shows three of a company, unless there is room', () => {
    const busy = Array.from({ length: 8 }, (_, index) => newsOf(index, { company_id: 1, importance: 0.9 }))
    expect(chooseThings(busy, () => noFeedback).things).toHaveLength(8)
    const { things } = chooseThings([...busy, ...many(9).slice(1)], () => noFeedback)
    expect([things.length, things.filter(({ company_id }) => company_id === 1).length]).toEqual([10, 3])
  })

  test('ranks by importance and what its reader said, and says why', () => {
    const news = [newsOf(1, { importance: 0.5 }), newsOf(2, { importance: 0.45 }), newsOf(3, { importance: 0.4 })]
    const orderOf = (about: Partial<About>) => digestOf(news, 3, about).digest!.things.map(({ story }) => story?.name)
    expect(orderOf({})).toEqual(['Company 1', 'Company 2', 'Company 3'])
    const opinions = (useful: number, notUseful: number) => ({ useful, notUseful, isDone: false })
    const liked: Partial<About> = {
      feedbackOf: ({ company_id }) =>
        company_id === 3 ? opinions(2, 0) : company_id === 1 ? opinions(0, 3) : noFeedback,
    }
    expect(orderOf(liked)).toEqual(['Company 3', 'Company 2', 'Company 1'])
    expect(digestOf(news, 3, liked).digest?.things.map(({ reason }) => reason)).toEqual([
      'Chosen because it is unusual for its series, the change is large, it is about something that counts and you called such news useful (importance 40 of 100).',
      'Chosen because it is unusual for its series, the change is large and it is about something that counts (importance 45 of 100).',
      'Chosen because it is unusual for its series, the change is large, it is about something that counts and it counts less, because you called such news not useful (importance 50 of 100).',
    ])
    const done = { feedbackOf: ({ company_id }: ViewedNews) => ({ ...noFeedback, isDone: company_id === 1 }) }
    expect(orderOf(done)).toEqual(['Company 2', 'Company 3'])
  })

  test('that is critical by a rule, or of before importance, has its place', () => {
    const news = [
      newsOf(1, { importance: 0.7 }),
      newsOf(2, { importance: null, severity: 'critical' }),
      newsOf(3, { importance: null, severity: 'warning' }),
      newsOf(4, { importance: null }),
    ]
    expect(chooseThings(news, () => noFeedback).things.map(({ company_id }) => company_id)).toEqual([2, 1, 3, 4])
  })

  test('without news items says that all is quiet', () => {
    const { digest } = digestOf([], 300)
    expect(digest).toMatchObject({
      summary: 'All quiet: nothing at 300 companies.',
      things: [],
      further: [],
      counts: [],
    })
    expect(asText({ ...digestOf([], 300), digest: digest! }, { why })).toContain('All quiet: nothing at 300 companies.')
  })
})

test('as plain text', () => {
  const { things, ...digest } = digestOf(many(12, { severity: 'warning' }), 15).digest!
  expect(asText({ ...digestOf([], 1), digest: { ...digest, things: things.slice(9) } }, { why }))
    .toBe(`Your weekly report
16 November 2026, 08:00 UTC to 23 November 2026, 08:00 UTC

12 news items about 12 companies.

Company 3
- stars rose by 3 (github). [warning]
  Expected were 3 to 4.
  ▁▃▇ 1 → 3 since 1 October 2026
  Why: ${link('00000000-0000-4000-8000-000000000003')}
  Chosen because it is unusual for its series, the change is large and it is about something that counts (importance 50 of 100).

Further companies
- Company 2: Stars rose
- Company 1: Stars rose

Nothing at 3 companies.

${why}
`)
})

describe('whatever was crawled', () => {
  const hostile = fc.constantFrom(
    '&',
    '<!channel>',
    '*a*',
    '<b>',
    '"><img src=x>',
    'é',
    'x'.repeat(10_000),
    '\u202e',
    '😀',
    'עברית',
  )
  const texts = fc.array(hostile, { maxLength: 12 }).map((some) => some.join(' '))
  const render = (text: string, count: number) =>
    digestOf(many(count, { company: text, title: text, message: text }), 1000, {
      fundingOf: () => [{ name: text, value: text }],
    })

  test('HTML adds no tag, loads nothing, and is below 100 kB', () => {
    const tags = (html: string) => html.match(/<[a-z!/][^>]*>/g)
    fc.assert(
      fc.property(texts, fc.constantFrom(1, 11, 300, 1000), (text, count) => {
        const html = asHtml(render(text, count), { why })
        expect(tags(html)?.filter((tag) => /^<(img|script|link|iframe)/.test(tag))).toEqual([])
        expect(Buffer.byteLength(html)).toBeLessThan(100_000)
        const rest = /… and (\d+) further companies/.exec(html)?.[1] ?? 0
        expect(html.split('<li class="f">').length - 1 + Number(rest)).toBe(Math.max(0, count - 10))
      }),
      { seed: 1, numRuns: 40 },
    )
  })

  test('Slack takes pictures, each below what it is about, whose bars it replaces', () => {
    let shown = 0
    fc.assert(
      fc.property(texts, fc.constantFrom(1, 11), fc.constantFrom(10, 3000), (text, count, length) => {
        for (const part of splitDigest(render(text, count), maxDigestChars)) {
          const chartOf = ({ newsId }: Line) => ({
            text: 'x'.repeat(length),
            light: `https://p.fund.com/${newsId}`,
            dark: null,
          })
          const post = asSlack(part, { why, chartOf })
          expect(judgePost(post)).toBe(null)
          const images = post.blocks.flatMap((block, at) => (block.type === 'image' ? [{ ...block, at }] : []))
          shown += images.length
          for (const { at } of images) {
            const above = post.blocks[at - 1] as SectionBlock
            expect(above.type).toBe('section')
            expect(above.text?.text).not.toContain('▁▃▇')
          }
        }
      }),
      { seed: 1, numRuns: 20 },
    )
    expect(shown).toBeGreaterThan(20)
  })

  test('Slack takes each part, and each thing and company is in one', () => {
    fc.assert(
      fc.property(texts, fc.constantFrom(1, 11, 300), (text, count) => {
        const message = render(text, count)
        const parts = splitDigest(message, maxDigestChars)
        expect(parts.flatMap(({ digest }) => digest!.things)).toEqual(message.digest?.things)
        expect(parts.flatMap(({ digest }) => digest!.further)).toEqual(message.digest?.further)
        for (const part of parts) {
          const post = asSlack(part, { why })
          expect(judgePost(post)).toBe(null)
          const sections = post.blocks.filter((block): block is SectionBlock => block.type === 'section')
          for (const { text } of sections) expect(text?.text).not.toMatch(/<!|<@/)
        }
      }),
      { seed: 1, numRuns: 40 },
    )
  })
})

test('links of further companies go before they are only counted', () => {
  const linksOf = (count: number) =>
    asHtml(digestOf(many(count), 1000), { why })
      .split('<li class="f"><b>')
      .slice(1)
  expect(linksOf(100).every((line) => line.includes('href='))).toBe(true)
  expect(linksOf(500).some((line) => line.includes('href='))).toBe(false)
})
