import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ObservedValue } from '#schemas/generated/types.ts'
import { findLeftSeries } from '../detect/find-totals.ts'
import { compileRules } from '../rules/compile-rules.ts'
import { type Payload, seriesKey, seriesOf, subjectKey } from '../values/payload.ts'
import { judgePayloads, type Memory } from './judge-payloads.ts'

const criteria = {
  rules: compileRules([], 500),
  policy: { insight: { tellFrom: 0.171 }, threshold: 25, steps: 5, types: new Set(['text']) },
  itemPolicy: { goneAfter: 2, maxItemNews: 3, maxGoneItems: 100, knowsSamples: true },
  keptValues: 32,
}

/** A list of items with their stars, and their total. */
function payloadOf(at: number, items: readonly string[], stars: number): Payload {
  const bare = { type: 'int', text: null, date: null, members: null, item_label: null }
  const values: ObservedValue[] = items.map((item_key, seq) => ({
    ...{ ...bare, seq, item_key, number: stars * item_key.charCodeAt(0) + at, path: 'repos[].stars' },
    ...{ source_measurement_id: 1, company_measurement_id: 11, measurement_name: 'stars' },
  }))
  const sum = values.reduce((total, { number }) => total + number!, 0)
  const total = { source_measurement_id: 2, company_measurement_id: 12, measurement_name: 'total', path: 'total' }
  return {
    ...{ event_id: `event ${at}`, event_no: at + 1, data_source_id: 3, source_name: 'github', company_id: '1' },
    ...{ task_id: null, map_version: 1, observed_at: at * 604_800_000, history: false, replay_id: null },
    ...{ subject_key: '', refused: 0, empty_lists: [] },
    values: [...values, { ...bare, ...total, seq: values.length, number: sum, item_key: null }],
  }
}

/** What the analyzer reads of its tables for a payload. Postgres gives the members of an object in another order. */
function readMemory(payload: Payload, stored: Memory): Memory {
  const key = subjectKey(payload)
  const subject = stored.subjects.get(key) ?? null
  const left = findLeftSeries(payload, subject).map((one) => seriesKey(payload, one))
  const states = [...seriesOf(payload).keys(), ...left].flatMap((one) => {
    const state = stored.states.get(one)
    return state ? [[one, state] as const] : []
  })
  const reversed = subject && {
    ...subject,
    lists: Object.fromEntries(
      Object.entries(subject.lists).map(([path, list]) => [
        path,
        { ...list, items: Object.fromEntries(Object.entries(list.items).reverse()) },
      ]),
    ),
  }
  return { states: new Map(states), subjects: new Map(reversed ? [[key, reversed]] : []) }
}

test('payloads are judged alike with all states, and with those that the analyzer reads for each', () => {
  const items = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { minLength: 1 })
  fc.assert(
    fc.property(
      fc.array(fc.record({ items, stars: fc.integer({ min: 10, max: 1000 }) }), { maxLength: 30 }),
      (weeks) => {
        const payloads = weeks.map(({ items, stars }, at) => payloadOf(at, items, stars))
        const whole: Memory = { states: new Map(), subjects: new Map() }
        const stored: Memory = { states: new Map(), subjects: new Map() }
        for (const payload of payloads) {
          const expected = judgePayloads([payload], criteria, whole).judged
          const memory = readMemory(payload, stored)
          expect(judgePayloads([payload], criteria, memory).judged).toEqual(expected)
          for (const [key, state] of memory.states) stored.states.set(key, state)
          for (const [key, subject] of memory.subjects) stored.subjects.set(key, subject)
        }
        expect(stored).toEqual(whole)
      },
    ),
    { numRuns: 50 },
  )
})
