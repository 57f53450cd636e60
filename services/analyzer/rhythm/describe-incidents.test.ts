import { expect, test } from 'vitest'
import { dayMs, hourMs, minuteMs } from '#runtime/text/time.ts'
import { describeDue, describeStandstill, describeWholeStandstill, formatStep } from './describe-incidents.ts'

const at = Date.parse('2026-11-03T10:00:00Z')
const names = { source: 'github', source_id: 1, company: 'langfuse', company_id: 3 }
const movement = { rounds: 60, moves: 57, longestPause: 1, still: 4, movedAt: at }
const stars = { company: null, measurement: 'stars', item: 'container', number: 14_204 }

test('says since when the numbers of a company stand still, with examples', () => {
  const { message, facts } = describeStandstill(names, movement, [
    stars,
    { ...stars, measurement: 'forks', item: null },
  ])
  expect(message).toBe(
    'No number of langfuse from github has moved since 3 November 2026, in 4 payloads. Before, one moved in 57 of 60. ' +
      'Still are stars of container (14,204) and forks (14,204). Check what its module reads; ' +
      '`parma values ls --company 3 --source 1` shows the values.',
  )
  expect(facts).toMatchObject({ since: '3 November 2026', still: '4', moves: '57', rounds: '60' })
})

test('says so of a whole source', () => {
  expect(describeWholeStandstill(names, { since: at, companies: 12 }, [{ ...stars, company: 'apple' }]).message).toBe(
    'All numbers from github have stood still since 3 November 2026: those of 12 companies that used to move. ' +
      'Still are stars of container of apple (14,204). Check what its module reads; `parma values ls --source 1` shows the values.',
  )
})

test('says that a source is due, and from when on it is overdue', () => {
  const expected = { since: at, step: 7 * dayMs, at: at + 7 * dayMs, warnAt: 0, overdueAt: at + 7 * dayMs + 4 * hourMs }
  expect(describeDue(names, expected).message).toBe(
    'The next payload from github has been due since 10 November 2026, 10:00 UTC: the last one was of 3 November 2026, ' +
      '10:00 UTC, and one comes every 7 days. It is overdue from 10 November 2026, 14:00 UTC on. ' +
      '`parma schedule ls` shows its plan and last run.',
  )
})

test.each([
  [7 * dayMs, '7 days'],
  [dayMs, '24 hours'],
  [hourMs, '60 minutes'],
  [minuteMs, '1 minute'],
  [1, '1 minute'],
])('writes %i ms as %s', (ms, text) => expect(formatStep(ms)).toBe(text))
