import { expect, test } from 'vitest'
import type { Told } from '#schemas/generated/types.ts'
import { collectLastWords } from './last-words.ts'

const content: Told['content'] = {
  ...{ kind: 'news', message: '{}', company_id: 1, data_source_id: 1, series_id: null, follows: null },
  ...{ people: [1], items: [], digest: null },
}
const record = (claim: number, state: string, more: Partial<Told> = {}): Told => ({
  ...{ event_id: 'e', delivery_id: 7, notification_id: 'n', channel: 'EMAIL', address: 'a@b.c', secret_id: '' },
  ...{ claim, state, reference: null, at: 0, content: state === 'sending' ? content : null },
  ...more,
})

test.each([
  { what: 'what came of it counts', records: [record(1, 'sending'), record(1, 'sent')], state: 'sent' },
  { what: 'nothing came of it', records: [record(1, 'sending')], state: 'unknown' },
  { what: 'it is to be tried again', records: [record(1, 'sending'), record(1, 'pending')], state: 'pending' },
  {
    what: 'the outcome of the call before comes late',
    records: [record(1, 'sending'), record(2, 'sending'), record(1, 'pending')],
    state: 'unknown',
  },
  {
    what: 'the second call arrived',
    records: [record(1, 'sending'), record(1, 'pending'), record(2, 'sending'), record(2, 'sent')],
    state: 'sent',
  },
])('the last word: $what', ({ records, state }) => {
  const collected = collectLastWords()
  for (const one of records) collected.add(one)
  expect(collected.words()).toMatchObject([{ delivery_id: 7, state, content }])
})

test('says nothing of a delivery without its content', () => {
  const collected = collectLastWords()
  collected.add(record(1, 'sent'))
  expect(collected.words()).toEqual([])
})
