import { expect, test } from 'vitest'
import { describeDefinition } from './describe-definition.ts'

test.each([
  [{ threshold: 5, method: null, entries: null }, 'a change by 5% or more'],
  [{ threshold: 5, method: 'avg', entries: 3 }, 'a change by 5% or more in the avg over 3 values'],
  [{ when: { kind: 'percent', by: 10, direction: 'up' }, window: null }, 'a rise by 10% or more'],
  [{ when: { kind: 'absolute', by: 7, direction: 'down' } }, 'a fall by 7 or more'],
  [{ when: { kind: 'above', level: -5, recovery: null } }, 'a rise above -5'],
  [
    { when: { kind: 'below', level: 0 }, window: { method: 'median', days: 7 } },
    'a fall below 0 in the median over 7 days',
  ],
  [{ when: { kind: 'changed', ignore: [], similarity: null } }, 'any change'],
  [{ other: 1 }, '{"other":1}'],
  [null, 'the default'],
])('%j', (definition, words) => {
  expect(describeDefinition(definition)).toBe(words)
})

test('the default with the percentage that it had', () => {
  expect(describeDefinition(null, '25')).toBe('the default, a change by 25% or more')
  expect(describeDefinition({ threshold: 5 }, '5')).toBe('a change by 5% or more')
})
