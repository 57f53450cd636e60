import { expect, test } from 'vitest'
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
