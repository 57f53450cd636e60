import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileRules } from '../rules/compile-rules.ts'
import { ruleDefinition, type RuleDefinition } from '../rules/read-definition.ts'
import type { SeriesState } from '../values/series-state.ts'
import { numberOf, type Value } from '../values/value.ts'
import { judge, type Judgement } from './judge.ts'

const policy = { threshold: 25, steps: 0, types: new Set(['text']) }
const dayMs = 86_400_000

type Given = Partial<Omit<RuleDefinition, 'when' | 'scope'>> & { when: { kind: string }; scope?: object }

function rulesOf(definitions: readonly object[], version = 1, maxWindow = 20) {
  const rows = definitions.map((definition, index) => {
    return { rule_id: `rule/${index + 1}`, version, definition, bucketCompanies: [] }
  })
  const value = { source_measurement_id: 1, measurement_name: 'stars' }
  return compileRules(rows, maxWindow)({ company_id: '1', data_source_id: 3 }, value).rules
}

/**
 * A series, one value a day or at the days given, judged by rules of our own. Its state goes through JSON as in
 * Postgres.
 */
function createSeries(definitions: readonly object[]) {
  let state: SeriesState | null = null
  let day = 0
  let rules = rulesOf(definitions)
  return {
    change: (changed: readonly object[]) => void (rules = rulesOf(changed, 2)),
    state: () => state,
    see(value: Value, at = day, type: string = value.kind): Judgement {
      day = at + 1
      const observed = { value, type, eventNo: day, observedAt: at * dayMs }
      const judgement = judge(state, observed, { rules, policy, keep: 8 })
      state = JSON.parse(JSON.stringify(judgement.state)) as SeriesState
      return judgement
    },
  }
}

const number = (value: number): Value => ({ kind: 'number', number: value })
const named = (given: Given) => ({ name: 'a rule', ...given })

/** What fires, value by value: `from→to`. A value is a number, or a number and its day. */
function run(given: Given, values: readonly (number | [value: number, day: number])[]): string[] {
  const series = createSeries([named(given)])
  return values.map((value) => {
    const { firings } = Array.isArray(value) ? series.see(number(value[0]), value[1]) : series.see(number(value))
    return firings.map(({ before, now }) => `${numberOf(before)}→${numberOf(now)}`).join()
  })
}

