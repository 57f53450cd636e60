import { expect, test } from 'vitest'
import { parse, type Structure } from '#runtime/read/parse.ts'
import { compileMap } from '#runtime/understand/compile-map.ts'
import { normalize } from '#runtime/understand/normalize.ts'
import { countPaths } from './null-rates.ts'

const entry = (SourceField: string, DataType: string, source_measurement_id: number, NestedMappings?: object[]) => ({
  ...{ SourceField, DataType, source_measurement_id, NestedMappings },
})
const map = compileMap(
  JSON.stringify({ Mappings: [entry('a', 'int', 1), entry('b', 'nested', 2, [entry('c', 'text', 3)])] }),
)

test('values, refused values and nulls of each mapped path are counted by source and day', () => {
  const arrived = (data_source_id: number, at: string, json: string) => {
    const { root } = parse(json, { MAX_LEAVES: 100, MAX_DEPTH: 10 })
    const normalized = normalize(root as Structure, map!)
    return { data_source_id, received_at: Date.parse(at), normalized }
  }
  const counts = countPaths([
    arrived(7, '2026-01-31T23:59:59.999Z', '{"a":1,"x":null,"b":[{"c":null},{"c":"d"},null]}'),
    arrived(7, '2026-01-31T00:00:00Z', '{"a":"many","b":null}'),
    arrived(7, '2026-02-01T00:00:00Z', '{"a":null,"b":[null,null]}'),
    arrived(8, '2026-02-01T00:00:00Z', '{"x":null}'),
  ])
  expect(counts).toEqual([
    { data_source_id: 7, path: 'a', day: '2026-01-31', leaves: 2, nulls: 0 },
    { data_source_id: 7, path: 'b', day: '2026-01-31', leaves: 1, nulls: 1 },
    { data_source_id: 7, path: 'b[]', day: '2026-01-31', leaves: 1, nulls: 1 },
    { data_source_id: 7, path: 'b[].c', day: '2026-01-31', leaves: 2, nulls: 1 },
    { data_source_id: 7, path: 'a', day: '2026-02-01', leaves: 1, nulls: 1 },
    { data_source_id: 7, path: 'b', day: '2026-02-01', leaves: 1, nulls: 1 },
  ])
})
