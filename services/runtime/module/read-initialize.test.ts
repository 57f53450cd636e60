import { describe, expect, test } from 'vitest'
import { InitializeError, readInitialize } from './read-initialize.ts'

const map = {
  Source: 'github',
  Mappings: [
    { SourceField: 'name', DataType: 'text', MeasurementName: "company's name", source_measurement_id: 1 },
    {
      SourceField: 'repos',
      DataType: 'nested',
      MeasurementName: 'repositories',
      source_measurement_id: 2,
      NestedMappings: [{ SourceField: 'stars', DataType: 'int', MeasurementName: 'stars', source_measurement_id: 3 }],
    },
  ],
}
const python =
  `{'Source': 'github', 'Mappings': [{'SourceField': 'name', 'DataType': 'text', 'MeasurementName': "company's name", 'source_measurement_id': 1}, ` +
  `{'SourceField': 'repos', 'DataType': 'nested', 'MeasurementName': 'repositories', 'source_measurement_id': 2, ` +
  `'NestedMappings': [{'SourceField': 'stars', 'DataType': 'int', 'MeasurementName': 'stars', 'source_measurement_id': 3}]}]}`

describe('every form gives the same map', () => {
  const inner = { object: map, 'JSON text': JSON.stringify(map, null, 2), 'Python literal': python }
  const outer = {
    object: (answer: unknown) => JSON.stringify(answer),
    text: (answer: unknown) => JSON.stringify(JSON.stringify(answer)),
  }
  for (const [outerForm, write] of Object.entries(outer))
    for (const [form, normalization_map] of Object.entries(inner))
      test(`${outerForm} with ${form}`, () => {
        expect(readInitialize(write({ frequency: 'Weekly', normalization_map, more: 1 }))).toEqual({
          frequency: 'Weekly',
          source: 'github',
          content: JSON.stringify(map),
        })
      })
})

const read = (normalization_map: unknown) => readInitialize(JSON.stringify({ frequency: 'daily', normalization_map }))

test.each([
  ['no entries', { Source: 's', Mappings: [] }],
  [
    'ids that are missing, texts or null',
    { Source: 's', Mappings: [1, '2', null].map((id) => ({ ...map.Mappings[0], source_measurement_id: id })) },
  ],
  [
    'unknown types and members',
    { Source: 's', Mappings: [{ SourceField: '', DataType: 'wibble', MeasurementName: '', Item: 1 }], v: 2 },
  ],
  ['nothing nested', { Source: 's', Mappings: [{ ...map.Mappings[0], NestedMappings: null }] }],
])('accepts a map with %s, as it is', (_, given) => expect(read(given).content).toBe(JSON.stringify(given)))

describe('refuses', () => {
  const nested = (levels: number): object =>
    levels === 0
      ? {}
      : {
          SourceField: 'a',
          DataType: 'nested',
          MeasurementName: 'a',
          NestedMappings: levels > 1 ? [nested(levels - 1)] : [],
        }
  const entries = (count: number) => ({ Source: 's', Mappings: Array.from({ length: count }, () => map.Mappings[0]) })

  test.each([
    ['', 'the answer is not JSON'],
    ['<html>', 'the answer is not JSON'],
    ['"not JSON"', 'the text in the answer is not JSON'],
    ['null', 'the answer is not {frequency, normalization_map}'],
    ['[]', 'the answer is not {frequency, normalization_map}'],
    ['"\\"{}\\""', 'the answer is not {frequency, normalization_map}'],
    ['{"normalization_map":{}}', 'frequency: '],
    [`[${'{},'.repeat(100_000)}{}]`, 'the answer has 100002 JSON values, and at most 100000 are read'],
    [JSON.stringify(`[${'{},'.repeat(100_000)}{}]`), 'the text in the answer has 100002 JSON values'],
    [
      JSON.stringify({ frequency: 'daily', normalization_map: `[${'{},'.repeat(100_000)}{}]` }),
      'the normalization map has 100002 JSON values',
    ],
    ['{"frequency":1,"normalization_map":{}}', 'frequency: '],
    ['{"frequency":"daily"}', 'normalization_map: '],
    ['{"frequency":"daily","normalization_map":[]}', 'normalization_map: '],
    ['{"frequency":"daily","normalization_map":"__import__(\'os\')"}', 'neither JSON nor a Python literal'],
    [
      `{"frequency":"daily","normalization_map":${'['.repeat(5000)}${']'.repeat(5000)}}`,
      'nested deeper than 100 levels',
    ],
  ])('%.80s', (body, message) => expect(() => readInitialize(body)).toThrow(message))

  test.each<[unknown, string]>([
    [{}, 'Source: '],
    [{ Source: 's' }, 'Mappings: '],
    [{ Source: 1, Mappings: [] }, 'Source: '],
    [{ Source: 's', Mappings: {} }, 'Mappings: '],
    [{ Source: 's', Mappings: [5] }, 'Mappings[0] of the normalization map: '],
    [
      { Source: 's', Mappings: [{ DataType: 'text', MeasurementName: 'a' }] },
      'Mappings[0] of the normalization map: SourceField: ',
    ],
    [
      { Source: 's', Mappings: [map.Mappings[0], { ...map.Mappings[1], NestedMappings: [{}] }] },
      'Mappings[1].NestedMappings[0] of',
    ],
    [
      { Source: 's', Mappings: [{ ...map.Mappings[1], NestedMappings: 'x' }] },
      'Mappings[0].NestedMappings of the normalization map is not a list',
    ],
    [entries(10_001), 'more than 10000 entries'],
    [{ Source: 's', Mappings: [nested(21)] }, 'more than 20 levels'],
    ['[1, 2]', 'the normalization map is not {Source, Mappings}'],
  ])('the map %j', (given, message) => {
    expect(() => read(given)).toThrow(InitializeError)
    expect(() => read(given)).toThrow(message)
  })

  test('nothing at the limits', () => {
    expect(read(entries(10_000)).source).toBe('s')
    expect(read({ Source: 's', Mappings: [nested(20)] }).source).toBe('s')
  })
})