describe('a rule of our own', () => {
  test.each<[string, Given, (number | [number, number])[], string[]]>([
    ['percent', { when: percent(10) }, [100, 109, 120, 100], ['', '', '109→120', '120→100']],
    ['percent, up', { when: percent(10, 'up') }, [100, 50, 100, 200], ['', '', '50→100', '100→200']],
    ['percent, down', { when: percent(10, 'down') }, [100, 50, 100, 0], ['', '100→50', '', '100→0']],
    ['percent, from zero', { when: percent(10, 'down') }, [0, 5, 0, -5], ['', '', '5→0', '0→-5']],
    ['absolute', { when: absolute(5) }, [100, 104, 109, 100], ['', '', '104→109', '109→100']],
    ['absolute, down', { when: absolute(5, 'down') }, [100, 200, 196, 191], ['', '', '', '196→191']],
    ['absolute, by what doubles cannot hold', { when: absolute(0.2) }, [0.1, 0.3, 0.5], ['', '0.1→0.3', '0.3→0.5']],
    ['from zero', { when: { kind: 'from-zero' } }, [5, 0, 3, 4, 0, -1], ['', '', '0→3', '', '', '0→-1']],
    ['never', { when: { kind: 'never' } }, [1, 100], ['', '']],
    ['changed', { when: { kind: 'changed' } }, [1, 1, 2], ['', '', '1→2']],
    ['above', { when: above(10) }, [9, 10, 11, 12, 10, 11], ['', '', '10→11', '', '', '10→11']],
    ['above from the start', { when: above(10) }, [11, 12, 10, 12], ['', '', '', '10→12']],
    ['above, back at 8', { when: above(10, 8) }, [9, 11, 9, 11, 8, 11], ['', '9→11', '', '', '', '8→11']],
    ['below', { when: below(10) }, [10, 9, 8, 10, 9], ['', '10→9', '', '', '10→9']],
    ['below, back at 12', { when: below(10, 12) }, [11, 9, 11, 9, 12, 9], ['', '11→9', '', '', '', '12→9']],
    [
      'above for 3 in a row',
      { when: above(10), in_a_row: 3 },
      [9, 11, 12, 9, 11, 11, 11, 11, 11],
      ['', '', '', '', '', '', '9→11', '', ''],
    ],
    [
      'up 3 times in a row, then counted anew',
      { when: percent(10), in_a_row: 3 },
      [10, 20, 30, 40, 50, 60, 70],
      ['', '', '', '10→40', '', '', '40→70'],
    ],
    ['a turn is no row', { when: percent(10), in_a_row: 2 }, [10, 20, 10, 5, 10], ['', '', '', '20→5', '']],
    ['a pause is no row', { when: percent(10), in_a_row: 2 }, [10, 20, 20, 30, 40], ['', '', '', '', '20→40']],
    [
      'nothing while it cools down, in observed time',
      { when: percent(10), cool_down_days: 3 },
      [
        [10, 0],
        [20, 1],
        [30, 2],
        [40, 3.9],
        [50, 4],
        [60, 5],
        [70, 60],
      ],
      ['', '10→20', '', '', '40→50', '', '60→70'],
    ],
    [
      'a level crossed while it cools down is crossed',
      { when: above(10), cool_down_days: 3 },
      [9, 11, 9, 11, 11, 11, 9, 11],
      ['', '9→11', '', '', '', '', '', '9→11'],
    ],
    ['the average of 2', { when: percent(50), window: { method: 'avg', runs: 2 } }, [10, 20, 30], ['', '', '15→25']],
    [
      'the average of 2 above',
      { when: above(20), window: { method: 'avg', runs: 2 } },
      [10, 20, 30],
      ['', '', '15→25'],
    ],
    [
      'the spread of 2',
      { when: absolute(5), window: { method: 'stddev', runs: 2 } },
      [10, 10, 10, 30, 50],
      ['', '', '', '0→10', ''],
    ],
    [
      'the count over 3 days',
      { when: absolute(1), window: { method: 'count', days: 3 } },
      [
        [1, 0],
        [1, 1],
        [1, 2],
        [1, 3],
        [1, 4],
        [1, 4.5],
        [1, 6],
        [1, 30],
      ],
      ['', '', '', '', '', '3→4', '4→3', '3→1'],
    ],
    [
      'the total over 2 days, once 2 days are known',
      { when: percent(50), window: { method: 'sum', days: 2 } },
      [
        [10, 0],
        [90, 1],
        [10, 2],
        [10, 3],
        [70, 4],
      ],
      ['', '', '', '100→20', '20→80'],
    ],
  ])('%s', (_what, given, values, told) => {
    expect(run(given, values)).toEqual(told)
  })

  test('a change has its kind, since when, and its percent', () => {
    const series = createSeries([named({ when: percent(10), in_a_row: 2, severity: 'critical' })])
    for (const value of [10, 20]) series.see(number(value))
    expect(series.see(number(30)).firings).toMatchObject([
      {
        kind: 'threshold',
        rule: { id: 'rule/1', version: 1, severity: 'critical', inARow: 2 },
        percent: 200,
        since: 0,
      },
    ])
  })

  test('can fire on any change of texts, dates and links, or never', () => {
    const told = (when: string | { kind: string; ignore: string[] }, type: string, ...values: Value[]) => {
      const series = createSeries([named({ when: typeof when === 'string' ? { kind: when } : when })])
      return values.map((value) =>
        series
          .see(value, undefined, type)
          .firings.map((firing) => firing.kind)
          .join(),
      )
    }
    const [text, date] = [
      (text: string): Value => ({ kind: 'text', text }),
      (date: number): Value => ({ kind: 'date', date }),
    ]
    expect(told('changed', 'link', text('a'), text('A'), text('A'))).toEqual(['', 'changed', ''])
    expect(told({ kind: 'changed', ignore: ['b'] }, 'text', text('a'), text('a b'), text('c'))).toEqual([
      ...['', '', 'changed'],
    ])
    expect(told('changed', 'date', date(1), date(2))).toEqual(['', 'changed'])
    expect(told('changed', 'bool', { kind: 'bool', bool: true }, { kind: 'bool', bool: false })).toEqual([
      '',
      'changed',
    ])
    expect(told('never', 'text', text('a'), text('b'))).toEqual(['', ''])
  })

  test('about numbers does not judge texts, and is a problem where it names that very measurement', () => {
    const judgeTexts = (measurement: string) => {
      const series = createSeries([named({ when: percent(10), scope: { measurement } })])
      series.see({ kind: 'text', text: 'a' })
      const { firings, problems } = series.see({ kind: 'text', text: 'b' })
      return [firings.length, problems.map(({ message }) => message)]
    }
    expect(judgeTexts('st*')).toEqual([1, []])
    expect(judgeTexts('stars')).toEqual([1, [expect.stringMatching(/needs numbers, but the measurement is text/)]])
  })

  test('that aggregates too many values is a problem once it shows', () => {
    const given = named({ when: percent(10), window: { method: 'avg', days: 5 } })
    const series = createSeries([given])
    const problems = Array.from({ length: 30 }, (_, n) => series.see(number(n), n / 10).problems.length)
    expect(problems.indexOf(1)).toBe(20)
    expect(series.see(number(1), 3).problems).toMatchObject([
      {
        rule: { id: 'rule/1' },
        message: expect.stringMatching(/window of 5 days holds more than 20 values/) as string,
      },
    ])
    expect(series.state()?.at?.length).toBe(20)
    // It is as if it were not there.
    expect(series.see(number(1000), 3.1).firings).toMatchObject([{ rule: { id: 'default/percent' } }])
  })
})

