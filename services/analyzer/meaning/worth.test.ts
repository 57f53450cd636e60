import { expect, test } from 'vitest'
import type { Found } from '../judge/judge-payload.ts'
import type { Payload } from '../values/payload.ts'
import type { Value } from '../values/value.ts'
import type { Evidence } from './evidence.ts'
import { weigh } from './importance.ts'
import { compileMeanings } from './polarity.ts'
import { openWeighing, plainWeighing, weighNews } from './weigh-news.ts'
import { isWorthTelling } from './worth.ts'

const meaningOf = compileMeanings([])
const own = { id: 'rule/7', version: 1, name: 'mine' }
const unusual = { id: 'default/insight', version: 1, name: 'default' }
const percent = { id: 'default/percent', version: 2, name: 'default' }

/** `item_key`: of the list item that the change is of; null: it is of the company. */
type More = { rule?: object; score?: number; item_key?: string | null }

/** Whether a change of a measurement is worth telling. `others`: how many news items other companies had. */
function tells(measurement: string, before: unknown, now: unknown, more: More = {}, others = 0) {
  const [a, b] = [before, now].map((value) =>
    typeof value === 'number' ? { kind: 'number', number: value } : { kind: 'text', text: value },
  ) as [Value, Value]
  const { score = null, rule = typeof before === 'number' ? percent : null, item_key = 'x' } = more
  const evidence: Evidence = {
    ...{ kind: typeof before === 'number' ? 'threshold' : 'changed', meaning: meaningOf(measurement), score },
    change: {
      before: a,
      now: b,
      percent: null,
      isCount: true,
      isTotal: false,
      isTurn: String(now).includes('deprecated'),
    },
    ...{ items: null, past: { series: 0, company: 0, others } },
  }
  const signal = score === null ? {} : { signal: { kind: 'spike', score, reason: '' } }
  const found = {
    value: { item_key },
    firing: { rule: score === null ? rule : (more.rule ?? unusual), ...signal },
  } as unknown as Found
  return isWorthTelling(found, evidence, weigh(evidence))
}

test.each<[string, unknown, unknown, More, boolean]>([
  ['stars', 28_500, 28_900, { score: 0.5 }, true],
  ['open issues', 44, 47, { score: 0.35 }, false],
  ['open issues', 44, 47, { score: 0.95 }, true],
  ['open issues', 44, 47, { score: 0.35, rule: own }, true],
  ['open issues', 6, 18, {}, false],
  ['open issues', 6, 18, { item_key: null }, true],
  ['version count', 35, 54, { item_key: null }, true],
  ['open issues', 3000, 1500, {}, true],
  ['open issues', 12, 0, {}, true],
  ['open issues', 0, 4, {}, false],
  ['stars', 20, 40, {}, true],
  ['employees', 10, 20, {}, true],
  ['anything', 10, 20, {}, true],
  ['primary language', 'Java', 'C++', {}, false],
  ['primary language', 'Java', 'C++', { rule: own }, true],
  ['latest version', '4.6.6', '4.6.7', {}, true],
  ['ceo', 'Ann', 'Bob', {}, true],
  ['status', 'active', 'closed', {}, true],
  ['description', 'A parser for JSON', 'A parser for YAML', {}, true],
  [
    'description',
    'gRPC and protocol buffers for Android, Kotlin, and Java',
    'gRPC and protocol buffers for Android, Kotlin, Swift and Java',
    {},
    false,
  ],
  ['description', 'gRPC and protocol buffers for Android, Kotlin, and Java', 'Payroll for dentists', {}, true],
  [
    'description',
    'gRPC and protocol buffers for Android, Kotlin, and Java',
    'gRPC and protocol buffers for Android, Kotlin, and Java, deprecated',
    {},
    true,
  ],
])('%s from %s to %s (%j): whether it is worth telling', (measurement, before, now, more, expected) => {
  expect(tells(measurement, before, now, more)).toBe(expected)
})

test('what other companies did changes nothing, because a backtest does not know it', () => {
  expect([0, 1000].map((others) => tells('stars', 28_500, 28_900, { score: 0.5 }, others))).toEqual([true, true])
})

test('with the percentage of before everything is told', () => {
  const value = { type: 'text', path: 'language', item_key: null, measurement_name: 'primary language' }
  const texts = { before: { kind: 'text', text: 'Java' }, now: { kind: 'text', text: 'C++' }, rule: null }
  const found = { value, firing: { kind: 'changed', percent: null, ...texts } } as unknown as Found
  const payload = { company_id: '1', subject_key: '', observed_at: 0, values: [value] } as unknown as Payload
  const told = (['insight', 'percent'] as const).map(
    (DEFAULT_DETECTOR) =>
      weighNews(payload, found, openWeighing({ ...plainWeighing, DEFAULT_DETECTOR })).isWorthTelling,
  )
  expect(told).toEqual([false, true])
})
