import type { HeaderBlock, SectionBlock } from '@slack/web-api'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeWhyLink } from '#runtime/web/signed-links.ts'
import { composeNews, type NewsItem } from '../message/compose.ts'
import type { Message } from '../message/message.ts'
import { asHtml } from './mail.ts'
import { asSlack } from './slack.ts'
import { asText } from './text.ts'
import { messageSettings } from '../message/settings.ts'
import { escapeSlack } from './slack-text.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

/** Any UTF-16 at all, lone surrogates and control characters too. */
const anyText = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units))

const why = 'You get this because Ann follows acme.'

function messageOf(count: number, text: string, linked = false): Message {
  const news = Array.from({ length: count }, (_, index): NewsItem => ({
    news_id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    ...{ group_id: '7d444840-9dc0-11d1-b245-5ffdce74fad2', group_index: index, company_id: 1 },
    ...{ company: text, source: text },
    severity: 'warning',
    title: text,
    message: `it was ${text}`,
    trigger_factor: 1,
    previous: '1',
    current: '2',
    observed_at: 0,
  }))
  return composeNews(news, 40, (id) => (linked ? `https://parma.example/why/${id}?until=1&signature=x` : null))
}

test('plain text reads from top to bottom', () => {
  expect(asText(messageOf(2, 'acme'), { why })).toBe(`acme: 2 changes

1. [warning] it was acme
   1 → 2 (+1%)

2. [warning] it was acme
   1 → 2 (+1%)

acme, seen 1 January 1970, 00:00 UTC

${why}
Event 7d444840-9dc0-11d1-b245-5ffdce74fad2, news items 00000000-0000-4000-8000-000000000000, 00000000-0000-4000-8000-000000000001
`)
})

test('each line leads to the page that explains it, where there is one', () => {
  const message = messageOf(2, 'acme', true)
  const url = (n: number) => `https://parma.example/why/00000000-0000-4000-8000-00000000000${n}?until=1&signature=x`
  for (const n of [0, 1]) {
    const escaped = url(n).replace('&', '&amp;')
    expect(asText(message, { why })).toContain(`   Why: ${url(n)}\n`)
    expect(asHtml(message, { why })).toContain(` href="${escaped}">See why</a>`)
    expect(JSON.stringify(asSlack(message, { why }).blocks)).toContain(`<${escaped}|See why>`)
  }
})

