import { expect, test } from 'vitest'
import { compileRules } from '../rules/compile-rules.ts'
import { tellFrom } from '../signals/judge-point.ts'
import type { Payload } from '../values/payload.ts'
import { judgePayloads, type Memory } from './judge-payloads.ts'

const day = 86_400_000
const criteria = {
  rules: compileRules([], 500),
  policy: { insight: { tellFrom }, threshold: 25, steps: 5, types: new Set(['text']) },
  itemPolicy: { goneAfter: 2, maxItemNews: 3, maxGoneItems: 100, knowsSamples: true },
  keptValues: 32,
}

function payloadOf(index: number, observed_at: number, value: number | string): Payload {
  const [type, number, text] = typeof value === 'number' ? ['int', value, null] : ['text', null, value]
  return {
    ...{ event_id: `event ${index}`, event_no: index + 1, data_source_id: 3, source_name: 'github', company_id: '1' },
    ...{ task_id: null, map_version: 1, observed_at, history: false, replay_id: null },
    ...{ subject_key: '', refused: 0, empty_lists: [] },
    values: [
      {
        ...{ seq: 0, source_measurement_id: 1, company_measurement_id: 11, measurement_name: 'stars', path: 'stars' },
        ...{ type, number, text, date: null, members: null, item_key: null, item_label: null },
      },
    ],
  }
}

/** Which values of a series are news, and by which rule. */
function tell(count: number, valueOf: (i: number) => number | string, timeOf = (i: number) => 1.7e12 + i * 7 * day) {
  const memory: Memory = { states: new Map(), subjects: new Map() }
  const payloads = Array.from({ length: count }, (_, i) => payloadOf(i, timeOf(i), valueOf(i)))
  return judgePayloads(payloads, criteria, memory).judged.flatMap(({ found }, index) =>
    found.map((one) => `${index}: ${'firing' in one ? one.firing.rule?.id : ''}`),
  )
}

const grown = (i: number) => 1000 + 20 * i + Math.round(6 * Math.sin(i * 2.4))

test.each([
  ['a unit that changes from thousands to single ones', (i: number) => (i < 60 ? grown(i) : 1000 * grown(i))],
  ['a unit that changes to thousands', (i: number) => (i < 60 ? grown(i) : grown(i) / 1000)],
  ['a sign that changes', (i: number) => (i < 60 ? grown(i) : -grown(i))],
  ['a restart at zero', (i: number) => (i < 60 ? grown(i) : 20 * (i - 60))],
])('%s is news once', (_, valueOf) => expect(tell(110, valueOf)).toEqual(['60: default/insight']))

test('numbers that are texts for a while go on where they were', () => {
  const valueOf = (i: number) => (i >= 60 && i < 63 ? 'unknown' : grown(i) + (i >= 80 ? 900 : 0))
  expect(tell(110, valueOf)).toEqual(['80: default/insight'])
})

test('one value a year is judged by the percentage for twenty years', () => {
  const yearly = (i: number) => Date.UTC(1990 + i, 0, 1)
  expect(tell(19, grown, yearly)).toEqual([])
  expect(tell(19, (i) => (i === 15 ? 90_000 : grown(i)), yearly)).toEqual([
    '15: default/percent',
    '16: default/percent',
  ])
})

test('growth that goes on is no news where values come twice a day and then once a month', () => {
  const timeOf = (i: number) => (i < 60 ? Date.UTC(2024, 0, 1) + (i * day) / 2 : Date.UTC(2024, i - 58, 1))
  const valueOf = (i: number) => 1000 + Math.round((20 * (timeOf(i) - timeOf(0))) / day) + (i % 3)
  expect(tell(110, valueOf, timeOf)).toEqual([])
})

test.each(['1970-01-01', '1969-06-02', '2100-01-04'])('clocks from %s change nothing', (begin) => {
  const valueOf = (i: number) => grown(i) + (i >= 80 ? 900 : 0)
  expect(tell(110, valueOf, (i) => Date.parse(begin) + i * 7 * day)).toEqual(['80: default/insight'])
})
