import { expect, test } from 'vitest'
import { findFault, renderMetrics } from './render-metrics.ts'

const counter = { name: 'parma_things_total', type: 'counter', help: 'Things', labels: ['topic'], service: 'every' }

test('a metric is a row, its labels are explained', () => {
  const page = renderMetrics([counter, { ...counter, name: 'parma_wait_seconds', type: 'histogram', labels: [] }])
  expect(page).toContain('| `parma_things_total` | counter | count | `topic` | every | Things |')
  expect(page).toContain('| `parma_wait_seconds` | histogram | seconds |  | every | Things |')
  expect(page).toContain('| `topic` | topic, with the prefix')
  expect(page).not.toContain('| `partition` |')
})

test.each([
  [{ name: 'parma_things' }, 'a counter ends with _total'],
  [{ type: 'gauge' }, 'a counter ends with _total'],
  [{ name: 'parma_wait', type: 'histogram' }, 'a histogram ends with its unit'],
  [{ name: 'parma_wait_ms', type: 'gauge' }, 'not a base unit'],
  [{ name: 'Things_total' }, 'its name is not'],
  [{ help: '' }, 'does not say'],
  [{ labels: ['company_id'] }, 'company_id is not in the table'],
])('%o breaks the rules', (change, fault) => {
  expect(findFault({ ...counter, ...change })).toContain(fault)
  expect(() => renderMetrics([{ ...counter, ...change }])).toThrow(fault)
})

test('one that keeps them does not', () => {
  expect(findFault(counter)).toBeNull()
})
