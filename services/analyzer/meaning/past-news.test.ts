import { expect, test } from 'vitest'
import { type Counted, rememberNews, yearMs } from './past-news.ts'

const dayMs = 86_400_000
const now = 1000 * dayMs
const one: Counted = {
  ...{ company_id: 1, source_measurement_id: 5, kind: 'threshold', subject_key: '', item_key: 'a', observed_at: now },
}

test('counts the year before, of the series, the company and others, and nothing of the same time', () => {
  const past = rememberNews()
  const add = (changes: Partial<Counted>) => past.add({ ...one, observed_at: now - dayMs, ...changes })
  expect(past.count(one)).toEqual({ series: 0, company: 0, others: 0 })
  add({})
  add({ observed_at: now - yearMs })
  add({ observed_at: now - yearMs - 1 })
  add({ observed_at: now })
  add({ kind: 'gone' })
  add({ source_measurement_id: 6 })
  add({ item_key: 'b' })
  add({ subject_key: 'other' })
  for (const company_id of [2, 2, 2, 3]) add({ company_id })
  expect(past.count(one)).toEqual({ series: 2, company: 2, others: 2 })
})

test('what is stored elsewhere counts, too', () => {
  const past = rememberNews(() => ({ series: 1, company: 2, others: 8, companies: 4 }))
  past.add({ ...one, observed_at: now - dayMs })
  past.add({ ...one, observed_at: now - dayMs, company_id: 2 })
  expect(past.count(one)).toEqual({ series: 2, company: 2, others: 9 / 4 })
})
