import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseSchema, readSchema } from '#schemas/avro.ts'
import type { LedgerRow } from '../ledger/ledger-rows.ts'
import { observe } from './observe.ts'
import type { ValueRow } from './values.ts'

fc.configureGlobal({ seed: 20261126 })

const row: LedgerRow = {
  ...{
    event_no: 5,
    event_id: 'e',
    replay_id: '',
    content_hash: 'h',
    data_source_id: 1,
    source_name: 's',
    company_id: '7',
  },
  ...{
    task_id: 2,
    received_at: 2000,
    history: false,
    observed_at: 1000,
    map_version: 3,
    subject_key: 'u',
    list_revision: 1,
    empty_lists: null,
    reason: null,
  },
  ...{ stored: 1, nulls: 0, unmapped: 0, refused: 4 },
}
const value: ValueRow = {
  ...{ seq: 0, company_measurement_id: 10, source_measurement_id: 20, type: 'text', path: 'a' },
  ...{ item_key: null, item_label: null },
  ...{ number: null, text: 'x', date: null, members: null },
}
const names = new Map([[20, 'name']])
const limits = { values: 3, bytes: 10_000 }

test('a value is observed as stored, a list by its members alone', () => {
  const values = [value, { ...value, seq: 1, text: '["b","a"]', members: ['a', 'b'] }]
  const [observation] = observe({ event_no: 5, row, values }, names, limits)
  expect(observation).toMatchObject({
    event_no: 5,
    part: 1,
    parts: 1,
    map_version: 3,
    observed_at: 1000,
    refused: 4,
    replay_id: null,
  })
  expect(observation?.values).toMatchObject([
    { seq: 0, measurement_name: 'name', text: 'x', members: null },
    { seq: 1, text: null, members: ['a', 'b'] },
  ])
})

test('a payload without values is one empty part; an empty replay and a refused payload have none', () => {
  expect(observe({ event_no: 5, row, values: [] }, names, limits)).toMatchObject([{ part: 1, parts: 1, values: [] }])
  expect(observe({ event_no: 5, row: { ...row, replay_id: 'r' }, values: [] }, names, limits)).toEqual([])
  expect(observe({ event_no: 5, row: { ...row, reason: 'no-map' }, values: [] }, names, limits)).toEqual([])
})

test('a replay keeps the event_no of its event and has its replay_id', () => {
  const [observation] = observe(
    { event_no: 5, row: { ...row, event_no: 9, replay_id: 'r' }, values: [value] },
    names,
    limits,
  )
  expect(observation).toMatchObject({ event_no: 5, replay_id: 'r' })
})

test('a value too large for a record is cut to its beginning and a hash', () => {
  const tell = (more: Partial<ValueRow>) =>
    observe({ event_no: 5, row, values: [{ ...value, ...more }] }, names, limits)[0]?.values[0]
  const [one, two] = ['a', 'b'].map((end) => tell({ text: 'x'.repeat(20_000) + end }))
  expect(one?.text).toMatch(/^x{1000}… sha256:[0-9a-f]{64}$/)
  expect(one?.text).not.toBe(two?.text)
  const members = Array.from({ length: 5000 }, (_, index) => String(index))
  expect(tell({ text: JSON.stringify(members), members })).toMatchObject({
    members: null,
    text: expect.stringContaining('sha256:'),
  })
  expect(tell({ number: 1, text: '1'.repeat(20_000) })).toMatchObject({
    number: 1,
    text: expect.stringContaining('sha256:'),
  })
})

test('parts hold all values in order, within both limits unless a single value is larger', () => {
  const type = parseSchema(readSchema('observation'))
  const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 30 }), { maxLength: 40 })
  fc.assert(
    fc.property(texts, fc.integer({ min: 1, max: 10 }), fc.integer({ min: 100, max: 3000 }), (all, count, bytes) => {
      const values = all.map((text, seq) => ({ ...value, seq, text, item_key: text || null }))
      const parts = observe({ event_no: 5, row, values }, names, { values: count, bytes })
      expect(parts.flatMap((part) => part.values.map((one) => one.seq))).toEqual(values.map(({ seq }) => seq))
      expect(parts.map(({ part, parts: of }) => `${part}/${of}`)).toEqual(
        parts.map((_, index) => `${index + 1}/${parts.length}`),
      )
      const head = type.toBuffer({ ...parts[0], values: [] }).length
      for (const part of parts) {
        expect(part.values.length).toBeLessThanOrEqual(count)
        if (part.values.length > 1) expect(type.toBuffer(part).length - head).toBeLessThanOrEqual(bytes + 10)
      }
    }),
  )
})
