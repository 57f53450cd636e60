import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Asked, readCursor, writeCursor } from './cursor.ts'

const position = z.tuple([z.number(), z.string()])
const asked: Asked = { route: '/news', parameters: { company: 1, order: 'best', since: undefined } }
const of = (cursor: string, query = asked) => readCursor(position, query, cursor)

describe('a cursor', () => {
  const anyText = fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', ''))
  const anyPosition = fc.tuple(fc.double({ noNaN: true, noDefaultInfinity: true }), anyText)

  test('gives back exactly the position it was made of', () => {
    fc.assert(
      fc.property(anyPosition, ([number, text]) => {
        // JSON has no negative zero, and Postgres takes both for equal.
        expect(of(writeCursor(asked, [number, text]))).toEqual([number + 0, text.toWellFormed()])
      }),
    )
  })

  test('belongs to its query, in whatever order the parameters are, and however long the pages', () => {
    const cursor = writeCursor(asked, [1, 'a'])
    expect(of(cursor, { ...asked, parameters: { limit: 7, cursor, order: 'best', company: 1 } })).toEqual([1, 'a'])
    for (const other of [
      { ...asked, route: '/companies' },
      { ...asked, parameters: { company: 2, order: 'best' } },
      { ...asked, parameters: { order: 'best' } },
      { ...asked, parameters: { ...asked.parameters, since: '2026-01-01' } },
    ])
      expect(() => of(cursor, other)).toThrow('The cursor belongs to another query.')
  })

  test('that is damaged is refused', () => {
    const cursor = writeCursor(asked, [1, 'a'])
    fc.assert(
      fc.property(fc.nat(cursor.length - 1), fc.constantFrom('A', 'z', '9', '-', '!', ''), (at, character) => {
        const damaged = cursor.slice(0, at) + character + cursor.slice(at + 1)
        const isSame = Buffer.from(damaged, 'base64url').equals(Buffer.from(cursor, 'base64url'))
        if (!isSame) expect(() => of(damaged)).toThrow(/^The cursor /)
      }),
    )
    fc.assert(fc.property(fc.string(), (text) => void expect(() => of(text)).toThrow('The cursor is damaged.')))
  })

  test.each([
    ['a', 1],
    [1, 'a\0'],
  ])('with the position %j is refused', (...position) => {
    expect(() => of(writeCursor(asked, position))).toThrow('The cursor is damaged.')
  })
})
