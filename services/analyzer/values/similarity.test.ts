import { expect, test } from 'vitest'
import { isAlike, type Tolerance } from './similarity.ts'
import type { Value } from './value.ts'

const text = (value: string): Value => ({ kind: 'text', text: value })
const set = (...members: string[]): Value => ({ kind: 'set', members })
const strict: Tolerance = { ignore: [], similarity: null }

test.each<[Value, Value, Partial<Tolerance>, boolean]>([
  [text('a b'), text('a, b'), {}, false],
  [text('a b'), text('b, a'), { similarity: 1 }, true],
  [text('Now hiring: Rust engineers'), text('rust engineers'), { ignore: ['HIRING', 'now'] }, true],
  [text('one two three four'), text('one two three five'), { similarity: 0.75 }, true],
  [text('one two three four'), text('one two six five'), { similarity: 0.75 }, false],
  [text('one one one'), text('one'), { similarity: 0.75 }, false],
  [text('👍'), text('👎'), { similarity: 1 }, true],
  [text(''), text('word'), { similarity: 0.1 }, false],
  [{ kind: 'text', text: 'a', hash: '1' }, { kind: 'text', text: 'a', hash: '2' }, {}, false],
  [set('a', 'b'), set('b', 'a', 'topic'), { ignore: ['Topic'] }, true],
  [set('Zu\u0308rich', 'b'), set('b', 'Zürich', 'to\u00adpic'), { ignore: ['Topic'] }, true],
  [text('Zu\u0308rich office'), text('Zürich office, hiring'), { ignore: ['hiring'] }, true],
  [set('a', 'b'), set('b', 'c'), { ignore: ['topic'], similarity: 0.1 }, false],
  [text('1'), { kind: 'number', number: 1 }, { similarity: 0 }, false],
  [{ kind: 'bool', bool: true }, { kind: 'bool', bool: false }, { similarity: 0 }, false],
])('%j and %j with %j', (a, b, tolerance, alike) => {
  expect(isAlike(a, b, { ...strict, ...tolerance })).toBe(alike)
  expect(isAlike(b, a, { ...strict, ...tolerance })).toBe(alike)
})
