import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { jsonText } from './json-text.ts'
import { type Json, parse, type Structure } from './parse.ts'

fc.configureGlobal({ seed: 20261126 })

const limits = { MAX_LEAVES: 1000, MAX_DEPTH: 50 }
const read = (text: string): Json => {
  const parsed = parse(text, limits)
  if (parsed.problem) throw new Error(parsed.message)
  return parsed.root
}

/** What JSON.parse would make of it. */
function plain(node: Json): unknown {
  switch (node.kind) {
    case 'null':
      return null
    case 'number':
      return Number(node.text)
    case 'list':
      return node.items.map(plain)
    case 'object':
      return Object.fromEntries(node.members.map(({ key, value }) => [key, plain(value)]))
    default:
      return node.value
  }
}

test('it reads what JSON.parse reads, and the canonical text is equal to it', () => {
  const layout = fc.constantFrom(undefined, 1, '\t')
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), layout, (text, space) => {
      const value: unknown = JSON.parse(text)
      const node = read(JSON.stringify(value, null, space))
      expect(plain(node)).toEqual(value)
      expect(JSON.parse(jsonText(node))).toEqual(value)
    }),
    { numRuns: 2000 },
  )
})

test('it refuses what JSON.parse refuses, and nothing else', () => {
  const almostJson = fc.string({
    unit: fc.constantFrom(...'{}[]",:\\u0019eE+-.tfn rualse\n\u0001é'.split('')),
    maxLength: 12,
  })
  const damaged = fc
    .tuple(fc.json({ maxDepth: 3 }), fc.nat(), fc.constantFrom(...'{}[]",:\\0 x\n'))
    .map(([text, at, by]) => {
      const cut = at % (text.length + 1)
      return text.slice(0, cut) + by + text.slice(cut + 1)
    })
  const isJson = (text: string) => {
    try {
      JSON.parse(text)
      return true
    } catch {
      return false
    }
  }
  fc.assert(
    fc.property(fc.oneof(almostJson, damaged), (text) => {
      const { root, problem } = parse(text, limits)
      expect(root !== undefined).toBe(isJson(text))
      if (!root) expect(problem).toBe('unparsable')
    }),
    { numRuns: 5000 },
  )
})

describe('leaves', () => {
  const leaves = (text: string) => {
    const { seq, leaves } = read(text)
    return { seq, leaves }
  }
  test.each([
    ['1', 1],
    ['null', 1],
    ['[]', 1],
    ['{}', 1],
    ['[1,2,3]', 1],
    ['[[1],[[2,3]],[]]', 1],
    ['{"a":1,"b":[1,2],"c":{},"d":{"e":null}}', 4],
    ['[1,{"a":2,"b":3},4]', 4],
    ['[[1,2],{"a":1}]', 2],
    ['{"a":1,"a":2}', 2],
  ])('%s has %i', (text, count) => {
    expect(leaves(text)).toEqual({ seq: 0, leaves: count })
  })

  test('are numbered in the order of the text, also where keys look like numbers', () => {
    const { members } = read('{"2":[1,2],"1":{"x":null,"y":[{"z":1},5]},"0":true}') as Structure
    expect(members.map(({ key, value }) => [key, value.seq, value.leaves])).toEqual([
      ['2', 0, 1],
      ['1', 1, 3],
      ['0', 4, 1],
    ])
  })
})

test('numbers keep their digits', () => {
  expect(read('123456789012345678901234567890.10')).toMatchObject({ text: '123456789012345678901234567890.10' })
})

test('the later of two equal members counts, and __proto__ is a name like any other', () => {
  const { members } = read('{"__proto__":1,"a":2,"__proto__":3}') as Structure
  expect(members.map(({ key, overridden }) => [key, overridden])).toEqual([
    ['__proto__', true],
    ['a', false],
    ['__proto__', false],
  ])
})

test('canonical text does not depend on order and layout', () => {
  expect(jsonText(read('{ "b": [1.0, "\\u00e9"], "a": {"d": null, "c": true} }'))).toBe(
    '{"a":{"c":true,"d":null},"b":[1.0,"é"]}',
  )
})

describe('limits', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  test('of depth', () => {
    expect(parse(nested(50), limits).problem).toBeUndefined()
    expect(parse(nested(51), limits)).toMatchObject({ problem: 'too-deep' })
    expect(parse(nested(1000), { ...limits, MAX_DEPTH: 1000 }).problem).toBeUndefined()
    expect(parse('[{"a":'.repeat(1_000_000), limits)).toMatchObject({ problem: 'too-deep' })
  })
  test('of leaves, including members of a list', () => {
    expect(parse(`[${Array(1000).fill(1).join()}]`, limits).problem).toBeUndefined()
    expect(parse(`[${Array(1001).fill(1).join()}]`, limits)).toMatchObject({ problem: 'too-many-leaves' })
  })
  test('long strings need no stack and no quadratic time', { timeout: 10_000 }, () => {
    for (const text of ['a', '\\n', '\\\\', '\\"', '\\ud83d\\ude00'])
      expect(read(`"${text.repeat(4_000_000 / text.length)}"`).kind).toBe('text')
    expect(parse(`"${'\\"'.repeat(2_000_000)}`, limits)).toMatchObject({ problem: 'unparsable' })
  })
})
