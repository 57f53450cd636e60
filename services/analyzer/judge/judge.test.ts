import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileRules, type OwnRow, type PublicRow } from '../rules/compile-rules.ts'
import type { SeriesState } from '../values/series-state.ts'
import { readValue, type Value } from '../values/value.ts'
import { judge, type Judgement } from './judge.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

const policy = { threshold: 25, steps: 5, types: new Set(['text', 'paragraph', 'bool']) }
const dayMs = 86_400_000

function ruleRow(changes: Partial<PublicRow> = {}): PublicRow {
  return {
    rule_id: 'notification_rules/1',
    version: 1,
    name: 'a rule',
    source_measurement_id: 1,
    threshold: 10,
    method: null,
    entries: null,
    ...changes,
  }
}

function rulesFor(rows: (PublicRow | OwnRow)[]) {
  const value = { source_measurement_id: 1, measurement_name: 'stars' }
  return compileRules(rows, 500)({ company_id: '1', data_source_id: 3 }, value)
}

/** What a series of values gives, one judgement each. */
function run(values: readonly Value[], rows: (PublicRow | OwnRow)[] = [], type = 'int'): Judgement[] {
  const { rules } = rulesFor(rows)
  let state: SeriesState | null = null
  return values.map((value, index) => {
    const judgement = judge(
      state,
      { value, type, eventNo: index + 1, observedAt: index * dayMs },
      { rules, policy, keep: 32 },
    )
    state = judgement.state
    return judgement
  })
}

const numbers = (...values: number[]): Value[] => values.map((number) => ({ kind: 'number', number }))
/** The percentages that fired, value by value; null where it fires from zero. */
const percents = (judgements: Judgement[]) => judgements.map(({ firings }) => firings.map(({ percent }) => percent))

describe('a percent rule', () => {
  test.each<[string, number[], number, (number | null)[][]]>([
    ['the first value is silent', [100], 10, [[]]],
    ['at the threshold', [100, 110], 10, [[], [10]]],
    ['below it', [100, 109], 10, [[], []]],
    ['down', [100, 50], 10, [[], [-50]]],
    ['to zero', [100, 0], 10, [[], [-100]]],
    ['from zero', [0, 5], 10, [[], [null]]],
    ['zero stays', [0, 0], 10, [[], []]],
    ['from a negative value', [-10, -5], 10, [[], [50]]],
    ['from negative to positive', [-10, 10], 10, [[], [200]]],
    [
      'threshold 0: any change, and only a change',
      [7, 7, 8],
      0,
      [[], [], [expect.closeTo(100 / 7, 9) as unknown as number]],
    ],
    ['a threshold nobody reaches', [1, 1000], 1e9, [[], []]],
    ['rounding of doubles does not decide', [0.1, 0.105], 5, [[], [expect.closeTo(5, 9) as unknown as number]]],
    ['beyond what a double holds', [1e-308, 1e308], 10, [[], [null]]],
    ['denormals', [5e-324, 1e-323], 10, [[], [100]]],
  ])('%s', (_what, values, threshold, expected) => {
    expect(percents(run(numbers(...values), [ruleRow({ threshold })]))).toEqual(expected)
  })

  test('a number of entries without a method means nothing', () => {
    expect(percents(run(numbers(100, 150), [ruleRow({ entries: 5 })]))).toEqual([[], [50]])
  })

  test('all rules of a measurement apply', () => {
    const rows = [
      ruleRow({ threshold: 10 }),
      ruleRow({ rule_id: 'notification_rules/2', threshold: 40 }),
      ruleRow({ rule_id: 'notification_rules/3', threshold: 60 }),
    ]
    const [, second] = run(numbers(100, 150), rows)
    expect(second?.firings.map(({ rule }) => rule?.id)).toEqual(['notification_rules/1', 'notification_rules/2'])
  })
})

