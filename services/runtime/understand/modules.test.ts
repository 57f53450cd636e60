import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { valueTypes } from '../read/coerce.ts'
import { parse, type Structure } from '../read/parse.ts'
import { compileMap } from './compile-map.ts'
import { normalize } from './normalize.ts'

// What real mining modules send, with the counts that are right (its member `format` says how they are meant).
const folder = join(import.meta.dirname, '../../../../shared/data/modules')
const files = existsSync(folder) ? readdirSync(folder) : []
if (files.length === 0) console.log(`no samples of real modules in ${folder}: their counts are not compared`)

type Mapping = { source_measurement_id?: number; NestedMappings?: Mapping[] }
type Expected = {
  mapped_leaf_count: number
  null_count: number
  unmapped_leaf_count: number
  unknown_key_count: number
  series_count: number
  by_type: Record<string, number>
}
type Sample = { map: { Mappings: Mapping[] }; payloads: object[]; expected: Expected[]; unmapped_paths: string[] }

function number(entries: Mapping[], next = { id: 0 }): void {
  for (const entry of entries) {
    entry.source_measurement_id = ++next.id
    number(entry.NestedMappings ?? [], next)
  }
}

test('there is something to normalize: an empty object', () => {
  const { root } = parse('{}', { MAX_LEAVES: 1, MAX_DEPTH: 1 })
  const map = compileMap('{"Mappings":[]}')
  expect(normalize(root as Structure, map!).unmapped).toEqual([])
})

describe.each(files)('%s', (file) => {
  const { map, payloads, expected } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Sample
  number(map.Mappings)
  const compiled = compileMap(JSON.stringify(map))

  test.each(payloads.map((payload, index) => ({ index, payload, right: expected[index]! })))(
    'payload $index',
    ({ payload, right }) => {
      const { root } = parse(JSON.stringify(payload), { MAX_LEAVES: 200_000, MAX_DEPTH: 100 })
      const { values, nulls, unmapped, refused, parents, drift } = normalize(
        root as Structure,
        compiled!,
        undefined,
        1000,
      )
      const byType = valueTypes.map((type) => [type, values.filter(({ entry }) => entry.type === type).length] as const)
      expect({
        mapped_leaf_count: values.length,
        null_count: nulls.length,
        unmapped_leaf_count: unmapped.length,
        series_count: new Set([...parents, ...values.map(({ entry }) => entry.id)]).size,
        by_type: Object.fromEntries(byType.filter(([, count]) => count > 0)),
        unknown_key_count: drift.filter(({ kind }) => kind === 'unknown-path').length,
        refused: refused.length,
        faults: compiled!.faults,
      }).toEqual({
        ...{
          mapped_leaf_count: right.mapped_leaf_count,
          null_count: right.null_count,
          unmapped_leaf_count: right.unmapped_leaf_count,
        },
        ...{ series_count: right.series_count, by_type: right.by_type, unknown_key_count: right.unknown_key_count },
        ...{ refused: 0, faults: [] },
      })
    },
  )
})
