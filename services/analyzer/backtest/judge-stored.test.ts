import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ObservedValue } from '#schemas/generated/types.ts'
import type { Criteria } from '../judge/judge-payloads.ts'
import { plainWeighing } from '../meaning/weigh-news.ts'
import { compileRules, type OwnRow } from '../rules/compile-rules.ts'
import type { Payload } from '../values/payload.ts'
import type { SeriesState } from '../values/series-state.ts'
import { createCompanyMemory, judgeStored, mayBeLate, type Pasts } from './judge-stored.ts'

const parents = {
  companies: new Map([[1, 'acme']]),
  sources: new Map([[3, 'github']]),
  measurements: new Map([
    [1, 'stars'],
    [2, 'loss'],
  ]),
}
const rule: OwnRow = {
  ...{ rule_id: 'rule/1', version: 1, bucketCompanies: [] },
  definition: { name: 'growth', when: { kind: 'percent', by: 10 } },
}
const criteria: Criteria = { rules: compileRules([rule], 500), policy: null, itemPolicy: null, keptValues: 8 }

function valueOf(number: number): ObservedValue {
  return {
    ...{ seq: 0, source_measurement_id: 1, company_measurement_id: 11, measurement_name: 'stars', type: 'int' },
    ...{ path: 'stars', item_key: null, item_label: null, number, text: null, date: null, members: null },
  }
}

function payloadOf(eventNo: number, number: number, changes: Partial<Payload> = {}): Payload {
  return {
    ...{ event_id: `00000000-0000-4000-8000-${String(eventNo).padStart(12, '0')}`, event_no: eventNo },
    ...{ data_source_id: 3, source_name: 'github', company_id: '1', task_id: null, map_version: 1 },
    ...{ observed_at: eventNo * 86_400_000, history: true, replay_id: null, subject_key: '', refused: 0 },
    ...{ values: [valueOf(number)], empty_lists: [], ...changes },
  }
}

const judgeAll = (
  payloads: readonly Payload[],
  pasts: Pasts = new Map(),
  memory = createCompanyMemory(plainWeighing),
) => judgeStored(payloads, criteria, memory, pasts, parents)

test('history is news that is not silent; replays are silent', () => {
  const replay = payloadOf(3, 300, { replay_id: 'a replay', history: false })
  expect(judgeAll([payloadOf(1, 100), payloadOf(2, 200), replay])).toMatchObject([
    { previous: '100', current: '200', silent: false, rule_id: 'rule/1' },
    { previous: '200', current: '300', silent: true },
  ])
})

test('a late payload is judged by its own past, and silent', () => {
  const late = payloadOf(4, 150, { observed_at: 1.5 * 86_400_000 })
  const past: SeriesState = { eventNo: 1, observedAt: 86_400_000, last: { kind: 'number', number: 100 }, recent: [100] }
  const pasts: Pasts = new Map([[late, new Map([['11\0\0', past]])]])
  const payloads = [payloadOf(1, 100), payloadOf(2, 200), payloadOf(3, 200), late]
  expect(judgeAll(payloads, pasts).map(({ current, silent }) => [current, silent])).toEqual([
    ['200', false],
    ['150', true],
  ])
})

test('series that do not count are neither told nor remembered, and all others are', () => {
  const other = (number: number): ObservedValue => ({
    ...valueOf(-number),
    seq: 1,
    source_measurement_id: 2,
    company_measurement_id: 12,
    measurement_name: 'loss',
  })
  const payloads = [100, 200, 210].map((number, at) =>
    payloadOf(at + 1, number, { values: [valueOf(number), other(number)] }),
  )
  const uncounted = new Map([[payloads[1]!, new Set(['11\0\0'])]])
  const memory = createCompanyMemory(plainWeighing)
  const news = judgeStored(payloads, criteria, memory, new Map(), parents, uncounted)
  expect(news.map((row) => [row.company_measurement_id, row.previous, row.current])).toEqual([
    [12, '-100', '-200'],
    [11, '100', '210'],
  ])
  judgeStored([payloads[1]!], criteria, memory, new Map(), parents, new Map([[payloads[1]!, new Set(['new\0\0'])]]))
  expect([...memory.states.keys()]).toEqual(['11\0\0', '12\0\0'])
})

test('a payload may be late if another one of its source has a newer time', () => {
  const memory = createCompanyMemory(plainWeighing)
  expect(mayBeLate([payloadOf(1, 1), payloadOf(3, 1)], memory)).toBe(false)
  expect(mayBeLate([payloadOf(2, 1, { data_source_id: 4 })], memory)).toBe(false)
  expect(mayBeLate([payloadOf(2, 1)], memory)).toBe(true)
})

test('news items of a company, source or measurement that no longer exists are left out', () => {
  const payloads = [payloadOf(1, 100), payloadOf(2, 200)]
  for (const name of Object.keys(parents)) {
    const others = { ...parents, [name]: new Map<number, string>() }
    expect(judgeStored(payloads, criteria, createCompanyMemory(plainWeighing), new Map(), others)).toEqual([])
  }
})

test('the same change posted again is one news item', () => {
  const again = payloadOf(4, 200, { observed_at: 2 * 86_400_000 + 60_000 })
  const payloads = [payloadOf(1, 100), payloadOf(2, 200), payloadOf(3, 100, { observed_at: 2 * 86_400_000 + 1 }), again]
  expect(judgeAll(payloads).map(({ current }) => current)).toEqual(['200', '100'])
})

test('it does not matter in which portions payloads are judged', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(0, 90, 100, 115, 200), { maxLength: 30 }),
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 30, maxLength: 30 }),
      (numbers, sizes) => {
        const payloads = numbers.map((number, index) => payloadOf(index + 1, number))
        const memory = createCompanyMemory(plainWeighing)
        const parts = sizes.map((size) => judgeAll(payloads.splice(0, size), new Map(), memory))
        expect(parts.flat()).toEqual(judgeAll(numbers.map((number, index) => payloadOf(index + 1, number))))
      },
    ),
  )
})
