import { expect, test } from 'vitest'
import { compileAsked, describeDisabled, newRuleId } from './asked-rules.ts'
import { readSensitivity } from './criteria.ts'

test.each([true, false])('a rule that is enabled (%j) is tried', (enabled) => {
  const definition = { name: 'growth', when: { kind: 'percent', by: 10 }, enabled }
  const row = { rule_id: 'rule/3', version: 1, bucketCompanies: [], definition }
  const value = { source_measurement_id: 1, measurement_name: 'stars' }
  expect(compileAsked(row, 500)({ company_id: '1', data_source_id: 1 }, value).rules).toMatchObject([{ id: 'rule/3' }])
  const said = 'rule/3 is disabled, and judged here as if it were not. `parma rules edit rule/3 --enable` enables it.'
  expect(describeDisabled(row)).toBe(enabled ? null : said)
  expect(describeDisabled({ ...row, rule_id: newRuleId })).toBe(
    enabled ? null : 'rule/new is disabled, and judged here as if it were not.',
  )
})

test.each([
  ['normal', 0.2],
  ['low', 3 / 7],
  ['high', 1 / 13],
  ['0.9', 0.9],
  ['0', 0],
])('--sensitivity %s tells from %d on', (text, score) => expect(readSensitivity(text, 0.2)).toBeCloseTo(score, 12))

test.each(['', 'much', '1.1', '-0.1', 'NaN', 'toString'])('--sensitivity %j is refused', (text) =>
  expect(() => readSensitivity(text, 0.2)).toThrow(`--sensitivity is "${text}": give low, normal, high or a score`),
)
