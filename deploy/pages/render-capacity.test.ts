import { expect, test } from 'vitest'
import { type Figures, renderCapacity } from './render-capacity.ts'

const measures: [string, number, string][] = [
  ['edge, payloads accepted', 2000, 'payloads/s'],
  ['raw-sink, to a stub', 1000, 'documents/s'],
  ['normalizer, github history', 10_000, 'values/s'],
  ['analyzer, values judged', 20_000, 'values/s'],
  ['notifier, messages', 200, 'messages/s'],
  ['values a payload, github history', 100, 'values'],
  ['Postgres a payload, github history', 32, 'KiB'],
]
const figures: Figures = {
  conditions: { cpu: '2 × some', load: '0.1' },
  results: measures.map(([what, value, unit]) => ({ what, value, unit })),
}
const memory = { edge: 512, 'raw-sink': 256, normalizer: 384, analyzer: 256, notifier: 384, scheduler: 256 }

test('a process is given half of what it was measured to do, and each reads partitions of its own', () => {
  const page = renderCapacity(figures, memory, [{ partitions: 6 }])
  // 27.8 payloads and 2,780 values a second.
  expect(page).toContain('| 100,000 | 2,780 | 1 | 1 | 1 | 1 | 6 | 2 GiB | 26 TiB |')
  // 278 payloads and 27,800 values a second: 5.6 normalizers at 5,000 values/s, 2.8 analyzers at 10,000.
  expect(page).toContain('| 1,000,000 | 27,800 | 1 | 1 | 6 | 3 | 6 |')
})

test('more processes than partitions ask for more partitions', () => {
  expect(renderCapacity(figures, memory, [{ partitions: 3 }])).toContain('| 1,000,000 | 27,800 | 1 | 1 | 6 | 3 | 6 |')
})

test('a figure that is missing is named', () => {
  const lacking = { ...figures, results: figures.results.slice(1) }
  expect(() => renderCapacity(lacking, memory, [{ partitions: 6 }])).toThrow('no "edge, payloads accepted"')
})
