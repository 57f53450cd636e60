import { expect, test } from 'vitest'
import type { ObservedValue } from '#schemas/generated/types.ts'
import type { Payload } from '../values/payload.ts'
import { seriesOf } from '../values/payload.ts'
import { readValue } from '../values/value.ts'
import { findShapes } from './shapes.ts'
import { readPayload } from './trace.ts'

/** A payload with numbers outside of lists, and items of one list. `undefined`: null in the payload. */
function payloadOf(
  numbers: readonly (number | undefined)[],
  items: readonly [key: string, stars: number][] = [],
): Payload {
  const value = (id: number, found: Partial<ObservedValue>): ObservedValue => ({
    ...{ seq: id, source_measurement_id: id, company_measurement_id: id, measurement_name: `m${id}`, type: 'int' },
    ...{ path: `m${id}`, item_key: null, item_label: null, number: null, text: null, date: null, members: null },
    ...found,
  })
  return {
    ...{ event_id: 'e', event_no: 1, data_source_id: 1, source_name: 's', company_id: '1', task_id: 1, map_version: 1 },
    ...{ observed_at: 0, history: false, replay_id: null, subject_key: '', refused: 0, empty_lists: [] },
    values: [
      ...numbers.flatMap((number, id) => (number === undefined ? [] : [value(id, { number })])),
      ...items.map(([item_key, number]) => value(90, { path: 'repos[].stars', item_key, number })),
    ],
  }
}

/** The keys of the shapes of the last of these payloads; one that only supports others has a question mark. */
function shapesOf(...payloads: Payload[]): string[] {
  const states = new Map<string, { last: NonNullable<ReturnType<typeof readValue>> }>()
  let trace: ReturnType<typeof readPayload>['trace'] | null = null
  let shapes: ReturnType<typeof findShapes> = []
  for (const payload of payloads) {
    const reading = readPayload(payload, trace, states)
    shapes = findShapes(reading, trace, false)
    trace = reading.trace
    for (const [key, value] of seriesOf(payload)) states.set(key, { last: readValue(value)! })
  }
  return shapes
    .filter(({ key }) => !key.startsWith('value'))
    .map(({ key, grade }) => (grade === 'weak' ? `${key}?` : key))
}

const items = (...keys: string[]) => keys.map((key): [string, number] => [key, 10])
const moving = [1, 2, 3, 4, 5, 6].map((n) => payloadOf([100 + n, 200 + n, 300 + 2 * n, 400 + n, 7]))

test.each<[string, Payload[], string[]]>([
  ['the first payload of a subject', [payloadOf([0, 0])], []],
  ['growth', [payloadOf([100, 5]), payloadOf([300, 6])], []],
  ['zeros', [payloadOf([100, 5]), payloadOf([0, 0])], ['zeros', 'emptied 0', 'emptied 1?']],
  ['a small number that became zero', [payloadOf([2]), payloadOf([0])], ['zeros?', 'emptied 0?']],
  ['one zero of many numbers', [payloadOf([1, 50, 60, 70]), payloadOf([0, 51, 61, 71])], ['emptied 0?']],
  ['what was zero before', [payloadOf([0, 8]), payloadOf([0, 9])], []],
  ['nulls', [payloadOf([100, 5, 7]), payloadOf([undefined, 5, undefined])], ['gone', 'null 0?', 'null 2?']],
  ['numbers that stand still', [...moving, moving.at(-1)!], ['frozen']],
  ['numbers that often stand still', [...moving.slice(0, 3), moving[2]!, moving[2]!, moving[2]!], []],
  [
    'a list that was cut off',
    [payloadOf([], items('a', 'b', 'c', 'd', 'e')), payloadOf([], items('a', 'b', 'c'))],
    ['cut repos[] 3'],
  ],
  [
    'its last item is gone',
    [payloadOf([], items('a', 'b', 'c', 'd')), payloadOf([], items('a', 'b', 'c'))],
    ['cut repos[] 3?'],
  ],
  ['items gone from the middle', [payloadOf([], items('a', 'b', 'c', 'd')), payloadOf([], items('a', 'd', 'c'))], []],
  ['all numbers jumped', [payloadOf([100, 90, 80]), payloadOf([10, 900, 20])], ['jumped?']],
])('%s', (_, payloads, expected) => {
  expect(shapesOf(...payloads)).toEqual(expected)
})
