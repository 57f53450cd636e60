import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ObservedValue } from '#schemas/generated/types.ts'
import { compileRules } from '../rules/compile-rules.ts'
import { tellFrom } from '../signals/judge-point.ts'
import type { Payload } from '../values/payload.ts'
import type { Found } from './judge-payload.ts'
import { judgePayloads, type Memory } from './judge-payloads.ts'

const week = 7 * 86_400_000
const criteria = {
  rules: compileRules([], 500),
  policy: { insight: { tellFrom }, threshold: 25, steps: 5, types: new Set(['text']) },
  itemPolicy: { goneAfter: 2, maxItemNews: 3, maxGoneItems: 100, knowsSamples: true },
  keptValues: 32,
}

const stars = { source_measurement_id: 1, company_measurement_id: 11, measurement_name: 'stars', path: 'repos[].stars' }
const total = { source_measurement_id: 2, company_measurement_id: 12, measurement_name: 'total stars', path: 'total' }

/** A payload of a week: a list of items with their stars, and their total. */
function payloadOf(
  at: number,
  items: Record<string, number>,
  sum = Object.values(items).reduce((a, b) => a + b, 0),
): Payload {
  const bare = { type: 'int', text: null, date: null, members: null, item_label: null }
  const values: ObservedValue[] = Object.entries(items).map(([item_key, number], seq) => ({
    ...{ ...bare, ...stars, seq, number, item_key },
  }))
  return {
    ...{ event_id: `event ${at}`, event_no: at + 1, data_source_id: 3, source_name: 'github', company_id: '1' },
    ...{ task_id: null, map_version: 1, observed_at: 1.7e12 + at * week, history: false, replay_id: null },
    ...{ subject_key: '', refused: 0, empty_lists: [] },
    values: [...values, { ...bare, ...total, seq: values.length, number: sum, item_key: null }],
  }
}

const emptyMemory = (): Memory => ({ states: new Map(), subjects: new Map() })

function judge(payloads: readonly Payload[], memory = emptyMemory()) {
  return judgePayloads(payloads, criteria, memory).judged.map(({ found }) => found)
}

const describeFound = (one: Found) =>
  'items' in one
    ? `${one.items.kind} ${one.items.items.map(({ key }) => key).join()}`
    : `${one.value.measurement_name} ${one.value.item_key ?? ''} by ${one.firing.rule?.id}`

/** Grows by about `rate` a week. */
const grow = (at: number, rate: number) => 1000 + Math.round(rate * at + rate * 0.3 * Math.sin(at * 2.4 + rate))
const weeks = (count: number, items: (at: number) => Record<string, number>, sum?: (at: number) => number) =>
  Array.from({ length: count }, (_, at) => payloadOf(at, items(at), sum?.(at)))
const steady = (at: number) => ({ a: grow(at, 20), b: grow(at, 30), c: grow(at, 11), d: grow(at, 7) })

function tell(payloads: readonly Payload[]): string[] {
  return judge(payloads).flatMap((found, at) => found.map((one) => `${at}: ${describeFound(one)}`))
}

test('steady numbers are no news', () => expect(tell(weeks(80, steady))).toEqual([]))

test('a jump is told once, with the reason, and its total with it', () => {
  const payloads = weeks(80, (at) => ({ ...steady(at), a: grow(at, 20) + (at >= 60 ? 900 : 0) }))
  expect(tell(payloads)).toEqual(['60: stars a by default/insight'])
  const [told] = judge(payloads)[60] as Exclude<Found, { items: unknown }>[]
  expect(told!.firing.signal).toMatchObject({ reason: expect.stringContaining('largest rise in') })
  expect(told!.also.measurements).toEqual(['total stars'])
})

test('a total whose list gains or loses an item is judged by the items in both payloads', () => {
  const items = (at: number) => ({
    ...steady(at),
    ...(at < 60 && { big: 50_000 + 40 * at }),
    ...(at >= 70 && { new: 9000 }),
  })
  expect(tell(weeks(80, items)).filter((one) => one.includes('total'))).toEqual([])
})

test('a total is known by its number, whatever its name', () => {
  const sum = (at: number) => Object.values(steady(at)).reduce((a, b) => a + b, 0) + (at === 60 ? 4000 : 0)
  const totalOf = (payloads: readonly Payload[]) =>
    (judge(payloads)[60] as Exclude<Found, { items: unknown }>[]).map(({ value, isTotal }) => [value.path, isTotal])
  expect(totalOf(weeks(61, steady, sum))).toEqual([['total', true]])
  const jump = (at: number) => ({ ...steady(at), ...(at === 60 && { a: 4000 }) })
  expect(totalOf(weeks(61, jump))).toEqual([['repos[].stars', false]])
})

test('a total that moves although its items do not is told, also when the list changes', () => {
  const items = (at: number) => ({ ...steady(at), ...(at < 60 && { e: 500 }) })
  const sum = (at: number) => Object.values(items(at)).reduce((a, b) => a + b, 0) + (at >= 60 ? 4000 : 0)
  expect(tell(weeks(62, items, sum))).toContain('60: total stars  by default/insight')
})

