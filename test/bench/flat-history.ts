import type { History } from '../harness/github.ts'

const companies = 100
const fields = {
  ...{ users: 'int', stars: 'int', forks: 'int', employees: 'int', rating: 'float', share: 'float' },
  ...{ name: 'text', status: 'text', homepage: 'link', updated_at: 'date' },
}

/** Small payloads of ten fields on one level, the same in each call. */
export function makeFlatHistory(): History {
  const Mappings = Object.entries(fields).map(([SourceField, DataType]) => ({
    ...{ SourceField, DataType, MeasurementName: SourceField },
  }))
  const payloads = Array.from({ length: companies * 10 }, (_, index) => ({
    company: index % companies,
    rawData: {
      ...{ users: 10_000 + index, stars: 7 * index, forks: index, employees: 40 + (index % 7) },
      ...{ rating: 4 + (index % 10) / 10, share: 1 / (index + 1), name: `Company ${index % companies}` },
      ...{ status: index % 3 === 0 ? 'growing' : 'steady', homepage: `https://company-${index % companies}.example/` },
      updated_at: new Date(Date.UTC(2026, 0, 1, index)).toISOString(),
    },
  }))
  return { map: { Source: 'bench-flat', Mappings }, payloads }
}