describe('what rules remember of a series', () => {
  test('is little, and nothing of other versions or of rules that are gone', () => {
    const above10 = named({ when: above(10), cool_down_days: 1 })
    const series = createSeries(
      [above10, named({ when: percent(10) })].map((one, index) => ({ ...one, name: `${index}` })),
    )
    series.see(number(9))
    expect(series.state()?.rules).toBeUndefined()
    series.see(number(11))
    expect(series.state()?.rules).toEqual({ 'rule/1': { version: 1, beyond: true, firedAt: dayMs } })
    series.change([{ ...above10, when: above(20) }])
    expect(series.see(number(21)).firings).toHaveLength(1)
    expect(series.state()?.rules).toEqual({ 'rule/1': { version: 2, beyond: true, firedAt: 2 * dayMs } })
    series.change([])
    series.see(number(9))
    expect(series.state()?.rules).toBeUndefined()
  })

  test('may be missing, as in states stored before there were rules', () => {
    const old: SeriesState = { eventNo: 1, observedAt: 0, last: number(9), recent: [8, 9] }
    const seen = (given: Given) => {
      const rules = rulesOf([named(given)])
      const observed = { value: number(11), type: 'int', eventNo: 2, observedAt: dayMs }
      const { state, firings } = judge(old, observed, { rules, policy, keep: 8 })
      return { at: state.at, recent: state.recent, fires: firings.length > 0 }
    }
    expect(seen({ when: above(10) })).toEqual({ at: undefined, recent: [8, 9, 11], fires: true })
    expect(seen({ when: above(10), window: { method: 'avg', days: 1 } })).toEqual({
      at: [dayMs],
      recent: [8, 9, 11],
      fires: false,
    })
  })
})

test('nothing makes it throw, and what it remembers is bounded', () => {
  const finite = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(0, -0, 1e308, -1e308, 5e-324),
  )
  const direction = fc.constantFrom('up', 'down', 'both')
  const by = finite.map(Math.abs)
  const method = fc.constantFrom('sum', 'avg', 'count', 'min', 'max', 'median', 'stddev')
  const when = fc.oneof(
    fc.record({ kind: fc.constantFrom('percent', 'absolute'), by, direction }),
    fc.record({ kind: fc.constant('from-zero'), direction }),
    fc.record({ kind: fc.constantFrom('above', 'below'), level: finite }),
    fc.record({ kind: fc.constantFrom('changed', 'never') }),
  )
  const small = fc.integer({ min: 1, max: 5 })
  const definition = fc.record({
    ...{ name: fc.string({ minLength: 1 }), when, in_a_row: small, cool_down_days: fc.constantFrom(0, 0.5, 3) },
    window: fc.option(fc.oneof(fc.record({ method, runs: small }), fc.record({ method, days: small }))),
  })
  const value = fc.oneof(
    { weight: 9, arbitrary: finite.map(number) },
    fc.string().map((text): Value => ({ kind: 'text', text })),
  )
  let fired = 0
  fc.assert(
    fc.property(
      fc.array(definition, { maxLength: 3 }),
      fc.array(fc.tuple(value, fc.double({ min: 0, max: 2, noNaN: true })), { maxLength: 40 }),
      (definitions, values) => {
        const sound = definitions.filter((one) => ruleDefinition.safeParse(one).success)
        const series = createSeries(sound)
        let day = 0
        for (const [one, days] of values) {
          day += days
          for (const { before, now, percent } of series.see(one, day).firings) {
            fired++
            expect(
              [numberOf(before), numberOf(now), percent].every((found) => found === null || Number.isFinite(found)),
            ).toBe(true)
          }
          const { recent, at = [], rules = {} } = series.state()!
          expect(recent.length).toBeLessThanOrEqual(20)
          expect(at.length).toBeLessThanOrEqual(20)
          expect(Object.keys(rules).length).toBeLessThanOrEqual(sound.length)
        }
      },
    ),
    { seed: 7 },
  )
  expect(fired).toBeGreaterThan(100)
})

function percent(by: number, direction = 'both') {
  return { kind: 'percent', by, direction }
}

function absolute(by: number, direction = 'both') {
  return { kind: 'absolute', by, direction }
}

function above(level: number, recovery: number | null = null) {
  return { kind: 'above', level, recovery }
}

function below(level: number, recovery: number | null = null) {
  return { kind: 'below', level, recovery }
}
