import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parse, type Structure } from '../read/parse.ts'
import { compileMap } from './compile-map.ts'
import { describePayload } from './describe-payload.ts'
import { normalize } from './normalize.ts'

fc.configureGlobal({ seed: 20261129 })

let nextId = 1
const entry = (SourceField: string, DataType: string, more: object = {}) => ({
  ...{ SourceField, DataType, MeasurementName: `m ${SourceField}`, source_measurement_id: nextId++ },
  ...more,
})
const map = compileMap(
  JSON.stringify({
    Source: 's',
    Mappings: [
      entry('name', 'text'),
      entry('when', 'date'),
      entry('big', 'int'),
      entry('open', 'bool'),
      entry('tags', 'text'),
      entry('repos', 'nested', { NestedMappings: [entry('id', 'int'), entry('stars', 'int')] }),
      entry('links', 'nested', { ItemKey: 'to', NestedMappings: [entry('to', 'link')] }),
    ],
  }),
)!

const describe = (text: string) => {
  const { root } = parse(text, { MAX_LEAVES: 1000, MAX_DEPTH: 50 })
  const data = root as Structure
  return describePayload(data, map, normalize(data, map))
}

test('says of each leaf what becomes of it, with the remedy of what is refused', () => {
  const { stored, ...rest } = describe(
    `{"name":null,"when":"2026-01-31T01:00:00+01:00","big":12345678901234567890,"open":true,"tags":["b","a"],
      "repos":[{"id":7,"stars":5},{"id":8,"stars":"many","extra":{"a":[1,2],"b":null}}],"links":[],"more":{}}`,
  )
  expect(stored.map(({ path, item, value }) => [path, item, value])).toEqual([
    ['when', null, '2026-01-31T00:00:00.000Z'],
    ['big', null, '12345678901234567890'],
    ['open', null, true],
    ['tags', null, ['a', 'b']],
    ['repos[].id', '7', 7],
    ['repos[].stars', '7', 5],
    ['repos[].id', '8', 8],
  ])
  expect(rest).toEqual({
    counts: { leaves: 12, stored: 7, null: 2, unmapped: 2, refused: 1 },
    null: [
      { path: 'name', leaves: 1 },
      { path: 'repos[].extra.b', leaves: 1 },
    ],
    unmapped: [
      { path: 'repos[].extra.a', leaves: 1, sample: '[1,2]' },
      { path: 'more', leaves: 1, sample: '{}' },
    ],
    refused: [
      {
        ...{ path: 'repos[].stars', item: '8', reason: 'not-a-number', sample: '"many"', leaves: 1 },
        remedy: expect.stringContaining('map'),
      },
    ],
    lists: [
      {
        path: 'repos[]',
        known_by: 'id',
        items: [
          { key: '7', label: '7' },
          { key: '8', label: '8' },
        ],
      },
      { path: 'links[]', known_by: 'to', items: [] },
    ],
  })
})

test('every leaf of any payload is counted once', () => {
  const value = fc.jsonValue({ maxDepth: 3 })
  const object = fc.dictionary(fc.constantFrom('name', 'when', 'big', 'repos', 'links', 'id', 'stars', 'x'), value)
  fc.assert(
    fc.property(object, fc.array(object), (data, repos) => {
      const { counts, null: nulls, unmapped } = describe(JSON.stringify({ ...data, repos }))
      const sum = (those: readonly { leaves: number }[]) => those.reduce((total, { leaves }) => total + leaves, 0)
      expect(sum(nulls)).toBe(counts.null)
      expect(sum(unmapped)).toBe(counts.unmapped)
      expect([...nulls, ...unmapped].every(({ path }) => path !== '')).toBe(true)
    }),
  )
})
