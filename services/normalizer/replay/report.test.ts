import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { NewValue } from '../store/values.ts'
import { addFailure, addToReport, emptyReport, mergeReport, type Report } from './report.ts'

const value = (path: string, number: number) => ({ path, item_key: null, number, text: null, date: null }) as NewValue

type Payload = { path: string; same: number; changed: number; fails: boolean }

function add(report: Report, { path, same, changed, fails }: Payload): void {
  const row = { event_id: path, company_id: '1', observed_at: 0 }
  if (fails) return addFailure(report, path, 'conflict', 'its content is another one')
  const differences = Array.from({ length: changed }, (_, index) => ({ before: null, after: value(path, index) }))
  addToReport(report, row, { same, kept: 1, differences }, [{ leaves: 2 }])
}

test('what two transactions found of a page adds up to what one would have found', () => {
  const payload = fc.record({
    path: fc.oneof(
      fc.constantFrom('stars', 'constructor', '__proto__'),
      fc.integer({ max: 400, min: 0 }).map((n) => `a.${n}`),
    ),
    same: fc.nat(5),
    changed: fc.nat(9),
    fails: fc.boolean(),
  })
  const payloads = fc.array(payload, { maxLength: 400, size: 'max' })
  const property = fc.property(payloads, fc.nat(400), (all, cut) => {
    const [whole, merged, found] = [emptyReport(), emptyReport(), emptyReport()]
    for (const one of all) add(whole, one)
    for (const one of all.slice(0, cut)) add(merged, one)
    for (const one of all.slice(cut)) add(found, one)
    mergeReport(merged, found)
    expect(merged).toEqual(whole)
  })
  fc.assert(property, { numRuns: 60, seed: 20261130 })
})
