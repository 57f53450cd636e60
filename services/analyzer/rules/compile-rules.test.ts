import { describe, expect, test } from 'vitest'
import { compileRules, type OwnRow, type PublicRow } from './compile-rules.ts'

type Definition = { name?: string; scope?: object; enabled?: boolean; when?: object; window?: object }

let next = 1
const own = (definition: Definition, bucketCompanies: number[] = []): OwnRow => {
  const whole = { name: 'a rule', when: { kind: 'percent', by: 10 }, ...definition }
  return { rule_id: `rule/${next++}`, version: 1, definition: whole, bucketCompanies }
}

const published: PublicRow = {
  ...{ rule_id: 'notification_rules/1', version: 3, name: 'a rule', source_measurement_id: 1 },
  ...{ threshold: 10, method: null, entries: null },
}

/** The ids of the rules for a measurement, in their order. */
function idsOf(
  rows: (PublicRow | OwnRow)[],
  { company = 1, source = 3, measurement = 1, name = 'repository stars' } = {},
): string[] {
  const of = { company_id: String(company), data_source_id: source }
  const value = { source_measurement_id: measurement, measurement_name: name }
  return compileRules(rows, 500)(of, value).rules.map(({ id }) => id)
}

describe('the scope of a rule', () => {
  const scopes: [object, object, boolean][] = [
    [{}, {}, true],
    [{ companies: [1, 2] }, { company: 2 }, true],
    [{ companies: [2] }, {}, false],
    [{ buckets: [7] }, { company: 8 }, true],
    [{ buckets: [7] }, {}, false],
    [{ buckets: [7], companies: [1] }, {}, true],
    [{ sources: [3] }, {}, true],
    [{ sources: [4] }, {}, false],
    [{ measurement: '*stars' }, {}, true],
    [{ measurement: '*stars' }, { name: 'forks' }, false],
    [{ companies: [1], sources: [4] }, {}, false],
  ]
  test.each(scopes)('%j: %j', (scope, of, isIn) => {
    expect(idsOf([own({ scope }, [8])], of)).toHaveLength(isIn ? 1 : 0)
  })
})

describe('of rules with one name the narrowest applies', () => {
  const general = own({})
  const stars = own({ scope: { measurement: '*stars' } })
  const source = own({ scope: { sources: [3], measurement: 'for*' } })
  const bucket = own({ scope: { buckets: [7] } }, [1, 2])
  const company = own({ scope: { companies: [1] } })
  const other = own({ name: 'another' })
  const off = own({ scope: { companies: [4], measurement: 'repository stars' }, enabled: false })
  const broken = own({ scope: { companies: [5] }, window: { method: 'avg', runs: 501 } })
  const rows = [company, general, stars, source, bucket, other, off, broken]
  test.each<[object, OwnRow]>([
    [{ company: 1 }, company],
    [{ company: 2 }, bucket],
    [{ company: 3 }, stars],
    [{ company: 3, name: 'forks' }, source],
    [{ company: 3, name: 'size' }, general],
    [{ company: 4 }, stars],
    [{ company: 5 }, stars],
  ])('%j', (of, holds) => {
    expect(idsOf(rows, of).toSorted()).toEqual([holds.rule_id, other.rule_id].toSorted())
  })

  test('of equally narrow ones the last applies, beside those of parma-web', () => {
    const twice = [own({ scope: { companies: [1] } }), own({ scope: { companies: [1, 2] } })]
    expect(idsOf([published, ...twice])).toEqual([published.rule_id, twice[1]!.rule_id])
    expect(idsOf([published], { measurement: 2 })).toEqual([])
  })
})

test('answers do not change when asked again, for any company', () => {
  const rules = compileRules([own({ scope: { companies: [1] } })], 500)
  const value = { source_measurement_id: 1, measurement_name: 'stars' }
  const ask = (company_id: string) => rules({ company_id, data_source_id: 3 }, value).rules.length
  expect(['1', '2', '1', '2'].map(ask)).toEqual([1, 0, 1, 0])
})

describe('a rule of our own that cannot be applied is a problem where it would apply', () => {
  const percent = { kind: 'percent', by: 10 }
  test.each<[Record<string, unknown>, RegExp]>([
    [{ window: { method: 'avg', runs: 501 } }, /aggregates 501 values: use 1 to 500/],
    [{ window: { method: 'mode', runs: 5 } }, /window: give one of sum, avg/],
    [{ window: { method: 'avg' } }, /window: give one of/],
    [{ when: { kind: 'often' } }, /when\.kind/],
    [{ when: { kind: 'percent', by: -1 } }, /when\.by/],
    [{ when: { kind: 'percent', by: 'NaN' } }, /when\.by/],
    [{ when: { kind: 'absolute', by: 0 } }, /when\.by/],
    [{ when: { kind: 'percent', by: 1, direction: 'sideways' } }, /when\.direction/],
    [{ when: { kind: 'above', level: 10, recovery: 11 } }, /recovery: it is on the wrong side/],
    [{ when: { kind: 'below', level: 10, recovery: 9 } }, /recovery: it is on the wrong side/],
    [
      { when: { kind: 'changed' }, window: { method: 'avg', runs: 5 } },
      /window: a rule of kind changed cannot have one/,
    ],
    [{ when: { kind: 'never' }, in_a_row: 2 }, /in_a_row: a rule of kind never cannot have one/],
    [{ when: { kind: 'from-zero' }, in_a_row: 2 }, /in_a_row: a number cannot leave zero/],
    [{ in_a_row: 0 }, /in_a_row/],
    [{ cool_down_days: -1 }, /cool_down_days/],
    [{ severity: 'loud' }, /severity/],
    [{ scope: { companies: ['1'] } }, /scope\.companies\.0/],
    [{ scope: { buckets: [2 ** 31] } }, /scope\.buckets\.0/],
    [{ name: ' ' }, /name/],
    [{ threshold: 5 }, /[Uu]nrecognized key/],
  ])('%j', (changes, message) => {
    const row = {
      rule_id: 'rule/1',
      version: 2,
      bucketCompanies: [],
      definition: { name: 'a rule', when: percent, ...changes },
    }
    const value = { source_measurement_id: 1, measurement_name: 'stars' }
    const { rules, problems } = compileRules([row], 500)({ company_id: '1', data_source_id: 3 }, value)
    expect(rules).toEqual([])
    expect(problems).toMatchObject([
      { rule: { id: 'rule/1', version: 2 }, message: expect.stringMatching(message) as string },
    ])
  })

  test.each([null, 'text', 5, [], {}])('its definition is %j', (definition) => {
    const row = { rule_id: 'rule/1', version: 1, bucketCompanies: [], definition }
    const value = { source_measurement_id: 1, measurement_name: 'stars' }
    expect(compileRules([row], 500)({ company_id: '1', data_source_id: 3 }, value)).toMatchObject({
      rules: [],
      problems: [{ message: expect.stringMatching(/definition is invalid/) as string }],
    })
  })
})
