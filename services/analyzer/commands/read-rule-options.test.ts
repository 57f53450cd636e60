import { describe, expect, test } from 'vitest'
import { describeRule, describeScope } from '../rules/describe-rule.ts'
import { ruleDefinition } from '../rules/read-definition.ts'
import { readRuleOptions, type RuleOptions } from './read-rule-options.ts'

const before = ruleDefinition.parse({
  ...{ name: 'stars', when: { kind: 'percent', by: 10 }, window: { method: 'avg', runs: 5 }, severity: 'warning' },
  scope: { companies: [1], measurement: '*stars' },
})

describe('options say when a rule fires', () => {
  test.each<[RuleOptions, string]>([
    [{ percent: '10' }, 'a change by 10% or more'],
    [{ percent: '10', direction: 'up', inARow: '3' }, 'a rise by 10% or more, 3 times in a row'],
    [{ absolute: '1e3', direction: 'down', coolDownDays: '0.5' }, 'a fall by 1000 or more, at most once in 0.5 days'],
    [{ fromZero: true, coolDownDays: '1' }, 'a change from zero, at most once in 1 day'],
    [{ above: '-5', recovery: '-8' }, 'a rise above -5 (again after it was back at -8)'],
    [{ below: '0', window: 'median', days: '7' }, 'a fall below 0 in the median over 7 days'],
    [{ percent: '5', window: 'sum', runs: '1' }, 'a change by 5% or more in the sum over 1 value'],
    [{ changed: true }, 'any change'],
    [{ never: true }, 'nothing'],
  ])('%j', (options, said) => {
    expect(describeRule(readRuleOptions({ name: 'a rule', ...options }, {}, null))).toBe(said)
  })
})

describe('options that make no valid rule are a mistake', () => {
  test.each<[RuleOptions, RegExp]>([
    [{}, /give one of --percent/],
    [{ percent: '10', above: '5' }, /has one condition/],
    [{ percent: 'ten' }, /--percent is "ten": give a number/],
    [{ percent: '' }, /--percent is ""/],
    [{ percent: 'Infinity' }, /--percent is "Infinity"/],
    [{ percent: '-1' }, /^--percent is "-1": give a number >= 0\.$/],
    [{ absolute: '0' }, /^--absolute is "0": give a number > 0\.$/],
    [{ above: '5', recovery: '6' }, /^--recovery is "6": it is on the wrong side/],
    [{ above: '5', direction: 'up' }, /^--direction does not go with --above\.$/],
    [{ fromZero: true, similarity: '1' }, /^--similarity does not go with --from-zero\.$/],
    [{ changed: true, similarity: '2' }, /^--similarity is "2": give a number <= 1\.$/],
    [{ percent: '1', coolDownDays: '5000' }, /^--cool-down-days is "5000": give a number <= 3660\.$/],
    [{ percent: '1', window: 'avg', days: '99999' }, /^--days is "99999": give a number <= 3660\.$/],
    [{ percent: '1', window: 'avg' }, /--window <method> with --runs/],
    [{ percent: '1', runs: '5' }, /--window <method> with --runs/],
    [{ percent: '1', window: 'avg', runs: '5', days: '5' }, /not both/],
    [{ percent: '1', window: 'avg', runs: '0.5' }, /^--runs is "0.5": give a whole number above 0\.$/],
    [{ percent: '1', inARow: '0' }, /^--in-a-row is "0": give a number > 0\.$/],
    [{ percent: '1', inARow: '1.5' }, /^--in-a-row is "1.5": give a whole number\.$/],
    [{ percent: '1', name: '  ' }, /^--name is "  ": give a text of 1 to 200 characters\.$/],
    [{ changed: true, window: 'avg', runs: '5' }, /cannot have one/],
  ])('%j', (options, message) => {
    expect(() => readRuleOptions({ name: 'a rule', ...options }, {}, null)).toThrow(message)
  })
})

describe('options change what they name of a rule', () => {
  test.each<[RuleOptions, object]>([
    [{}, {}],
    [{ name: 'new' }, { name: 'new' }],
    [{ percent: '20' }, { when: { kind: 'percent', by: 20, direction: 'both' } }],
    [{ direction: 'up' }, { when: { kind: 'percent', by: 10, direction: 'up' } }],
    [{ above: '5' }, { when: { kind: 'above', level: 5, recovery: null } }],
    [{ window: 'none' }, { window: null }],
    [{ window: 'max' }, { window: { method: 'max', runs: 5 } }],
    [{ days: '7' }, { window: { method: 'avg', days: 7 } }],
    [{ severity: 'auto' }, { severity: null }],
    [{ enable: true }, {}],
    [{ measurement: 'forks' }, { scope: { ...before.scope, measurement: 'forks' } }],
  ])('%j', (options, changes) => {
    expect(readRuleOptions(options, {}, before)).toEqual({ ...before, ...changes })
  })

  test('options name a scope', () => {
    const { scope } = readRuleOptions({}, { companies: [], sources: [3, 4] }, before)
    expect(describeScope(before.scope)).toBe('company 1; *stars')
    expect(describeScope(scope)).toBe('source 3, 4; *stars')
    expect(describeScope({ ...scope, sources: [], measurement: '*' })).toBe('everything')
  })
})
