import type { History, Payload } from '../github.ts'
import type { ModuleMap } from '../module.ts'

const numbers = Array.from({ length: 20 }, (_, index) => `number_${index}`)
const repositories = 10
/** Values of one payload: numbers, a text, and three of each repository. */
export const valuesEach = numbers.length + 1 + 3 * repositories

const entry = (SourceField: string, DataType: string) => ({ SourceField, DataType, MeasurementName: SourceField })
const Mappings: ModuleMap['Mappings'] = [
  ...numbers.map((name) => entry(name, 'int')),
  entry('about', 'text'),
  {
    ...entry('repos', 'nested'),
    NestedMappings: [entry('name', 'text'), entry('stars', 'int'), entry('forks', 'int')],
  },
]

/** A source's map and `rounds` payloads of each company, round by round. Numbers rise a little from round to round. */
export function payloadsOf(source: string, companies: number, rounds: number): History {
  const payloads = Array.from({ length: rounds * companies }, (_, index) =>
    makePayload(index % companies, Math.floor(index / companies)),
  )
  return { map: { Source: source, Mappings }, payloads }
}

function makePayload(company: number, round: number): Payload {
  const grow = (from: number) => from * (100 + company) + round * (1 + (from % 7))
  return {
    company,
    rawData: {
      ...Object.fromEntries(numbers.map((name, index) => [name, grow(10 + index)])),
      about: `What company ${company} says of itself`,
      repos: Array.from({ length: repositories }, (_, n) => ({
        ...{ name: `repo-${n}`, stars: grow(40 + n), forks: grow(5 + n) },
      })),
    },
  }
}
