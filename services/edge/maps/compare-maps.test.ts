import { expect, test } from 'vitest'
import { compareMaps } from './compare-maps.ts'
import { describeChange } from './describe-maps.ts'

const entry = (SourceField: string, DataType: string, id: number | undefined, more: object = {}) => ({
  ...{ SourceField, DataType, MeasurementName: SourceField, ...more },
  ...(id !== undefined && { source_measurement_id: id }),
})
const map = (...Mappings: object[]) => JSON.stringify({ Source: 's', Mappings })

test('names what is added, removed, moved and changed, by path', () => {
  const before = map(
    entry('stars', 'int', 1),
    entry('plan', 'text', 2),
    entry('old', 'int', 3),
    entry('repos', 'nested', 4, { NestedMappings: [entry('forks', 'int', 5)] }),
  )
  const after = map(
    entry('stars', 'float', 1),
    entry('plan', 'text', 2),
    entry('new', 'int', 3),
    entry('repos', 'nested', 4, {
      ItemKey: 'name',
      NestedMappings: [entry('forks', 'int', 5), entry('name', 'text', 6)],
    }),
  )
  expect(compareMaps(before, after).map(describeChange)).toEqual([
    '+ new (int, new): was at old',
    '- old (int, old): now at new',
    '~ repos (nested, repos): item key none → name',
    '+ repos.name (text, name)',
    '~ stars (float, stars): type int → float',
  ])
})

test('the same map in another order does not differ, and texts that are no maps have no entries', () => {
  const one = map(entry('a', 'int', 1), entry('b', 'int', 2))
  const other = map(entry('b', 'int', 2), entry('a', 'INT ', 1))
  expect(compareMaps(one, other)).toEqual([])
  expect(compareMaps('no map', '{"Mappings": [null, 1, {"SourceField": 2}]}')).toEqual([])
})
