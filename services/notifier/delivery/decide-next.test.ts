import { describe, expect, test } from 'vitest'
import type { Answer } from '../channels/answer.ts'
import { decideNext, noAnswer, type Policy } from './decide-next.ts'

const email: Policy = {
  RETRY_FIRST_MS: 1000,
  RETRY_MAX_MS: 60_000,
  GIVE_UP_AFTER_MS: 86_400_000,
  lookUpAfterMs: 10_000,
  canFind: false,
  resendUnknown: false,
  intervalMs: 0,
}
const slack: Policy = { ...email, canFind: true, intervalMs: 1000 }
const resending: Policy = { ...email, resendUnknown: true }

const sent: Answer = { kind: 'sent', reference: 'C1/1.2' }
const retry: Answer = { kind: 'retry', reason: 'busy' }
const refused: Answer = { kind: 'refused', concerns: 'message', reason: 'bad blocks' }
const gone: Answer = { kind: 'refused', concerns: 'destination', reason: 'no such channel' }
const lost: Answer = { kind: 'lost', reason: 'cut off' }
const young = { attempts: 1, ageMs: 0 }
const old = { attempts: 40, ageMs: 86_400_000 }

describe('settle', () => {
  test.each<[string, Answer, { attempts: number; ageMs: number }, Policy, object]>([
    [
      'sent is final',
      sent,
      young,
      slack,
      { state: 'sent', dueInMs: null, reference: 'C1/1.2', reason: null, holdMs: 1000 },
    ],
    ['sent is final at any age', sent, old, email, { state: 'sent', dueInMs: null }],
    ['a refused message is final', refused, young, slack, { state: 'failed', dueInMs: null, reason: 'bad blocks' }],
    [
      'where the destination is refused it waits for it to be mended',
      gone,
      young,
      slack,
      { state: 'pending', dueInMs: 0, reason: 'no such channel', parks: true },
    ],
    ['a lost answer that nobody can look for is final', { ...lost, isFinal: true }, young, slack, { dueInMs: null }],
    ['what was not taken is sent again', retry, young, email, { state: 'pending', dueInMs: 1000, reason: 'busy' }],
    ['for a day', retry, old, email, { state: 'failed', dueInMs: null, reason: 'not delivered in time: busy' }],
    [
      'a lost e-mail is for a person to decide',
      lost,
      young,
      email,
      { state: 'unknown', dueInMs: null, reason: 'cut off' },
    ],
    ['or sent again where that is wanted', lost, young, resending, { state: 'pending', dueInMs: 1000 }],
    ['not after a day', lost, old, resending, { state: 'unknown', dueInMs: null }],
    ['a lost post is looked up', lost, young, slack, { state: 'unknown', dueInMs: 10_000 }],
    ['for a day', lost, old, slack, { state: 'unknown', dueInMs: null }],
    ['a crash is a lost answer', noAnswer, young, email, { state: 'unknown', dueInMs: null }],
  ])('%s', (_, answer, delivery, policy, expected) => {
    expect(decideNext(answer, delivery, policy, 1)).toMatchObject(expected)
  })

  test.each<[Answer, object]>([
    [sent, { state: 'sent', parks: false }],
    [retry, { state: 'failed', parks: false }],
    [gone, { state: 'failed', parks: true }],
    [lost, { state: 'unknown', parks: false }],
  ])('a test has one attempt: %j', (answer, expected) => {
    expect(decideNext(answer, { ...young, isTest: true }, slack, 1)).toMatchObject({ ...expected, dueInMs: null })
  })

  test('waits twice as long each time, up to a limit, a random half of it', () => {
    const wait = (attempts: number, random: number) => decideNext(retry, { attempts, ageMs: 0 }, email, random).dueInMs
    expect([1, 2, 3, 6, 7, 1000].map((attempts) => wait(attempts, 1))).toEqual([
      1000, 2000, 4000, 32_000, 60_000, 60_000,
    ])
    expect(wait(3, 0)).toBe(2000)
  })

  test('a channel that asks for patience gets it, for all its messages', () => {
    expect(decideNext({ ...retry, afterMs: 90_000 }, young, slack, 1)).toMatchObject({
      state: 'pending',
      dueInMs: 90_000,
      holdMs: 90_000,
    })
    expect(decideNext({ ...lost, afterMs: 90_000 }, young, slack, 1)).toMatchObject({
      state: 'unknown',
      dueInMs: 90_000,
      holdMs: 90_000,
    })
  })
})