test('items that move alike are one news item', () => {
  const payloads = weeks(80, (at) =>
    Object.fromEntries(Object.entries(steady(at)).map(([key, number]) => [key, number - (at >= 60 ? 200 : 0)])),
  )
  expect(judge(payloads)[60]).toHaveLength(1)
})

test('with too little history the detectors never fire, and a percentage does', () => {
  const payloads = weeks(12, (at) => ({ a: at < 11 ? grow(at, 20) : 9000 }))
  expect(tell(payloads)).toEqual(['11: stars a by default/percent'])
  const memory = emptyMemory()
  judge(payloads.slice(0, 11), memory)
  expect(memory.states.get('11\0\0a')?.said).toMatchObject({
    kind: 'learning',
    reason: 'insufficient history (10 of 20)',
  })
})

test('a total of which only the list changes says nothing while the history is short', () => {
  expect(tell(weeks(6, (at) => ({ a: 1000, b: 900, ...(at >= 4 && { c: 5000 }) })))).toEqual(['4: appeared c'])
})

test('an item that goes on under a new name is renamed, not gone and new', () => {
  const both = { item_key: '', number: 0 }
  const withForks = (payload: Payload): Payload => ({
    ...payload,
    values: payload.values.flatMap((value) => {
      const forks = { ...value, company_measurement_id: 13, measurement_name: 'forks', path: 'repos[].forks' }
      return value.item_key === null ? [value] : [value, { ...both, ...forks, number: Math.round(value.number! / 9) }]
    }),
  })
  const payloads = weeks(30, (at) => ({ ...steady(at), [at < 25 ? 'old' : 'new']: grow(at, 5) })).map(withForks)
  expect(tell(payloads)).toEqual(['25: renamed new'])
  const [found] = judge(payloads)[25]!
  expect(found).toMatchObject({ items: { formerly: 'old', items: [{ key: 'new', label: 'new' }] }, silent: false })
})

test('items whose sum no double can hold leave no trace in their total', () => {
  const memory = emptyMemory()
  const huge = { x: 1.2e308, y: 1.2e308 }
  const items = (at: number) => ({ ...steady(at), ...(at === 30 && huge), ...(at === 32 && { x: 1.2e308 }) })
  judge(
    weeks(33, items, (at) => (at === 30 ? 4 : Object.values(items(at)).reduce((a, b) => a + b))),
    memory,
  )
  const { signal } = memory.states.get('12\0\0')!
  expect(signal!.values.every((value) => Math.abs(value) <= 1e120)).toBe(true)
})

const histories = fc
  .array(
    fc.record({
      a: fc.oneof(fc.integer({ min: -3, max: 1e6 }), fc.constantFrom(0, 500, 1e300)),
      b: fc.nat({ max: 300 }),
      gap: fc.integer({ min: 1, max: 30 }),
      hasB: fc.boolean(),
    }),
    { maxLength: 60 },
  )
  .map((steps) => {
    let at = 0
    return steps.map(({ a, b, gap, hasB }) => payloadOf((at += gap), { a, ...(hasB && { b }) }))
  })

test('judging is the same each time, does not look ahead, and tells a value at most once', () => {
  fc.assert(
    fc.property(histories, fc.nat(), (payloads, cut) => {
      const part = payloads.slice(0, cut % (payloads.length + 1))
      const found = judge(payloads)
      expect(judge(payloads)).toEqual(found)
      expect(judge(part)).toEqual(found.slice(0, part.length))
      for (const some of found) {
        const values = some.flatMap((one) => ('items' in one ? [] : [one.value]))
        expect(new Set(values).size).toBe(values.length)
      }
    }),
    { numRuns: 60 },
  )
})

/** `days`: items of another measurement, a date, by key and day. */
function withDates(payload: Payload, path: string, days: Record<string, number>): Payload {
  const of = { source_measurement_id: 4, company_measurement_id: 14, measurement_name: 'last pushed date', path }
  const bare = { type: 'date', number: null, text: null, members: null, item_label: null }
  const dates = Object.entries(days).map(([item_key, day], index): ObservedValue => {
    return { ...bare, ...of, seq: 10 + index, item_key, date: 1.7e12 + day * 86_400_000 }
  })
  return { ...payload, values: [...payload.values, ...dates] }
}

test('what a young list had left out is no news, what came after is', () => {
  const told = (day: number) =>
    tell([
      payloadOf(0, { a: 10, b: 20 }),
      withDates(payloadOf(1, { a: 10, b: 20, c: 30 }), 'repos[].pushed', { c: day }),
    ])
  expect(told(-1)).toEqual([])
  expect(told(3)).toEqual(['1: appeared c'])
})

test('what a new item has had for long says nothing of the lists in others', () => {
  const at = (index: number, repos: readonly string[], files: Record<string, number>) =>
    withDates(payloadOf(index, Object.fromEntries(repos.map((repo) => [repo, 10]))), 'repos[].files[].pushed', files)
  const [first, second] = [
    { 'a>1': -9, 'b>1': -9 },
    { 'a>1': -9, 'b>1': -9, 'c>1': -3 },
  ]
  const payloads = [
    at(0, ['a', 'b'], first),
    at(1, ['a', 'b', 'c'], second),
    at(2, ['a', 'b', 'c'], { ...second, 'a>2': 9 }),
  ]
  expect(tell(payloads)).toEqual(['1: appeared c', '2: appeared a>2'])
})
