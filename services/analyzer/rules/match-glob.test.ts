import { expect, test } from 'vitest'
import { matchGlob } from './match-glob.ts'

test.each<[string, string, boolean]>([
  ['*', '', true],
  ['*', 'stars', true],
  ['stars', 'Stars', true],
  ['stars', 'star', false],
  ['star?', 'stars', true],
  ['star?', 'star', false],
  ['repository *', 'Repository stars', true],
  ['*stars', 'repository stars', true],
  ['*stars', 'stars of it', false],
  ['r*y*s', 'repository stars', true],
  ['a*b', 'acb bc', false],
  ['a*b*', 'acb bc', true],
  ['??', '👍👎', true],
  ['', '', true],
  ['', 'a', false],
  ['(.+)[', '(.+)[', true],
  ['.*', 'ab', false],
])('%s and %s', (pattern, text, matches) => {
  expect(matchGlob(pattern, text)).toBe(matches)
})

test('a hostile pattern takes no longer than others', () => {
  expect(matchGlob('*a'.repeat(100), `${'a'.repeat(5000)}b`)).toBe(false)
})
