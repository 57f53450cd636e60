import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HttpError } from '../http/http-error.ts'
import { type Piece, splitJson, splitLines } from './split.ts'

type Split = { pieces: (string | null)[]; isList: boolean }

function split(splitter: typeof splitJson, chunks: readonly Buffer[], maxBytes = 1000): Split {
  const pieces: Piece[] = []
  const { push, end } = splitter(maxBytes, (piece) => pieces.push(piece))
  for (const chunk of chunks) push(chunk)
  const { isList } = end()
  return { pieces: pieces.map((piece) => piece?.toString() ?? null), isList }
}

const cuts = fc.array(fc.nat(400), { maxLength: 12 })

/** The bytes of a text in chunks, cut anywhere, within characters too. */
function cut(text: string | Buffer, at: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text)
  const places = [0, ...at.map((one) => one % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end))
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const blanks = fc.stringMatching(/^[ \t\r\n]{0,3}$/)
const value = fc.json({ maxDepth: 3 })

describe('a list', () => {
  test('gives its elements byte for byte, however it is cut', () => {
    const list = fc.array(fc.tuple(blanks, value, blanks), { maxLength: 8 })
    fc.assert(
      fc.property(list, blanks, cuts, (elements, around, at) => {
        const text = `${around}[${elements.map((one) => one.join('')).join(',')}${elements.length ? '' : around}]${around}`
        const expected = elements.map(([, one]) => one)
        expect(split(splitJson, cut(text, at))).toEqual({ pieces: expected, isList: true })
      }),
    )
  })

  test('is JSON exactly if it can be split and each element is JSON', () => {
    const changed = fc
      .tuple(
        fc.array(value, { maxLength: 4 }),
        fc.nat(300),
        fc.constantFrom('', ',', '[', ']', '{', '}', '"', '\\', 'x', ':'),
      )
      .map(([elements, place, text]) => {
        const list = `[${elements.join(', ')}]`
        const at = place % (list.length + 1)
        return list.slice(0, at) + text + list.slice(text === '' ? at + 1 : at)
      })
    fc.assert(
      fc.property(fc.oneof(changed, fc.stringMatching(/^\[[[\]{}",:\\ 1a]{0,12}\]$/)), cuts, (text, at) => {
        const parsed: unknown = isJson(text) ? JSON.parse(text) : null
        const expected = Array.isArray(parsed) || (typeof parsed === 'object' && parsed !== null)
        let result: Split | null = null
        try {
          result = split(splitJson, cut(text, at))
        } catch (error) {
          expect(error).toBeInstanceOf(HttpError)
        }
        const isRight = result !== null && result.pieces.every((piece) => piece !== null && isJson(piece))
        expect([text, isRight]).toEqual([text, expected])
        if (Array.isArray(parsed)) expect(result?.pieces.map((piece) => JSON.parse(piece!) as unknown)).toEqual(parsed)
      }),
      { numRuns: 2000 },
    )
  })

  test.each([
    ['nothing', '', 'The body ends too early, after 0 payloads: byte 0'],
    ['blanks only', ' \n', 'The body ends too early, after 0 payloads: byte 2'],
    ['a text', '"x"', 'Expecting a list or an object, after 0 payloads: byte 0'],
    ['a list that is cut off', '[{"a":1},{"b"', 'The body ends too early, after 1 payloads: byte 13'],
    ['no comma', '[{"a":1} {"b":2}]', "Expecting ',' delimiter, after 1 payloads: byte 9"],
    ['a comma too many', '[{"a":1},]', 'Expecting value, after 1 payloads: byte 9'],
    ['something after it', '[{"a":1}] x', 'Extra data, after 1 payloads: byte 10'],
    ['two objects', '{"a":1}\n{"a":2}', 'Extra data, after 1 payloads: byte 8'],
    ['a byte order mark', '\ufeff[]', 'Expecting a list or an object, after 0 payloads: byte 0'],
  ])('%s is refused as a whole, with the place', (_, text, error) => {
    for (const chunks of [[Buffer.from(text)], cut(text, [1, 3, 5, 9])])
      expect(() => split(splitJson, chunks)).toThrow(error)
  })

  test('an object is one payload', () => {
    expect(split(splitJson, [Buffer.from(' {"a":[1,{"b":"}"}]}\n')])).toEqual({
      pieces: ['{"a":[1,{"b":"}"}]}'],
      isList: false,
    })
  })

  test('elements that are too large are not kept, and cost no others', () => {
    const text = JSON.stringify(['x'.repeat(11), 'small', ['y'.repeat(20)], 123456789012345])
    fc.assert(
      fc.property(cuts, (at) => {
        expect(split(splitJson, cut(text, at), 12).pieces).toEqual([null, '"small"', null, null])
      }),
    )
  })
})

describe('lines', () => {
  test('are split at line feeds only, without blanks around them, however they are cut', () => {
    const line = fc.tuple(
      fc.stringMatching(/^[ \t\r]{0,2}$/),
      fc.oneof(value, fc.constant('')),
      fc.constantFrom('', '\r', ' '),
    )
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), fc.boolean(), cuts, (lines, ends, at) => {
        const text = lines.map((one) => one.join('')).join('\n') + (ends ? '\n' : '')
        const expected = lines.map(([, one]) => one).filter((one) => one !== '')
        expect(split(splitLines, cut(text, at))).toEqual({ pieces: expected, isList: true })
      }),
    )
  })

  test('that are too large are not kept, and cost no others', () => {
    expect(
      split(splitLines, [Buffer.from('123\n12345\n'), Buffer.from('1'), Buffer.from('2345\n1')], 4).pieces,
    ).toEqual(['123', null, null, '1'])
  })
})
