import { expect, test } from 'vitest'
import { createAcceptedEvents } from './accepted.ts'

const accepted = (received_at: number) => ({ data_source_id: 7, company_id: '1', received_at })

test('an event keeps the time of its first acceptance', () => {
  const events = createAcceptedEvents()
  expect(events.find('a')).toBeNull()
  events.add('a', accepted(1))
  events.add('a', accepted(2))
  expect(events.find('a')).toEqual(accepted(1))
})

test('the last ten thousand events are kept', () => {
  const events = createAcceptedEvents()
  for (let at = 0; at <= 10_000; at++) events.add(String(at), accepted(at))
  expect(events.find('0')).toBeNull()
  expect(events.find('1')).toEqual(accepted(1))
  expect(events.find('10000')).toEqual(accepted(10_000))
})
