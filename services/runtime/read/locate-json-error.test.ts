import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { locateJsonError } from './locate-json-error.ts'

// The same cases in each run.
fc.configureGlobal({ seed: 1 })

describe('reports errors as Python does', () => {
  test.each([
    ['', 'Expecting value', 0],
    [' ', 'Expecting value', 1],
    ['{', 'Expecting property name enclosed in double quotes', 1],
    ['[', 'Expecting value', 1],
    ['"', 'Unterminated string starting at', 0],
    ['{"a"', "Expecting ':' delimiter", 4],
    ['{"a":', 'Expecting value', 5],
    ['{"a":1', "Expecting ',' delimiter", 6],
    ['{"a":1,', 'Expecting property name enclosed in double quotes', 7],
    ['{"a":1,}', 'Expecting property name enclosed in double quotes', 7],
    ['{a:1}', 'Expecting property name enclosed in double quotes', 1],
    ["{'a':1}", 'Expecting property name enclosed in double quotes', 1],
    ['{"a" 1}', "Expecting ':' delimiter", 5],
    ['{"a":1 "b":2}', "Expecting ',' delimiter", 7],
    ['[1 2]', "Expecting ',' delimiter", 3],
    ['[1,', 'Expecting value', 3],
    ['[1,]', 'Expecting value', 3],
    ['[,1]', 'Expecting value', 1],
    ['tru', 'Expecting value', 0],
    ['True', 'Expecting value', 0],
    ['nul', 'Expecting value', 0],
    ['01', 'Extra data', 1],
    ['-', 'Expecting value', 0],
    ['+1', 'Expecting value', 0],
    ['.5', 'Expecting value', 0],
    ['1.', 'Extra data', 1],
    ['1e', 'Extra data', 1],
    ['1.e5', 'Extra data', 1],
    ['"\\x"', 'Invalid \\escape', 1],
    ['"\\u12"', 'Invalid \\uXXXX escape', 2],
    ['"\\u12G4"', 'Invalid \\uXXXX escape', 2],
    ['"a\nb"', 'Invalid control character at', 2],
    ['"a\tb"', 'Invalid control character at', 2],
    ['"a\\', 'Unterminated string starting at', 0],
    ['{} {}', 'Extra data', 3],
    ['1 2', 'Extra data', 2],
    ['[1]]', 'Extra data', 3],
    ['\ufeff{}', 'Expecting value', 0],
    ['{"a":1}x', 'Extra data', 7],
    ['  {"source_name": "github" "company_id": "1"}', "Expecting ',' delimiter", 27],
    ['{"\u00e9":tru}', 'Expecting value', 5],
    ['{"a":{"b":[1,{"c":]}]}}', 'Expecting value', 18],
    ['/* */ {}', 'Expecting value', 0],
    ['{"a":undefined}', 'Expecting value', 5],
    ['<html>', 'Expecting value', 0],
    ['a=1&b=2', 'Expecting value', 0],
  ])('%j: %s, %i', (text, message, position) => {
    expect(locateJsonError(text)).toEqual({ message, position })
    expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError)
  })
})

test('finds no error in JSON', () => {
  fc.assert(fc.property(fc.json(), (text) => locateJsonError(text) === null))
})

test('finds an error wherever JSON.parse does', () => {
  const piece = fc.constantFrom(...'{}[],:" \\', '"a"', '1', '-', '1.5e3', 'true', 'null', '\\u00e9', '\n', 'x')
  const isJson = (text: string) => {
    try {
      JSON.parse(text)
      return true
    } catch {
      return false
    }
  }
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 20 }),
      (pieces) => (locateJsonError(pieces.join('')) === null) === isJson(pieces.join('')),
    ),
    { numRuns: 5000 },
  )
})
