import { describe, expect, test } from 'vitest'
import { composeNews, composeOps, explainWhy, type NewsItem, type OpsFacts } from './compose.ts'

const group = { group_id: '7d444840-9dc0-11d1-b245-5ffdce74fad2', company_id: 1, company: 'acme', source: 'npm' }
const observedAt = Date.UTC(2026, 10, 24, 19, 35)

function newsOf(index: number, facts: Partial<NewsItem> = {}): NewsItem {
  return {
    ...group,
    news_id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    group_index: index,
    severity: 'info',
    title: `Title ${index}`,
    message: `Message ${index}.`,
    trigger_factor: null,
    previous: null,
    current: null,
    observed_at: observedAt,
    ...facts,
  }
}

const noLinks = () => null

describe('composeNews', () => {
  test('one news item is its own headline, with both numbers, the change and the ids that lead to the data', () => {
    const stars = {
      title: 'Stars rose sharply',
      message: 'Stars rose by half since Monday.',
      previous: '100',
      current: '150',
    }
    expect(composeNews([newsOf(0, { ...stars, trigger_factor: 50 })], 30, noLinks)).toEqual({
      subject: 'acme: Stars rose sharply',
      context: 'npm, seen 24 November 2026, 19:35 UTC',
      lines: [
        {
          ...{ mark: '', title: 'Stars rose sharply', newsId: '00000000-0000-4000-8000-000000000000' },
          details: ['Stars rose by half since Monday.', '100 → 150 (+50%)'],
          story: { name: 'acme', sentence: 'Stars rose by half since Monday.', more: ['100 → 150 (+50%)'] },
        },
      ],
      rest: '',
      topic: { kind: 'company', name: 'acme' },
      trace: `Event ${group.group_id}, news item 00000000-0000-4000-8000-000000000000`,
    })
  })

  test.each([
    ['acme: stars rose 50%', 'acme: stars rose 50%', 'acme: 2 changes, stars rose 50%'],
    ['Acme/app: stars rose', 'Acme/app: stars rose', 'acme: 2 changes, app: stars rose'],
    ['acme / Series B: amount rose', 'acme / Series B: amount rose', 'acme: 2 changes, Series B: amount rose'],
    ['Acmes of acme rose', 'acme: Acmes of acme rose', 'acme: 2 changes, Acmes of acme rose'],
  ])('the headline %j has its company once', (title, single, several) => {
    const news = [newsOf(0, { title, severity: 'critical' }), newsOf(1)]
    const other = { ...news[1]!, company_id: 2, company: 'globex' }
    const subjectOf = (some: NewsItem[]) => composeNews(some, 30, noLinks).subject
    expect([subjectOf(news.slice(0, 1)), subjectOf(news)]).toEqual([single, several])
    expect(composeNews([news[0]!, other], 30, noLinks).lines.map((line) => line.title)).toEqual([
      single,
      'globex: Title 1',
    ])
  })

  test('does not repeat numbers that the text has', () => {
    const news = newsOf(0, {
      message: 'Stars rose from 100 to 150.',
      previous: '100',
      current: '150',
      trigger_factor: 50,
    })
    expect(composeNews([news], 30, noLinks).lines[0]?.details).toEqual(['Stars rose from 100 to 150.'])
  })

  test('a number within another is not that number', () => {
    const news = newsOf(0, {
      message: 'Stars rose in 21 days to 1.5.',
      previous: '1',
      current: '5',
      trigger_factor: null,
    })
    expect(composeNews([news], 30, noLinks).lines[0]?.details[1]).toBe('1 → 5')
  })

  test.each([
    [{ previous: null, current: 'MIT' }, 'nothing → MIT'],
    [{ previous: 'MIT', current: null }, 'MIT → nothing'],
    [{ previous: '0', current: '3', trigger_factor: Infinity }, '0 → 3'],
  ])('says %j as %s', (facts, expected) => {
    expect(composeNews([newsOf(0, facts)], 30, noLinks).lines[0]?.details).toEqual(['Message 0.', expected])
  })

  test('ranks by severity, then by the size of the change, then in the order they came', () => {
    const message = composeNews(
      [
        newsOf(0),
        newsOf(1, { severity: 'warning', trigger_factor: 20 }),
        newsOf(2, { trigger_factor: -900 }),
        newsOf(3, { severity: 'critical' }),
        newsOf(4, { severity: 'warning', trigger_factor: -80 }),
        newsOf(5),
      ],
      30,
      noLinks,
    )
    expect(message.lines.map(({ title }) => title)).toEqual([3, 4, 1, 2, 0, 5].map((index) => `Title ${index}`))
    expect(message.lines.map(({ mark }) => mark)).toEqual(['critical', 'warning', 'warning', '', '', ''])
    expect(message.subject).toBe('acme: 6 changes, Title 3')
  })

  test('30 firings are 30 lines; of more the least important are a count', () => {
    const news = Array.from({ length: 42 }, (_, index) => newsOf(index, { trigger_factor: index }))
    expect(composeNews(news.slice(0, 30), 30, noLinks)).toMatchObject({ lines: { length: 30 }, rest: '' })
    const long = composeNews(news, 30, noLinks)
    expect(long.lines).toHaveLength(30)
    expect(long.lines[0]?.title).toBe('Title 41')
    expect(long.rest).toBe('… and 12 more.')
    expect(long.trace.match(/00000000-0000/g)).toHaveLength(30)
    // The links have the ids of the news items.
    const linked = composeNews(news, 30, (id) => `https://parma.example/why/${id}`)
    expect(linked.trace).toBe(`Event ${group.group_id}`)
  })

  test('bounds everything that was crawled', () => {
    const huge = 'x'.repeat(10_000)
    const news = newsOf(0, { title: huge, message: huge, previous: huge, current: `${huge}y` })
    const message = composeNews([{ ...news, company: huge, source: huge }], 30, noLinks)
    expect(message.subject.length).toBeLessThanOrEqual(140)
    expect(JSON.stringify(message).length).toBeLessThan(4000)
  })
})

