import type { Payload } from '../github.ts'
import type { ModuleMap } from '../module.ts'

/** So short that no phase is long enough to say whom a payload is about: companies have the same ones. */
const words = 'alpha bravo delta echo golf hotel india kilo lima mike oscar papa romeo tango xray zulu'.split(' ')

/** The nth phase of a company: words, because numbers within a text are no news. */
export function phaseOf(n: number): string {
  const digit = (place: number) => words[Math.floor(n / words.length ** place) % words.length]
  return `${digit(2)} ${digit(1)} ${digit(0)}`
}

export const map: ModuleMap = {
  Source: 'nemesis',
  Mappings: [
    { SourceField: 'phase', DataType: 'text', MeasurementName: 'phase' },
    { SourceField: 'size', DataType: 'int', MeasurementName: 'size' },
    {
      ...{ SourceField: 'offices', DataType: 'nested', MeasurementName: 'offices' },
      NestedMappings: [{ SourceField: 'url', DataType: 'link', MeasurementName: 'office url' }],
    },
  ],
}

/** Values of each payload. */
export const valuesOfEach = { text: 1, int: 1, link: 2 }

export type Numbered = Payload & { n: number }

/** Payloads of `companies` in turn. Each has another phase than the one before, so each but the first makes one news item. */
export function makePayloads(companies: number, count: number): Numbered[] {
  return Array.from({ length: count }, (_, index) => {
    const [company, n] = [index % companies, Math.floor(index / companies)]
    const offices = ['north', 'south'].map((name) => ({ url: `https://company-${company}.example/${name}` }))
    return { company, n, rawData: { phase: phaseOf(n), size: 42, offices } }
  })
}
