import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Firing, judge } from '../judge/judge.ts'
import { compileRules, percentRule, type Rule } from '../rules/compile-rules.ts'
import type { RuleDefinition } from '../rules/read-definition.ts'
import type { Value } from '../values/value.ts'
import { describeFiring, type Names } from './describe-firing.ts'

const policy = { threshold: 5, steps: 0, types: new Set(['text', 'bool', 'date', 'link']) }
const from = Date.parse('2026-11-16T10:03:00Z')
const to = Date.parse('2026-11-23T09:00:00Z')
const names: Names = { company: 'langfuse', source: 'github', measurement: 'stars', item: null, list: null }

type Aggregate = { method: 'sum' | 'avg' | 'median'; entries: number }

function firingOf(before: Value, now: Value, type = 'text', window: Aggregate | null = null): Firing | undefined {
  const percent = percentRule({ id: 'notification_rules/1', version: 1, name: '' }, 1)
  const rules = window ? [{ ...percent, window: { method: window.method, runs: window.entries } }] : []
  const measure = { rules, policy, keep: 32 }
  const { state } = judge(null, { value: before, type, eventNo: 1, observedAt: from }, measure)
  return judge(state, { value: now, type, eventNo: 2, observedAt: to }, measure).firings[0]
}

/** `inARow` is what it says; it fires at once. */
function firingOfRule(
  before: number,
  now: number,
  when: RuleDefinition['when'],
  { inARow = 1 }: Partial<Rule>,
): Firing {
  const definition = { name: 'a rule', when }
  const rows = [{ rule_id: 'rule/1', version: 1, definition, bucketCompanies: [] }]
  const measured = { source_measurement_id: 1, measurement_name: 'stars' }
  const { rules } = compileRules(rows, 500)({ company_id: '1', data_source_id: 3 }, measured)
  const measure = { rules, policy, keep: 32 }
  const { state } = judge(null, { value: number(before), type: 'int', eventNo: 1, observedAt: from }, measure)
  const [firing] = judge(state, { value: number(now), type: 'int', eventNo: 2, observedAt: to }, measure).firings
  return { ...firing!, rule: { ...rules[0]!, inARow } }
}

const number = (value: number): Value => ({ kind: 'number', number: value })
const text = (value: string): Value => ({ kind: 'text', text: value })
const set = (...members: string[]): Value => ({ kind: 'set', members })

test('says why a value is unusual, and has it among the facts', () => {
  const signal = { kind: 'spike', score: 0.71, reason: 'largest rise in 14 months' }
  const told = describeFiring({ ...firingOf(number(1561), number(1780), 'int')!, signal }, to, names)
  expect(told.message).toBe(
    'langfuse: stars rose by 14% from 1,561 to 1,780 since 16 November 2026 (github): largest rise in 14 months.',
  )
  expect(told.title).toBe('langfuse: stars rose 14% to 1,780, largest rise in 14 months')
  expect(told.facts).toMatchObject({ signal: 'spike', score: '0.71', reason: 'largest rise in 14 months' })
})

test('a counter that stands still has stopped growing', () => {
  const signal = { kind: 'stall', score: 0.8, reason: 'no growth in 2 values in a row, 6 each was usual' }
  const still = { ...firingOf(number(4000), number(5544), 'int')!, before: number(5544), signal }
  expect(describeFiring({ ...still, kind: 'threshold', percent: 0, rule: null }, to, names)).toMatchObject({
    title: 'langfuse: stars stopped growing at 5,544, no growth in 2 values in a row, 6 each was usual',
    message:
      'langfuse: stars stayed at 5,544 since 16 November 2026 (github): no growth in 2 values in a row, 6 each was usual.',
  })
})