describe('composeNews of several companies', () => {
  const news = [
    newsOf(0),
    newsOf(1, { company_id: 2, company: 'globex', group_id: '00000000-9dc0-11d1-b245-5ffdce74fad2', source: 'GitHub' }),
    newsOf(2, { severity: 'critical' }),
  ]
  const message = composeNews(news, 30, noLinks)

  test('says how many there are and names the company in each line', () => {
    expect(message.subject).toBe('3 changes at 2 companies: acme, globex')
    expect(message.context).toBe('npm and GitHub, seen 24 November 2026, 19:35 UTC')
    expect(message.lines.map(({ title }) => title)).toEqual(['acme: Title 2', 'acme: Title 0', 'globex: Title 1'])
    expect(message.trace).toMatch(/^Events 7d444840-[^,]*, 00000000-[^,]*, news /)
  })

  test('two companies of one name are two', () => {
    const twins = [newsOf(0), newsOf(1, { company_id: 2 })]
    expect(composeNews(twins, 30, noLinks).subject).toBe('2 changes at 2 companies: acme, acme')
  })

  test('of many companies names three where it says why', () => {
    const many = Array.from({ length: 50 }, (_, index) => newsOf(index, { company_id: index, company: `c${index}` }))
    expect(explainWhy(composeNews(many, 30, noLinks), [{ name: 'Ann' }])).toBe(
      'You get this because Ann follows c0, c1, c2 and 47 more.',
    )
  })
})

describe('composeOps', () => {
  const eventOf = (facts: Partial<OpsFacts>): OpsFacts => ({
    ...{
      kind: 'drift',
      service: 'normalizer',
      subject: 'npm stars',
      message: 'The path stars is new: map it.',
      resolved: false,
    },
    at: observedAt,
    ...facts,
  })

  test('one event is its own headline', () => {
    expect(composeOps([eventOf({})], 30)).toEqual({
      subject: 'Operations: npm stars, drift',
      context: '1 open, 0 resolved, as of 24 November 2026, 19:35 UTC',
      lines: [
        {
          mark: '',
          title: 'drift: npm stars',
          details: ['The path stars is new: map it.', 'normalizer, 24 November 2026, 19:35 UTC'],
        },
      ],
      rest: '',
      topic: { kind: 'operations', name: 'operations' },
      trace: '',
    })
  })

  test('open incidents come first, the oldest on top; a flood is cut', () => {
    const events = [
      eventOf({ subject: 'over', resolved: true }),
      eventOf({ subject: 'new', at: observedAt + 1 }),
      eventOf({ subject: 'old' }),
    ]
    const message = composeOps(events, 2)
    expect(message.subject).toBe('Operations: 3 events, old, drift')
    expect(message.lines.map(({ title }) => title)).toEqual(['drift: old', 'drift: new'])
    expect(message.rest).toBe('… and 1 more.')
  })
})

describe('explainWhy', () => {
  const news = composeNews([newsOf(0)], 30, noLinks)
  const through = (name: string, ...what: string[]) => ({ name, through: what })
  test.each([
    [[{ name: 'Ann' }], 'You get this because Ann follows acme.'],
    [[through('Ann', 'acme'), through('Bob', 'acme')], 'You get this because Ann and Bob follow acme.'],
    [
      ['Ann', 'Bob', 'Cyd', 'Dan', 'Eve'].map((name) => through(name, 'acme')),
      'You get this because Ann, Bob, Cyd and 2 more follow acme.',
    ],
    [
      [through('Ann', 'acme', 'the bucket Rivals'), through('Bob', 'warnings of npm')],
      'You get this because Ann follows acme and the bucket Rivals; Bob follows warnings of npm.',
    ],
  ])('to %j', (people, expected) => {
    expect(explainWhy(news, people)).toBe(expected)
  })

  test('to administrators', () => {
    const event = { kind: 'stale', service: 'scheduler', subject: 'npm', message: 'No data.', resolved: false, at: 0 }
    expect(explainWhy(composeOps([event], 30), [{ name: 'Ann' }])).toBe('You get this because Ann is an administrator.')
  })
})

test('an incident that is over says since when, and counts as resolved', () => {
  const at = Date.UTC(2026, 10, 24, 12)
  const about = { kind: 'source-down', service: 'scheduler', resolved: false, at }
  const events = ['github', 'npm'].map((subject) => ({ ...about, subject, message: `${subject} is down.` }))
  const [github, npm] = events.map((one) => ({ ...one, end: { message: `${one.subject} is up.`, at: at + 3_600_000 } }))
  const half = composeOps([github!, events[1]!], 10)
  expect([half.subject, half.context]).toEqual([
    'Operations: 2 events, npm, source-down',
    '1 open, 1 resolved, as of 24 November 2026, 13:00 UTC',
  ])
  expect(half.lines.map(({ mark }) => mark)).toEqual(['', 'resolved'])
  expect(half.lines[1]?.details[1]).toBe('Over since 24 November 2026, 13:00 UTC: github is up.')
  expect(composeOps([github!, npm!], 10).subject).toBe('Operations: 2 events, resolved: github, source-down')
})
