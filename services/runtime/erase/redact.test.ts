import { expect, test } from 'vitest'
import { createErasures } from './erasures.ts'
import { markOf, replacementOf, takeOut } from './recognise.ts'
import { redact, redactJson } from './redact.ts'

const jane = markOf('Jane Döe')
const gone = replacementOf(jane)

test.each([
  ['Jane Döe', gone],
  ['by Jane Döe, and Jane Döe', `by ${gone}, and ${gone}`],
  ['Jane DöeJane Döe', gone + gone],
  ['Jane Doe', 'Jane Doe'],
  ['Döe Jane', 'Döe Jane'],
  ['', ''],
])('%j becomes %j', (text, expected) => expect(takeOut(text, jane)).toBe(expected))

test('a text that is its own neighbour is found where it begins first', () => {
  const mark = markOf('aa')
  expect(takeOut('baaab', mark)).toBe(`b${replacementOf(mark)}ab`)
})

test('the mark holds no part of the text, and is another one each time', () => {
  expect(JSON.stringify(jane)).not.toMatch(/Jane|Döe/)
  expect(markOf('Jane Döe').hash).not.toBe(jane.hash)
})

test('JSON stays as it was written, however it writes the text', () => {
  expect(redactJson('{"by": "Jane D\\u00f6e",\n "n": 1.0, "q": "\\"Jane D\u00f6e\\"", "x":"\\u0041"}', [jane])).toBe(
    `{"by": "${gone}",\n "n": 1.0, "q": "\\"${gone}\\"", "x":"\\u0041"}`,
  )
})

test('a value in which nothing is stays the same one; a payload says that its body has changed', () => {
  const payload = { company_id: '1', body: Buffer.from('{"a":"Jane Döe"}'), replay: null }
  expect(redact({ ...payload, body: Buffer.from('{}') }, [jane])).not.toHaveProperty('redacted')
  const same = { texts: ['Jane Doe'], at: new Date(), n: 1 }
  expect(redact(same, [jane])).toBe(same)
  const redacted = redact(payload, [jane]) as typeof payload & { redacted?: true }
  expect([String(redacted.body), redacted.redacted]).toEqual([`{"a":"${gone}"}`, true])
})

test('a list of erasures knows its companies and texts', () => {
  const erasures = createErasures()
  const row = { event_id: 'e', actor: 'cli:ann', reason: 'asked', erased_at: 0, company_id: null }
  const none = { length: null, salt: null, hash: null, quick: null }
  erasures.add({ ...row, kind: 'company', ...none, company_id: 7 })
  expect([erasures.isErased('7'), erasures.isErased('8'), erasures.redact('Jane Döe')]).toEqual([
    true,
    false,
    'Jane Döe',
  ])
  erasures.add({ ...row, kind: 'text', ...jane })
  expect(erasures.redact({ a: ['Jane Döe'] })).toEqual({ a: [gone] })
})
