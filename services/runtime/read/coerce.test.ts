import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { coerce, type Coerced, coercions, type Kind, kindOf, type ValueType, valueTypes } from './coerce.ts'
import { type Json, parse } from './parse.ts'

/** The table of COERCIONS.md: type, JSON, what becomes of it. */
const rows = readFileSync(join(import.meta.dirname, 'COERCIONS.md'), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, type, json, becomes] = /^\| (\w+) \| `(.+)` \| `(.+)` \|$/.exec(line) ?? []
    return type ? [{ type: type as ValueType, json: json as string, becomes: becomes as string }] : []
  })

function read(json: string): Json {
  const { root } = parse(json, { MAX_LEAVES: 100, MAX_DEPTH: 10 })
  if (!root) throw new Error(`${json} is not JSON`)
  return root
}

function render(outcome: Coerced | string): string {
  if (typeof outcome === 'string') return `refused ${outcome}`
  const { column, number, text, date, members } = outcome
  if (date !== null) return `${column} ${new Date(date).toISOString()}`
  if (number !== null) return `${column} ${number}${text === null ? '' : ` digits ${text}`}`
  return `${column} ${JSON.stringify(text)}${members ? ` members ${JSON.stringify(members)}` : ''}`
}

test.each(rows)('$type ← $json: $becomes', ({ type, json, becomes }) => {
  expect(render(coerce(type, read(json)))).toBe(becomes)
})

describe.each(['paragraph', 'comment', 'link', 'image'] as const)('%s behaves like text', (type) => {
  test.each(rows.filter((row) => row.type === 'text'))('$json', ({ json, becomes }) => {
    expect(render(coerce(type, read(json)))).toBe(becomes.replace(/^text/, type))
  })
})

test('the table has a row for every type and kind of JSON', () => {
  const shown = new Set(rows.map(({ type, json }) => `${type} ← ${kindOf(read(json))}`))
  const kinds: Kind[] = ['text', 'number', 'bool', 'list', 'structure']
  const types = valueTypes.filter((type) => coercions[type].column === type || type === 'bool')
  const ownRows = types.filter((type) => !['paragraph', 'comment', 'link', 'image'].includes(type))
  expect(
    ownRows.flatMap((type) => kinds.map((kind) => `${type} ← ${kind}`)).filter((pair) => !shown.has(pair)),
  ).toEqual([])
})

test('a number is never negative zero, which Postgres would not give back', () => {
  expect(Object.is((coerce('float', read('-0.0')) as Coerced).number, 0)).toBe(true)
})