test('a title without room for the whole reason leaves out what is said beside it, then the reason', () => {
  const reason = `largest rise in 14 months, passes 1,000`
  const found = { ...firingOf(number(900), number(1780), 'int')!, signal: { kind: 'spike', score: 0.7, reason } }
  const titleOf = (item: string) => describeFiring(found, to, { ...names, item }).title
  const [short, long, longer] = [30, 45, 75].map((length) => 'x'.repeat(length)) as [string, string, string]
  expect([short, long, longer].map(titleOf)).toEqual([
    `langfuse/${short}: stars rose 98% to 1,780, ${reason}`,
    `langfuse/${long}: stars rose 98% to 1,780, largest rise in 14 months`,
    `langfuse/${longer}: stars rose 98% to 1,780`,
  ])
})

describe('title and message', () => {
  test.each<[Value, Value, string, Partial<Names>, string, string]>([
    [
      number(1561),
      number(1780),
      'int',
      {},
      'langfuse: stars rose 14% to 1,780',
      'langfuse: stars rose by 14% from 1,561 to 1,780 since 16 November 2026 (github).',
    ],
    [
      number(100),
      number(50),
      'int',
      { company: 'Acme Corp' },
      'Acme Corp: stars fell 50% to 50',
      'Acme Corp: stars fell by 50% from 100 to 50 since 16 November 2026 (github).',
    ],
    [
      number(0),
      number(5),
      'int',
      {},
      'langfuse: stars rose from 0 to 5',
      'langfuse: stars rose from 0 to 5 since 16 November 2026 (github).',
    ],
    [
      number(10),
      number(20),
      'int',
      { item: 'web-app', measurement: 'open issues' },
      'langfuse/web-app: open issues rose 100% to 20',
      'langfuse: open issues of web-app rose by 100% from 10 to 20 since 16 November 2026 (github).',
    ],
    [
      text('MIT'),
      text('ISC'),
      'text',
      { measurement: 'license' },
      'langfuse: license changed from MIT to ISC',
      'langfuse: license changed from MIT to ISC since 16 November 2026 (github).',
    ],
    [
      text('an old text'),
      text(''),
      'text',
      { measurement: 'description' },
      'langfuse: description changed from an old text to nothing',
      'langfuse: description changed from “an old text” to nothing since 16 November 2026 (github).',
    ],
    [
      { kind: 'bool', bool: false },
      { kind: 'bool', bool: true },
      'bool',
      { measurement: 'deprecated' },
      'langfuse: deprecated changed from no to yes',
      'langfuse: deprecated changed from no to yes since 16 November 2026 (github).',
    ],
    [
      set('a', 'b'),
      set('b', 'c', 'd'),
      'text',
      { measurement: 'keywords' },
      'langfuse: keywords changed: 2 added, 1 removed',
      'langfuse: keywords changed since 16 November 2026 (github): added c and d; removed a. Before: a and b. Now: b, c and d.',
    ],
    [
      set('a'),
      set('a', 'typescript'),
      'text',
      { measurement: 'keywords' },
      'langfuse: keywords gained typescript',
      'langfuse: keywords changed since 16 November 2026 (github): added typescript. Before: a. Now: a and typescript.',
    ],
    [
      set('a'),
      set('a', ''),
      'text',
      { measurement: 'keywords' },
      'langfuse: keywords changed: 1 added',
      'langfuse: keywords changed since 16 November 2026 (github): added an empty text. Before: a. Now: a and an empty text.',
    ],
    [
      { kind: 'date', date: 0 },
      { kind: 'date', date: from },
      'date',
      { measurement: 'last published' },
      'langfuse: last published changed from 1 January 1970 to 16 November 2026',
      'langfuse: last published changed from “1 January 1970” to “16 November 2026” since 16 November 2026 (github).',
    ],
  ])('%j → %j', (before, now, type, changes, title, message) => {
    const described = describeFiring(firingOf(before, now, type)!, to, { ...names, ...changes })
    expect(described).toMatchObject({ title, message })
  })

  test.each<[number, number, RuleDefinition['when'], Partial<Rule>, string, string]>([
    [
      9900,
      10_050,
      { kind: 'above', level: 10_000, recovery: null },
      {},
      'langfuse: stars rose above 10,000',
      'langfuse: stars rose above 10,000, from 9,900 to 10,050 since 16 November 2026 (github).',
    ],
    [
      5,
      -0.5,
      { kind: 'below', level: 0, recovery: 2 },
      { inARow: 1 },
      'langfuse: stars fell below 0',
      'langfuse: stars fell below 0, from 5 to -0.5 since 16 November 2026 (github).',
    ],
    [
      1561,
      1780,
      { kind: 'absolute', by: 200, direction: 'up' },
      {},
      'langfuse: stars rose 219 to 1,780',
      'langfuse: stars rose by 219 (14%) from 1,561 to 1,780 since 16 November 2026 (github).',
    ],
    [
      0,
      7,
      { kind: 'absolute', by: 5, direction: 'both' },
      {},
      'langfuse: stars rose from 0 to 7',
      'langfuse: stars rose from 0 to 7 since 16 November 2026 (github).',
    ],
    [
      0,
      7,
      { kind: 'from-zero', direction: 'both' },
      {},
      'langfuse: stars rose from 0 to 7',
      'langfuse: stars rose from 0 to 7 since 16 November 2026 (github).',
    ],
  ])('%d → %d, %j', (before, now, when, changes, title, message) => {
    expect(describeFiring(firingOfRule(before, now, when, changes), to, names)).toMatchObject({ title, message })
  })

  test('several values in a row, and windows over days, are named', () => {
    const percent = { kind: 'percent', by: 10, direction: 'up' } as const
    const above = { kind: 'above', level: 15, recovery: null } as const
    const window = { method: 'stddev', length: 9, days: 7, latest: number(20) } as const
    const rows = [firingOfRule(10, 20, percent, { inARow: 3 }), firingOfRule(10, 20, above, { inARow: 3 })]
    const over = { ...firingOfRule(10, 20, percent, {}), window }
    expect([...rows, over].map((firing) => describeFiring(firing, to, names).message)).toEqual([
      'langfuse: stars rose by 100% from 10 to 20 since 16 November 2026 (github), 3 times in a row.',
      'langfuse: stars rose above 15, from 10 to 20 since 16 November 2026 (github), for 3 values in a row.',
      'langfuse: spread of stars rose by 100% from 10 to 20 since 16 November 2026 (github), over 7 days, latest value 20.',
    ])
  })

  test('two times of one day can be distinguished', () => {
    const dates = [from, from + 3_600_000].map((date): Value => ({ kind: 'date', date })) as [Value, Value]
    expect(describeFiring(firingOf(...dates, 'date')!, to, names).current).toBe('16 November 2026, 11:03 UTC')
  })

  test('a window names its method, its length and the latest value', () => {
    const { title, message } = describeFiring(
      firingOf(number(10), number(30), 'int', { method: 'avg', entries: 1 })!,
      to,
      names,
    )
    expect(title).toBe('langfuse: average stars rose 200% to 30')
    expect(message).toBe(
      'langfuse: average stars rose by 200% from 10 to 30 since 16 November 2026 (github), over 1 value, latest value 30.',
    )
  })

  test('less than two days ago has the time', () => {
    const firing = { ...firingOf(number(10), number(20), 'int')!, since: to - 3_600_000 }
    expect(describeFiring(firing, to, names).message).toContain('since 23 November 2026, 08:00 UTC (')
  })

  test('long texts show where they differ', () => {
    const words = Array.from({ length: 100 }, (_, n) => `word${n}`).join(' ')
    const { previous, current } = describeFiring(firingOf(text(`${words} old`), text(`${words} new`))!, to, names)
    expect(previous).toMatch(/^…word.* old$/)
    expect(current).toMatch(/^…word.* new$/)
  })

  test('so do those without spaces', () => {
    const letters = '文'.repeat(200)
    const { previous, current } = describeFiring(firingOf(text(`${letters}大`), text(`${letters}小`))!, to, names)
    expect(previous).toMatch(/^…文+大$/)
    expect(current).toMatch(/^…文+小$/)
  })

  test('texts whose kept beginnings are equal changed after them', () => {
    const kept = 'word '.repeat(390).trim()
    const [before, now] = ['1', '2'].map((hash): Value => ({ kind: 'text', text: kept, hash }))
    expect(describeFiring(firingOf(before!, now!)!, to, names).message).toMatch(
      /: stars changed after “…word.* word” since /,
    )
  })

  test('names are plain text, whatever they contain', () => {
    const hostile = {
      company: '{{company}} ${x} <b>%s</b>\u0000\n$&',
      source: '$1',
      measurement: '__proto__',
      item: '$`',
      list: 'x[]',
    }
    const { message } = describeFiring(firingOf(number(10), number(20), 'int')!, to, hostile)
    expect(message).toBe(
      '{{company}} ${x} <b>%s</b> $&: __proto__ of $` rose by 100% from 10 to 20 since 16 November 2026 ($1).',
    )
  })
})

