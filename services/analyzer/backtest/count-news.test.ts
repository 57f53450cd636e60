import { expect, test } from 'vitest'
import { countNews, noNews, ratePerMonth } from './count-news.ts'
import { describeBacktest } from './describe-backtest.ts'

const item = {
  kind: 'threshold',
  severity: 'info' as const,
  observed_at: Date.parse('2026-01-31T23:59Z'),
  rule_id: null,
}

test('silent news items are counted, and nothing else of them', () => {
  const counts = noNews()
  countNews(counts, [{ ...item, silent: true }])
  countNews(counts, [
    { ...item, silent: false },
    { ...item, silent: false, rule_id: 'rule/1', severity: 'warning', observed_at: Date.parse('2026-02-01') },
  ])
  expect(counts).toEqual({
    ...{ news: 3, told: 2, by_kind: { threshold: 2 }, by_severity: { info: 1, warning: 1 } },
    ...{ by_month: { '2026-01': 1, '2026-02': 1 }, by_rule: { 'no rule': 1, 'rule/1': 1 } },
  })
  const done = { companies: 1, payloads: 5, values: 1200, seconds: 0.26 }
  expect(describeBacktest({ ...counts, per_company_and_month: 0.5, ...done })).toBe(`\
Judged 1,200 values of 5 payloads about 1 company in 0.3 s.
2 news items, and 1 silent one: 0.5 per company and month.
by severity: info 1 and warning 1
by kind: threshold 2
by rule: no rule 1 and rule/1 1
by month: 2026-01 1 and 2026-02 1`)
})

test('a company counts for its time, but at least for a month', () => {
  const [first, last] = [Date.parse('2024-01-01'), Date.parse('2025-12-31T12:00Z')]
  expect(ratePerMonth({ told: 12 }, [{ first, last }])).toBeCloseTo(0.5)
  expect(ratePerMonth({ told: 1 }, [{ first, last: first }])).toBe(1)
  expect(ratePerMonth({ told: 0 }, [])).toBe(null)
})
