import { expect, test } from 'vitest'
import { weightOfFeedback } from '../people/feedback.ts'
import { answerWith, type Feedback } from './feedback.ts'

const at = 1_000_000
const answer = (...answers: Parameters<typeof answerWith>[1]['answer'][]): Feedback =>
  answers.reduce<Feedback>(
    (before, answer) => answerWith(before, { person: 1, news_id: 'x', answer, minutes: 2 }, at),
    { opinion: null, done_at: null, snoozed_until: null },
  )

test('an opinion and what is done are apart; none forgets both', () => {
  expect(answer('useful', 'done')).toEqual({ opinion: 'useful', done_at: at, snoozed_until: null })
  expect(answer('done', 'not_useful', 'snooze')).toEqual({
    ...{ opinion: 'not_useful', done_at: null, snoozed_until: at + 120_000 },
  })
  expect(answer('useful', 'snooze', 'open')).toEqual({ opinion: 'useful', done_at: null, snoozed_until: null })
  expect(answer('useful', 'done', 'none')).toEqual({ opinion: null, done_at: null, snoozed_until: null })
})

test('feedback moves a weight between a half and one and a half, that of the same company three times as much', () => {
  const of = (company_id: number, useful: number, not_useful: number) => ({ company_id, useful, not_useful })
  expect(weightOfFeedback([], 1)).toBe(1)
  expect(weightOfFeedback([of(1, 1, 1)], 1)).toBe(1)
  expect(weightOfFeedback([of(1, 1, 0)], 1)).toBe(1.25)
  expect(weightOfFeedback([of(2, 1, 0)], 1)).toBe(1.125)
  expect(weightOfFeedback([of(1, 0, 1)], 1)).toBe(0.75)
  expect(weightOfFeedback([of(1, 0, 1e6)], 1)).toBeGreaterThan(0.5)
  expect(weightOfFeedback([of(1, 1e6, 0)], 1)).toBeLessThan(1.5)
})