test('every number in a text is a fact, and company, measurement and both values are named', () => {
  const finite = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  )
  const words = fc.oneof(
    fc.string(),
    fc.lorem({ maxCount: 30 }),
    fc.stringMatching(/^[a-z0-9 .,-]{0,400}$/),
    fc.stringMatching(/^[0-9]{100,300}$/),
  )
  const pair = fc.oneof(
    fc.tuple(finite, finite).map(([a, b]): [Value, Value, string] => [number(a), number(b), 'float']),
    fc.tuple(words, words).map(([a, b]): [Value, Value, string] => [text(a), text(b), 'text']),
    fc
      .tuple(fc.array(words), fc.array(words))
      .map(([a, b]): [Value, Value, string] => [set(...new Set(a)), set(...new Set(b)), 'text']),
    fc
      .tuple(fc.nat(), fc.nat())
      .map(([a, b]): [Value, Value, string] => [
        { kind: 'date', date: a * 1e6 },
        { kind: 'date', date: b * 1e6 },
        'date',
      ]),
  )
  const aggregate = fc.option(
    fc.record({ method: fc.constantFrom('sum' as const, 'avg' as const, 'median' as const), entries: fc.constant(1) }),
  )
  let told = 0
  fc.assert(
    fc.property(
      pair,
      aggregate,
      fc.record({
        company: words,
        source: words,
        measurement: words,
        item: fc.option(words),
        list: fc.constantFrom(null, 'x[]'),
      }),
      fc.record({
        kind: fc.constantFrom('percent', 'absolute', 'above'),
        level: finite,
        inARow: fc.integer({ min: 1, max: 99 }),
      }),
      ([a, b, type], window, names, { kind, level, inARow }) => {
        const found = firingOf(a, b, type, window)
        fc.pre(found !== undefined)
        told++
        const condition = { kind, by: 1, direction: 'both', level, recovery: level } as Rule['condition']
        const firing = { ...found, rule: found.rule && { ...found.rule, condition, inARow } }
        const { title, message, previous, current, facts } = describeFiring(firing, to, names)
        for (const name of [facts.company_name, facts.item_label ?? '']) expect(title).toContain(name)
        const known = new Set(Object.values(facts).flatMap(numbersIn))
        for (const found of numbersIn(`${title}\n${message}`)) expect(known).toContain(found)
        for (const said of [facts.company_name, facts.measurement_name, previous, current])
          expect(message).toContain(said)
      },
    ),
    { numRuns: 3000, seed: 7 },
  )
  expect(told).toBeGreaterThan(1000)
})

function numbersIn(said: string): string[] {
  return said.match(/\d+(?:[.,]\d+)*/g) ?? []
}
