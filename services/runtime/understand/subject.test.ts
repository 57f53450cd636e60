import { expect, test } from 'vitest'
import { parse, type Structure } from '../read/parse.ts'
import { findSubject, recallSubjects, type Subject } from './subject.ts'

const read = (json: string) => parse(json, { MAX_LEAVES: 100, MAX_DEPTH: 5 }).root as Structure

/** The subjects of payloads that arrive one after the other, given as JSON. */
function subjectsOf(roots: readonly string[], known: readonly Subject[] = []): string[] {
  let now = known
  return roots.map((root) => {
    const found = findSubject(read(root), now)
    now = found.known
    return found.key
  })
}

test.each<[string, string[], string[]]>([
  ['the best member counts', ['{"id":1,"url":"u"}'], ['u']],
  ['empty and null members do not', ['{"url":null,"html_url":"","permalink":"p"}'], ['p']],
  ['a number is a key', ['{"id":12}'], ['12']],
  ['without members it is empty', ['{"name":"n"}'], ['']],
  ['a slash at the end', ['{"url":"https://x/a"}', '{"url":"https://x/a/"}'], ['https://x/a', 'https://x/a']],
  ['its absence', ['{"url":"https://x/"}', '{"url":"https://x"}'], ['https://x/', 'https://x/']],
  [
    'another case of the host',
    ['{"url":"https://X.com/A"}', '{"url":"HTTPS://x.com/A"}'],
    Array(2).fill('https://X.com/A'),
  ],
  ['201 and 201.0', ['{"id":201}', '{"id":201.0}', '{"id":"201"}', '{"id":"201.0"}'], Array(4).fill('201')],
  ['a null address, once', ['{"url":"u"}', '{"url":null}', '{"url":"u"}'], ['u', 'u', 'u']],
  ['an address null at first', ['{"url":null}', '{"url":"u"}', '{"url":"v"}', '{}'], ['', '', 'v', '']],
  ['a null address beside an id', ['{"url":"u","id":1}', '{"url":null,"id":1}'], ['u', 'u']],
  ['an id that came later', ['{"url":"u"}', '{"id":1}', '{"url":"u","id":1}'], ['u', 'u', 'u']],
  ['two handles', ['{"url":"u"}', '{"url":"v"}', '{"url":"u"}'], ['u', 'v', 'u']],
  ['two handles with one id', ['{"url":"u","id":1}', '{"url":"v","id":1}'], ['u', 'v']],
  [
    'a null address of one of two handles, known by its id',
    ['{"url":"u","id":1}', '{"url":"v","id":2}', '{"url":null,"id":2}', '{"url":null,"id":1}'],
    ['u', 'v', 'v', 'u'],
  ],
  ['no member, with two handles', ['{"url":"u"}', '{"url":"v"}', '{}'], ['u', 'v', '']],
])('%s', (_, roots, subjects) => {
  expect(subjectsOf(roots)).toEqual(subjects)
})

test.each<[string, string[], string, string]>([
  ['the same key', ['https://x'], '{"url":"https://x"}', 'https://x'],
  ['another slash', ['https://x/'], '{"url":"https://x","id":5}', 'https://x/'],
  ['201.0', ['201.0'], '{"id":201}', '201.0'],
  ['a null address', ['https://x'], '{"url":null,"id":5}', 'https://x'],
  ['another handle', ['https://x'], '{"url":"https://y"}', 'https://y'],
  ['one handle of two', ['https://x', 'https://y'], '{"html_url":"https://y","id":5}', 'https://y'],
  ['none, beside others', ['', 'https://x'], '{"name":"n"}', ''],
])('a subject stored before keeps its key: %s', (_, stored, root, subject) => {
  const known = recallSubjects(read(root), stored)
  expect(subjectsOf([root, root], known)).toEqual([subject, subject])
})

test('a source with a subject per payload fills nothing', () => {
  let known: readonly Subject[] = []
  for (let post = 0; post < 1000; post++) known = findSubject(read(`{"url":"https://x/${post}"}`), known).known
  expect(known).toHaveLength(50)
  expect(findSubject(read('{"url":"https://x/999"}'), known).key).toBe('https://x/999')
})

test('a long key is its hash', () => {
  expect(subjectsOf([`{"url":"https://x/${'y'.repeat(600)}"}`])).toEqual([expect.stringMatching(/^sha256:/)])
})