describe('an aggregate compares windows of equal length', () => {
  const of = (method: string, entries: number | null, values: number[], threshold = 10) =>
    percents(run(numbers(...values), [ruleRow({ method, entries, threshold })]))

  test.each(['sum', 'SUM', 'avg', 'AVG', 'mean', 'Mean', 'min', 'MAX', 'median', 'count', 'COUNT', ' Sum '])(
    '%s of constant data never fires',
    (method) => {
      for (const entries of [null, 1, 3]) expect(of(method, entries, [100, 100, 100, 100, 100, 100]).flat()).toEqual([])
    },
  )
  test.each<[string, number | null, number[], (number | null)[][]]>([
    ['sum', 2, [10, 20, 30], [[], [], [expect.closeTo(200 / 3, 9) as unknown as number]]],
    ['sum', 1, [100, 150], [[], [50]]],
    ['avg', 2, [10, 20, 30], [[], [], [expect.closeTo(200 / 3, 9) as unknown as number]]],
    ['mean', 2, [10, 20, 30], [[], [], [expect.closeTo(200 / 3, 9) as unknown as number]]],
    ['max', 2, [10, 20, 30, 1], [[], [], [50], []]],
    ['min', 2, [10, 20, 30, 1], [[], [], [100], [-95]]],
    ['median', 3, [1, 2, 3, 100], [[], [], [], [50]]],
    ['count', 2, [10, 20, 30, 40], [[], [], [], []]],
    ['avg', 3, [100, 500], [[], []]],
    ['avg', null, [10, 20, 60], [[], [100], [expect.closeTo((100 * 5) / 3, 9) as unknown as number]]],
    ['sum', 2, [0, 0, 5], [[], [], [null]]],
    ['sum', 2, [1e308, 1e308, 1], [[], [], []]],
  ])('%s over %s of %j', (method, entries, values, expected) => {
    expect(of(method, entries, values)).toEqual(expected)
  })

  test('reports the aggregates it compared, the window and the latest value', () => {
    const [, , third] = run(numbers(10, 20, 60), [ruleRow({ method: 'AVG', entries: 2 })])
    expect(third?.firings[0]).toMatchObject({
      before: { number: 15 },
      now: { number: 40 },
      window: { method: 'avg', length: 2, latest: { number: 60 } },
      since: dayMs,
    })
  })
})

describe('a rule that cannot be applied is a problem with a remedy, and the defaults judge the measurement', () => {
  test.each<[Partial<PublicRow>, RegExp]>([
    [{ method: 'stddev' }, /"stddev" is unknown: use sum/],
    [{ method: 'toString' }, /unknown/],
    [{ method: '__proto__' }, /unknown/],
    [{ method: "'); DROP TABLE news; --" }, /unknown/],
    [{ method: 'sum', entries: 0 }, /aggregates 0 values: use 1 to 500/],
    [{ method: 'sum', entries: -3 }, /aggregates -3/],
    [{ method: 'sum', entries: 501 }, /aggregates 501/],
    [{ threshold: -1 }, /threshold is -1/],
    [{ threshold: 'NaN' }, /threshold is NaN/],
    [{ threshold: 'Infinity' }, /threshold is Infinity/],
  ])('%o', (changes, message) => {
    const { rules, problems } = rulesFor([ruleRow(changes)])
    expect(rules).toEqual([])
    expect(problems).toEqual([
      {
        rule: { id: 'notification_rules/1', version: 1, name: 'a rule' },
        message: expect.stringMatching(message) as string,
      },
    ])
    const [, second] = run(numbers(100, 130), [ruleRow(changes)])
    expect(second?.firings).toMatchObject([
      { rule: { id: 'default/percent', version: 2, condition: { by: 25 } }, percent: 30 },
    ])
  })

  test('a percent rule on a text', () => {
    const texts: Value[] = [
      { kind: 'text', text: 'a' },
      { kind: 'text', text: 'b' },
    ]
    const [, second] = run(texts, [ruleRow()], 'text')
    expect(second?.problems).toEqual([
      expect.objectContaining({ message: expect.stringMatching(/measurement is text/) as string }),
    ])
    expect(second?.firings).toMatchObject([{ kind: 'changed' }])
  })
})

const read = (type: string, found: Partial<Parameters<typeof readValue>[0]>) =>
  readValue({ type, number: null, text: null, date: null, members: null, ...found })!

