import type { SectionBlock } from '@slack/web-api'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { composeDigest, type Digest, type DigestNewsItem, type Extras } from '../message/compose-digest.ts'
import type { Message } from '../message/message.ts'
import { asHtmlSections } from './render-digest.ts'
import { asHtml } from './mail.ts'
import { asSlack } from './slack.ts'
import { asText } from './text.ts'

fc.configureGlobal({ seed: 1 })

const until = Date.UTC(2026, 10, 23, 8)
const nothing: Extras = { chartOf: () => null, fundingOf: () => [], linkOf: () => null }

function newsOf(id: string, facts: Partial<DigestNewsItem> = {}): DigestNewsItem {
  return {
    news_id: id,
    company_id: 1,
    company: 'acme',
    severity: 'info',
    title: `Title ${id}`,
    message: `Message ${id}.`,
    trigger_factor: null,
    observed_at: until,
    ...facts,
  }
}

function digestOf(news: DigestNewsItem[], facts: Partial<Digest> = {}): Digest {
  return { rhythm: 'weekly', since: until - 7 * 24 * 3_600_000, until, bucket: null, news, ...facts }
}

const titles = ({ lines }: Message) => lines.map(({ title }) => title)

describe('composeDigest', () => {
  test('company by company, the most important first, each text as it is', () => {
    const message = composeDigest(
      digestOf([
        newsOf('a'),
        newsOf('b', { severity: 'warning', trigger_factor: 10 }),
        newsOf('c', { severity: 'warning', trigger_factor: -50 }),
        newsOf('d', { company_id: 2, company: 'beta', severity: 'critical' }),
      ]),
      nothing,
      10,
    )
    expect(message).toEqual({
      subject: 'Your weekly report: 4 news items about 2 companies',
      context: '16 November 2026, 08:00 UTC to 23 November 2026, 08:00 UTC',
      lines: [
        { heading: 'beta', mark: 'critical', title: 'Message d.', details: [] },
        { heading: 'acme', mark: 'warning', title: 'Message c.', details: [] },
        { mark: 'warning', title: 'Message b.', details: [] },
        { mark: '', title: 'Message a.', details: [] },
      ],
      rest: '',
      topic: { kind: 'company', name: '2 companies' },
      trace: '',
    })
  })

  test('says which bucket it is about, and knows a company that is gone by its number', () => {
    const { subject, lines } = composeDigest(
      digestOf([newsOf('a', { company: null })], { bucket: 'Berlin' }),
      nothing,
      10,
    )
    expect(subject).toBe('Your weekly report: 1 news item about company 1 in the bucket Berlin')
    expect(lines[0]?.heading).toBe('company 1')
  })

  test('a funding round appears once for a company, with what is known about it', () => {
    const news = [
      newsOf('a', { message: 'A new Funding Round was found.' }),
      newsOf('b', { message: 'The funding round changed.', severity: 'warning' }),
      newsOf('c', { company_id: 2, message: 'One more FUNDING ROUND.' }),
      newsOf('d'),
    ]
    const known: Record<string, { name: string; value: string }[]> = {
      b: [
        { name: 'Amount', value: '5000000' },
        { name: 'Series', value: 'A' },
      ],
    }
    const { lines } = composeDigest(digestOf(news), { ...nothing, fundingOf: (id) => known[id] ?? [] }, 10)
    expect(lines.map(({ title, details }) => [title, details])).toEqual([
      [
        'The funding round changed.',
        ['- Amount - 5000000', '- Series - A', '… and 1 more news item about its funding rounds'],
      ],
      ['Message d.', []],
      ['One more FUNDING ROUND.', []],
    ])
  })

  test('the least important beyond a number of lines are a count', () => {
    const news = [
      newsOf('a'),
      newsOf('b', { severity: 'warning' }),
      newsOf('c', { company_id: 2, severity: 'critical' }),
    ]
    const message = composeDigest(digestOf(news), nothing, 2)
    expect([titles(message), message.rest]).toEqual([['Message c.', 'Message b.'], '… and 1 more.'])
  })

  test('shows how a series went, once', () => {
    const extras: Extras = {
      ...nothing,
      chartOf: (id) => (id === 'c' ? '▇▁' : '▁▇'),
      linkOf: (id) => `https://x/${id}`,
    }
    const { lines } = composeDigest(digestOf([newsOf('a'), newsOf('b'), newsOf('c')]), extras, 10)
    expect(lines.map(({ details, link }) => [details, link])).toEqual([
      [['▁▇'], 'https://x/a'],
      [[], 'https://x/b'],
      [['▇▁'], 'https://x/c'],
    ])
  })
})

describe('the news items of a digest, as templates and Firestore get them', () => {
  const message = composeDigest(
    digestOf([
      newsOf('a', { company: 'a<b> & c', message: 'A <script> funding round', severity: 'critical' }),
      newsOf('b', { company: 'a<b> & c' }),
      newsOf('c', { company_id: 2, company: 'beta' }),
    ]),
    {
      chartOf: (id) => (id === 'b' ? '▁▃▇ 1 → 3 since 1 October 2026' : null),
      fundingOf: () => [{ name: 'Amount', value: '5 & more' }],
      linkOf: (id) => (id === 'c' ? 'https://parma.example/why/c?until=1&signature=x' : null),
    },
    10,
  )

  test('plain text', () => {
    expect(asText(message, { why: 'why' })).toBe(`16 November 2026, 08:00 UTC to 23 November 2026, 08:00 UTC

a<b> & c
- A <script> funding round [critical]
  - Amount - 5 & more
- Message b.
  ▁▃▇ 1 → 3 since 1 October 2026

beta
- Message c.
  Why: https://parma.example/why/c?until=1&signature=x

why
`)
  })

  test('HTML: a name and a list for each company, as the predecessor’s template takes them', () => {
    const html = asHtmlSections(message)
    expect(html).toBe(
      `<p><strong>a&lt;b&gt; &amp; c</strong></p><ul><li>A &lt;script&gt; funding round <small>[critical]</small><br>- Amount - 5 &amp; more</li><li>Message b.<br>▁▃▇ 1 → 3 since 1 October 2026</li></ul>
<p><strong>beta</strong></p><ul><li>Message c. <a href="https://parma.example/why/c?until=1&amp;signature=x">Why?</a></li></ul>`,
    )
    expect(asHtml(message, { why: 'why' })).toContain(html)
  })

  test('Slack', () => {
    const [section] = asSlack(message, { why: 'why' }).blocks.filter(
      (block): block is SectionBlock => block.type === 'section',
    )
    expect(section?.text?.text).toBe(`a&lt;b&gt; &amp; c
- A &lt;script&gt; funding round [critical]
   - Amount - 5 &amp; more
- Message b.
   ▁▃▇ 1 → 3 since 1 October 2026

beta
- Message c. <https://parma.example/why/c?until=1&amp;signature=x|Why?>`)
  })
})
