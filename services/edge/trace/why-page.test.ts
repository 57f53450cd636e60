import { expect, test } from 'vitest'
import type { Why } from './read-why.ts'
import { whyPage } from './why-page.ts'

const rule = { id: 'rule/1', version: 2, since: null }
const why: Why = {
  ...{ news_id: '0', kind: 'threshold', severity: 'info', title: '<b>{{x}}</b>', message: 'a & b', silent: false },
  ...{ created_at: '2026-11-16T10:00:00.000Z', company: { id: 1, name: '<i>' }, source: { id: 1, name: null } },
  ...{ measurement: { id: 1, name: 'stars', type: 'int' }, subject_key: '', item_key: null, trigger_factor: null },
  ...{ previous: '1', current: '9', facts: {}, rule: null, series: null, now: null, before: null },
}

test('names and texts are escaped', () => {
  const page = whyPage(why)
  expect(page).toContain('<h1>&lt;b&gt;{{x}}&lt;/b&gt;</h1>')
  expect(page).toContain('<p>a &amp; b</p>')
  expect(page).toContain('<dd>&lt;i&gt;</dd>')
})

test.each([
  ['a rule of parma-web', { ...rule, definition: { threshold: 5 } }, '5%'],
  ['the default', { ...rule, definition: null }, '5%'],
  ['a rule for percents', { ...rule, definition: { when: { kind: 'percent', by: 5 } } }, '5%'],
  ['a rule for so much', { ...rule, definition: { when: { kind: 'absolute', by: 5 } } }, '5'],
])('the threshold of %s', (_what, of, shown) => {
  expect(whyPage({ ...why, rule: of, facts: { threshold: '5' } })).toContain(`<dt>Threshold</dt><dd>${shown}</dd>`)
})

test('without a threshold no row is shown', () => {
  expect(whyPage(why)).not.toContain('Threshold')
})