describe('without a rule', () => {
  const textsOf = (...texts: string[]) => texts.map((text) => read('text', { text }))
  test.each<[string, string, Value[], boolean]>([
    ['a number by 25 %', 'int', numbers(100, 125), true],
    ['a number by less', 'float', numbers(100, 124.9), false],
    ['a number that halves', 'float', numbers(100, 50), true],
    ['a number that falls to zero', 'int', numbers(100, 0), true],
    ['a number from zero', 'int', numbers(0, 5), true],
    ['a count of a few by a few', 'int', numbers(2, 4), false],
    ['a text by case and punctuation', 'text', textsOf('The A. I. company', 'the "A.I." Company!'), false],
    [
      'a sentence by its counter',
      'text',
      textsOf('More than 1,200 teams trust us', 'More than 1,900 teams trust us'),
      false,
    ],
    ['a short text by its number', 'text', textsOf('Series A 10M', 'Series A 12M'), true],
    ['a number in words', 'text', textsOf('12', '13'), true],
    ['a text of signs alone', 'text', textsOf('👍', '👎'), true],
    ['a text', 'text', [read('text', { text: 'MIT' }), read('text', { text: 'ISC' })], true],
    ['a text by white space', 'paragraph', [read('text', { text: 'a  b\n' }), read('text', { text: 'a b' })], false],
    [
      'a long text beyond what is remembered',
      'paragraph',
      [read('text', { text: 'a'.repeat(5000) }), read('text', { text: `${'a'.repeat(5000)}b` })],
      true,
    ],
    ['a text to nothing', 'text', [read('text', { text: 'a' }), read('text', { text: '' })], true],
    ['a bool', 'bool', [read('bool', { number: 0 }), read('bool', { number: 1 })], true],
    ['the same bool', 'bool', [read('bool', { number: 1 }), read('bool', { number: 1 })], false],
    ['a list', 'text', [read('text', { members: ['a', 'b'] }), read('text', { members: ['b', 'c'] })], true],
    [
      'a list in another order, with doubles',
      'text',
      [read('text', { members: ['a', 'b'] }), read('text', { members: ['b', 'a', 'b'] })],
      false,
    ],
    ['a date', 'date', [read('date', { date: 1 }), read('date', { date: 2 })], false],
    ['a link', 'link', [read('link', { text: 'a' }), read('link', { text: 'b' })], false],
    ['an image', 'image', [read('image', { text: 'a' }), read('image', { text: 'b' })], false],
    ['a comment', 'comment', [read('comment', { text: 'a' }), read('comment', { text: 'b' })], false],
    [
      'a text to a list that has it',
      'text',
      [read('text', { text: 'a' }), read('text', { members: ['A', 'b'] })],
      false,
    ],
    ['a list to a text it had', 'text', [read('text', { members: ['a', 'b'] }), read('text', { text: 'a' })], false],
    ['a text to a list without it', 'text', [read('text', { text: 'a' }), read('text', { members: ['b'] })], true],
    ['a list to a text it did not have', 'text', [read('text', { members: ['a'] }), read('text', { text: 'c' })], true],
    ['a text to an empty list', 'text', [read('text', { text: 'a' }), read('text', { members: [] })], false],
    ['a list to its beginning', 'text', [read('text', { members: ['a'] }), read('text', { text: '["a", "b…' })], false],
    ['another kind than before', 'text', [...numbers(1), read('text', { text: 'b' })], false],
  ])('%s', (_what, type, values, isNews) => {
    const [first, second] = run(values, [], type)
    expect(first?.firings).toEqual([])
    expect(second?.firings.length).toBe(isNews ? 1 : 0)
  })
})

test('a text that becomes a list and a text again goes on as one series', () => {
  const values = [{ text: 'Go' }, { members: ['Go'] }, { members: ['Go', 'Rust'] }, { text: 'Rust' }, { text: 'C' }]
  for (const rows of [
    [],
    [
      {
        rule_id: 'r/1',
        version: 1,
        definition: { name: 'c', when: { kind: 'changed' }, scope: {} },
        bucketCompanies: [],
      },
    ],
  ]) {
    const judged = run(
      values.map((value) => read('text', value)),
      rows,
      'text',
    )
    expect(judged.map(({ firings }) => firings.map(({ before, now }) => [before, now]))).toEqual([
      ...[[], []],
      [
        [
          { kind: 'set', members: ['Go'] },
          { kind: 'set', members: ['Go', 'Rust'] },
        ],
      ],
      [],
      [
        [
          { kind: 'text', text: 'Rust' },
          { kind: 'text', text: 'C' },
        ],
      ],
    ])
  }
})

