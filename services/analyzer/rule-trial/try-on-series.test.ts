import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RefusedError } from '#runtime/changes/apply-changes.ts'
import type { ObservedValue } from '#schemas/generated/types.ts'
import { newRuleId, type RuleRow } from '../backtest/asked-rules.ts'
import { createCompanyMemory, judgeStored, mayBeLate } from '../backtest/judge-stored.ts'
import { criteriaOf } from '../backtest/criteria.ts'
import { commandSettings } from '../config.ts'
import { readEnv } from '#runtime/process/config.ts'
import type { NewsRow } from '../words/compose-news.ts'
import type { Payload } from '../values/payload.ts'
import { triedRule } from './tried-rule.ts'

const config = readEnv(commandSettings, { DATABASE_URL: 'postgres://localhost/none' })
const parents = {
  companies: new Map([[1, 'acme']]),
  sources: new Map([[3, 'github']]),
  measurements: new Map([
    [1, 'stars'],
    [2, 'watchers'],
  ]),
}
const about = { company_id: 1, data_source_id: 3 }

type Given = { measurement: number; item: string | null; number: number }

const valueOf = ({ measurement, item, number }: Given, seq: number): ObservedValue => ({
  ...{ seq, source_measurement_id: measurement, company_measurement_id: 10 + measurement, type: 'float' },
  ...{ measurement_name: parents.measurements.get(measurement)!, path: item === null ? 'a' : 'list[].a' },
  ...{ item_key: item, item_label: null, number, text: null, date: null, members: null },
})

const payloadOf = (values: readonly Given[], at: number): Payload => ({
  ...{ event_id: `00000000-0000-4000-8000-${String(at + 1).padStart(12, '0')}`, event_no: at + 1 },
  ...{ data_source_id: 3, source_name: 'github', company_id: '1', task_id: null, map_version: 1 },
  ...{ observed_at: (at + 1) * 86_400_000, history: false, replay_id: null, subject_key: '', refused: 0 },
  ...{ values: values.map(valueOf), empty_lists: [] },
})

function judgeAll(payloads: readonly Payload[], row: RuleRow): NewsRow[] {
  const memory = createCompanyMemory(config)
  mayBeLate(payloads, memory)
  return judgeStored(payloads, criteriaOf(config, { kind: 'rule', row }), memory, new Map(), parents)
}

const known = ({ news_id, observed_at, title, silent, previous, current, dedupe_key }: NewsRow) => ({
  ...{ news_id, observed_at, title, silent, previous, current, dedupe_key },
})

const tried = fc.record({
  condition: fc.constantFrom('percent' as const, 'absolute' as const, 'above' as const, 'below' as const),
  direction: fc.constantFrom('up' as const, 'down' as const, 'both' as const),
  threshold: fc.oneof(fc.double({ min: 0.1, max: 300, noNaN: true }), fc.constantFrom(1, 10, 50)),
})
const given = fc.record({
  measurement: fc.constantFrom(1, 2),
  item: fc.constantFrom(null, 'x', 'y'),
  number: fc.oneof(fc.integer({ min: -20, max: 200 }), fc.constantFrom(100, 110, 90)),
})

test('a rule about one measurement tells of a series what it tells when nothing else is judged', () => {
  let told = 0
  fc.assert(
    fc.property(fc.array(fc.array(given, { maxLength: 6 }), { maxLength: 30 }), tried, (history, asked) => {
      const row = triedRule(asked, about)
      const whole = { ...(row as { definition: object }).definition, scope: { companies: [1], measurement: 'stars' } }
      const payloads = history.map(payloadOf)
      const all = judgeAll(payloads, { ...row, definition: whole } as RuleRow)
      for (const item of [null, 'x', 'y']) {
        const alone = payloads
          .map((one) => ({
            ...one,
            values: one.values.filter((value) => value.source_measurement_id === 1 && value.item_key === item),
          }))
          .filter(({ values }) => values.length > 0)
        const news = judgeAll(alone, row)
        told += news.length
        expect(news.map(known)).toEqual(all.filter(({ item_key }) => item_key === item).map(known))
      }
    }),
    { numRuns: 300 },
  )
  expect(told).toBeGreaterThan(100)
})

test('a threshold that no rule has is refused in words', () => {
  expect(() => triedRule({ condition: 'absolute', threshold: 0 }, about)).toThrow(RefusedError)
  expect(() => triedRule({ condition: 'percent', threshold: -1 }, about)).toThrow(/No rule has this threshold/)
  expect(triedRule({ condition: 'below', threshold: -5 }, about).rule_id).toBe(newRuleId)
})
