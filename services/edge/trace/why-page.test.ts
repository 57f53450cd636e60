import { expect, test } from 'vitest'
import { readPicture } from '../../../test/harness/picture.ts'
import type { Past } from './read-past.ts'
import type { Why } from './read-why.ts'
import { drawPast, whyPage } from './why-page.ts'

const rule = { id: 'rule/1', version: 2, since: null }
const why: Why = {
  ...{ news_id: '0', kind: 'threshold', severity: 'info', title: '<b>{{x}}</b>', message: 'a & b', silent: false },
  ...{ created_at: '2026-11-16T10:00:00.000Z', company: { id: 1, name: '<i>' }, source: { id: 1, name: null } },
  ...{ measurement: { id: 1, name: 'stars', type: 'int' }, subject_key: '', item_key: null, trigger_factor: null },
  ...{ previous: '1', current: '9', facts: {}, rule: null, series: null, now: null, before: null },
}

const show = (shown: Why, pictures: string | null = null) =>
  String(whyPage(shown, pictures, { zone: 'UTC', root: '../' }).body)

test('names and texts are escaped', () => {
  const page = show(why)
  expect(page).toContain('<h1 dir="auto">&lt;b&gt;{{x}}&lt;/b&gt;</h1>')
  expect(page).toContain('<p dir="auto">a &amp; b</p>')
  expect(page).toContain('<dd dir="auto">&lt;i&gt;</dd>')
})

test.each([
  ['a rule of parma-web', { ...rule, definition: { threshold: 5 } }, '5%'],
  ['the default', { ...rule, definition: null }, '5%'],
  ['a rule for percents', { ...rule, definition: { when: { kind: 'percent', by: 5 } } }, '5%'],
  ['a rule for so much', { ...rule, definition: { when: { kind: 'absolute', by: 5 } } }, '5'],
])('the threshold of %s', (_what, of, shown) => {
  expect(show({ ...why, rule: of, facts: { threshold: '5' } })).toContain(
    `<dt>Threshold</dt><dd dir="auto">${shown}</dd>`,
  )
})

test('numbers have groups of digits, and texts of digits have none', () => {
  const values = { previous: '9800', current: '14360.25' }
  expect(show({ ...why, ...values })).toContain('<dd dir="auto">14,360.25</dd>')
  const postcode = show({ ...why, ...values, measurement: { id: 1, name: 'postcode', type: 'text' } })
  expect(postcode).toContain('<dd dir="auto">9800</dd>')
})

const origin: NonNullable<Why['now']> = {
  ...{ observed_at: '2026-11-16T09:00:00.000Z', received_at: '2026-11-16T09:00:00.000Z', event_id: '0', event_no: 1 },
  ...{ path: 'stars', value: '9800', map_version: 1, document: 'd', task_id: null },
}

test.each([
  ['its payload', {}, null],
  ['a replay', { replay_id: 'replay/12', first_value: '1200' }, 'By replay 12. Before, it was 1,200.'],
  ['a replay, where nothing was', { replay_id: 'replay/12', first_value: null }, 'By replay 12.'],
  [
    'a correction',
    { replay_id: 'correction/7', corrected_by: 'cli:<ann>', correction_reason: 'a zero & more', first_value: '98' },
    'Corrected by cli:&lt;ann&gt;: a zero &amp; more. Before, it was 98.',
  ],
  [
    'its payload, and a replay found it no longer',
    { first_value: '98' },
    'A replay found it no longer. Before, it was 98.',
  ],
])('a value that is there by %s', (_what, by, line) => {
  const page = show({ ...why, now: { ...origin, ...by } })
  expect(page).toContain('<dd dir="auto">9,800</dd>')
  if (line === null) expect(page).not.toContain('Read again')
  else expect(page).toContain(`<dt>Read again</dt><dd dir="auto">${line}</dd>`)
})

test('without a threshold no row is shown', () => {
  expect(show(why)).not.toContain('Threshold')
})

test('its series is drawn for phones and for wide screens, each with a mark at the news item', () => {
  const values = [1, 2, 9].map((value, day) => ({ at: Date.UTC(2026, 10, 14 + day), value }))
  const [newsAt, ahead] = [Date.UTC(2026, 10, 16), Date.UTC(2026, 10, 17)]
  const forecast = {
    steps: 1,
    for_time: ahead,
    made_at: newsAt,
    value: 10,
    low: 8,
    high: 12,
    mean_error: 1,
    model: 'm',
  }
  const past: Past = {
    ...{ values, newsAt, forecasts: [forecast, { ...forecast, steps: 2, low: null }] },
    disturbances: [{ kind: 'down', sourceId: 1, from: Date.UTC(2026, 10, 15), to: null }],
  }
  const pictures = drawPast({ ...why, item_key: 'app' }, past, newsAt)
  expect(show(why, pictures)).toContain(pictures)
  const nodes = [...pictures.matchAll(/<svg .*<\/svg>/g)].map(([svg]) => readPicture(svg))
  expect(nodes.map(([root]) => root?.attributes.width)).toEqual(['300', '560'])
  for (const [, title, description] of nodes) {
    expect(title?.text).toBe('<i>/app: stars')
    expect(description?.text).toMatch(
      /^3 values from .* Last value 9, \+800% .* 1 news item on 16 November 2026.*: <b>\{\{x\}\}<\/b>\.$/,
    )
    expect(description?.text).toMatch(/Forecast for 17 November 2026.*: 10; 8 of 10 such values are between 8 and 12\./)
    expect(description?.text).toMatch(/The source was down from 15 November 2026.* to 16 November 2026/)
  }
  const ids = nodes.flat().flatMap(({ attributes }) => attributes.id ?? [])
  expect(new Set(ids).size).toBe(ids.length)
})