test('an empty list between two texts says nothing about them', () => {
  const values = [{ text: 'Go' }, { members: [] }, { members: [] }, { text: 'Go' }, { members: [] }, { text: 'Rust' }]
  const judged = run(
    values.map((value) => read('text', value)),
    [],
    'text',
  )
  expect(judged.map(({ firings }) => firings.map(({ before, now }) => [before, now]))).toEqual([
    ...[[], [], [], [], []],
    [
      [
        { kind: 'text', text: 'Go' },
        { kind: 'text', text: 'Rust' },
      ],
    ],
  ])
})

describe('a series over time, without a rule', () => {
  /** What each value is: nothing, told, flapping (told for the last time) or held. */
  const tell = (values: Value[], type = 'float') =>
    run(values, [], type).map(({ firings: [firing] }) =>
      firing === undefined ? '' : firing.held ? 'held' : firing.flapping ? 'flapping' : 'told',
    )
  const climb = Array.from({ length: 30 }, (_, week) => 1000 * 1.05 ** week)
  const noise = Array.from({ length: 60 }, (_, week) => 1000 + 300 * Math.sin(week * week))

  test('a slow climb, and noise once it is known, are not news', () => {
    expect(tell(numbers(...climb)).join('')).toBe('')
    expect(
      tell(numbers(...noise))
        .slice(5)
        .join(''),
    ).toBe('')
    expect(tell(numbers(...noise, 5000)).at(-1)).toBe('told')
  })

  test.each<[string, Value[], string[]]>([
    ['a toggle', numbers(10, 90, 10, 90, 10, 90), ['', 'told', 'told', 'flapping', 'held', '']],
    ['a climb is no toggle', numbers(10, 20, 40, 80, 160), ['', 'told', 'told', 'told', 'told']],
  ])('%s', (_what, values, told) => {
    expect(tell(values)).toEqual(told)
  })

  test('texts that change back and forth are marked, then held until they are stable for three values', () => {
    const texts = (signs: string): Value[] => [...signs].map((text) => ({ kind: 'text', text }))
    expect(tell(texts('ababababbbbab'), 'text')).toEqual([
      ...['', 'told', 'told', 'flapping', 'held', 'held', 'held', 'held', '', '', ''],
      ...['told', 'told'],
    ])
    expect(tell(texts('abcdefg'), 'text')).toEqual(['', ...Array<string>(6).fill('told')])
  })
})

test('nothing makes it throw, and what it remembers is bounded', () => {
  const number = fc.double({ noNaN: true, noDefaultInfinity: true })
  const value: fc.Arbitrary<Value> = fc.oneof(
    number.map((number) => ({ kind: 'number' as const, number })),
    fc.boolean().map((bool) => ({ kind: 'bool' as const, bool })),
    fc.string().map((text) => ({ kind: 'text' as const, text })),
    fc.integer().map((date) => ({ kind: 'date' as const, date })),
    fc.array(fc.string()).map((members) => ({ kind: 'set' as const, members })),
  )
  const row = fc.record({
    threshold: fc.oneof(number, fc.constantFrom('NaN', 'Infinity', '-Infinity')),
    method: fc.option(fc.oneof(fc.string(), fc.constantFrom('sum', 'AVG', 'Median', 'count'))),
    entries: fc.option(fc.integer({ min: -5, max: 40 })),
  })
  fc.assert(
    fc.property(fc.array(value, { maxLength: 60 }), fc.array(row, { maxLength: 4 }), (values, rows) => {
      for (const { state, firings } of run(values, rows.map(ruleRow))) {
        expect(state.recent.length).toBeLessThanOrEqual(32)
        for (const { percent } of firings) expect(percent === null || Number.isFinite(percent)).toBe(true)
      }
    }),
  )
})