describe('an address arrives as it was made', () => {
  const addressesOf = (text: string) =>
    [...text.matchAll(/<(https?:[^|>]*)\|/g)].map(([, address = '']) =>
      address.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'),
    )
  const hrefsOf = (html: string) =>
    [...html.matchAll(/ href="([^"]*)"/g)].map(([, address = '']) =>
      address.replaceAll('&#39;', "'").replaceAll('&amp;', '&'),
    )

  test.each([
    'https://parma.example',
    'https://parma.example:8443/',
    'https://intranet.example/~team',
    'https://intranet.example/_parma_/',
    "https://intranet.example/a*b*/:tada:/o'neil",
    'https://bücher.example/über uns/<a>',
    'https://parma.example/a|b',
  ])('below %s, in alerts and in digests', (text) => {
    const PUBLIC_URL = messageSettings.PUBLIC_URL.parse(text)
    const settings = { PUBLIC_URL, LINK_SECRET: 's'.repeat(32) }
    const links = Array.from({ length: 400 }, (_, index) => {
      const newsId = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`
      return makeWhyLink(settings, newsId, Date.UTC(2026, 0, 1) + index * 1000) ?? ''
    })
    for (const link of links) {
      const [alert, digest] = [messageOf(1, 'acme'), messageOf(1, 'acme')]
      alert.lines = [{ mark: '', title: 'Stars rose', details: [], link }]
      digest.lines = [{ heading: 'acme', mark: '', title: 'Stars rose', details: [], link }]
      for (const message of [alert, digest]) {
        expect(addressesOf(JSON.stringify(asSlack(message, { why }).blocks))).toEqual([link])
        expect(hrefsOf(asHtml(message, { why }))).toEqual([link])
        expect(asText(message, { why })).toContain(`Why: ${link}\n`)
      }
      expect(link).toMatch(/^[!-~]+$/)
      expect(new URL(link).href).toBe(link)
    }
  })

  test.each(['https://docs.example/~ann/__init__.py?a=_b_&c', 'see https://docs.example/~ann:8080/_next_/x'])(
    'also in a text: %s',
    (text) => {
      expect(escapeSlack(text)).toBe(text.replace('&', '&amp;'))
    },
  )

  test('in a text, but formats nothing', () => {
    expect(escapeSlack('*x* https://docs.example/*a*`b` _y_')).toBe(
      '*\u200bx*\u200b https://docs.example/%2Aa%2A%60b%60 _\u200by_\u200b',
    )
  })
})

test.each([
  'https://parma.example/?a=b',
  'https://parma.example/#a',
  'https://ann:x@parma.example',
  'ftp://parma.example',
])('links cannot begin with %s', (text) => {
  expect(messageSettings.PUBLIC_URL.safeParse(text).success).toBe(false)
})

test('a mail ends with the way to get no more of them', () => {
  const link = 'https://parma.example/unsubscribe/1/2?signature=x&y'
  expect(asText(messageOf(1, 'acme'), { why, unsubscribe: link })).toContain(`\nUnsubscribe: ${link}\n`)
  expect(asHtml(messageOf(1, 'acme'), { why, unsubscribe: link })).toContain(
    '<a href="https://parma.example/unsubscribe/1/2?signature=x&amp;y">Unsubscribe</a>',
  )
  expect(asText(messageOf(1, 'acme'), { why, unsubscribe: null })).not.toContain('Unsubscribe')
})

test.each([
  ['*bold*', '*\u200bbold*\u200b'],
  ['~gone~ and `code`', '~\u200bgone~\u200b and `\u200bcode`\u200b'],
  ['_leaning_ snake_case', '_\u200bleaning_\u200b snake_case'],
  [':tada: at 10:30:45', ':\u200btada: at 10:30:45'],
])('Slack shows %s as it is', (text, expected) => {
  expect(escapeSlack(text)).toBe(expected)
})

describe('escaping', () => {
  const hostile = [
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '"><a href="https://evil.example">acme</a>',
    '<!channel> <!here> <@U12345678> <#C12345678>',
    '<https://evil.example|https://bank.example>',
    'a & b &lt;b&gt;',
    'x\r\nBcc: all@example.com\r\n\r\n<b>body</b>',
  ]

  test.each([
    ['<!channel>', '&lt;!channel&gt;'],
    ['a & b', 'a &amp; b'],
    ['"quotes" stay', '"quotes" stay'],
  ])('Slack: %s', (text, expected) => {
    expect(escapeSlack(text)).toBe(expected)
  })

  test.each(hostile)('%s changes neither the tags of the mail nor the links of the post', (text) => {
    const tags = (html: string) => html.match(/<[^>]*>/g)
    expect(tags(asHtml(messageOf(2, text), { why }))).toEqual(tags(asHtml(messageOf(2, 'acme'), { why })))
    const post = asSlack(messageOf(2, text), { why })
    expect(post.text).not.toMatch(/[<>]/)
    for (const { text } of post.blocks.filter((block): block is SectionBlock => block.type === 'section'))
      expect(text).toMatchObject({ verbatim: true, text: expect.not.stringMatching(/[<>]/) as string })
  })

  test('whatever was crawled', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const html = asHtml(messageOf(1, text), { why: text })
        const shell = asHtml(messageOf(1, 'acme'), { why })
        expect(html.match(/<[a-z!/][^>]*>/g)).toEqual(shell.match(/<[a-z!/][^>]*>/g))
        expect(
          JSON.stringify(asSlack(messageOf(1, text), { why }).blocks.filter(({ type }) => type === 'section')),
        ).not.toMatch(/[<>]/)
      }),
    )
  })
})

test.each(['acme', '&'.repeat(10_000), '株'.repeat(10_000), '🚀'.repeat(5000)])(
  'a post of 40 long lines stays within Slack’s limits',
  (text) => {
    const { text: fallback, blocks } = asSlack(messageOf(45, text), { why: `${why}${'x'.repeat(5000)}` })
    expect(blocks.length).toBeLessThanOrEqual(50)
    expect(fallback.length).toBeLessThanOrEqual(4000)
    const [header] = blocks as [HeaderBlock]
    expect(header.text.text.length).toBeLessThanOrEqual(150)
    for (const block of blocks) {
      if (block.type === 'section') {
        expect(block.text?.text.length).toBeLessThanOrEqual(3000)
        expect(block.text?.text).not.toMatch(/&(?!amp;|lt;|gt;)/)
      }
      if (block.type === 'context')
        expect(block.elements.map((element) => ('text' in element ? element.text.length : 0))[0]).toBeLessThanOrEqual(
          2000,
        )
    }
    expect(JSON.stringify(blocks)).toContain('40. ')
    expect(JSON.stringify(blocks)).toContain('… and 5 more.')
  },
)

describe('a post of many lines', () => {
  const lengthOf = (blocks: readonly object[]) =>
    [...JSON.stringify(blocks).matchAll(/"text":"((?:[^"\\]|\\.)*)"/g)].reduce(
      (sum, [, text = '']) => sum + text.length,
      0,
    )

  test.each(['acme '.repeat(2000), '&'.repeat(10_000)])('has them all, cut to what Slack takes of one post', (text) => {
    for (const linked of [true, false]) {
      const { blocks } = asSlack(messageOf(40, text, linked), { why: `${why}${'x'.repeat(5000)}` })
      expect(lengthOf(blocks)).toBeLessThan(11_000)
      const sections = blocks.filter((block): block is SectionBlock => block.type === 'section')
      const lines = sections.flatMap(({ text }) => text?.text.split('\n\n') ?? [])
      expect(lines).toHaveLength(40)
      lines.forEach((line, index) => expect(line).toMatch(new RegExp(`^${index + 1}\\. \\[warning\\] \\*[^*]*…\\*`)))
    }
  })

  test('cuts the long ones only', () => {
    const message = messageOf(30, 'x'.repeat(5000))
    message.lines[7] = { mark: '', title: 'Stars rose', details: ['by half'] }
    const { blocks } = asSlack(message, { why })
    expect(JSON.stringify(blocks)).toContain('8. *Stars rose*\\nby half\\n\\n9. ')
  })
})
