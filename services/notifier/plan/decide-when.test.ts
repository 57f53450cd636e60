import { describe, expect, test } from 'vitest'
import { type Bundle, decideWhen, endOfWindow } from './decide-when.ts'

const bundleOf = (changes: Partial<Bundle> = {}): Bundle => ({
  dueAt: null,
  isHeld: false,
  lastMessageAt: null,
  ...changes,
})
const awake = (at: number) => at
const asleepUntil = (end: number) => (at: number) => Math.max(at, end)

describe('endOfWindow', () => {
  const times = { isCritical: false, now: 1000, windowMs: 600 }
  test.each([
    ['the first of a company is sent at once', bundleOf(), times, 1000],
    ['what follows waits for the end of the window', bundleOf({ lastMessageAt: 900 }), times, 1500],
    ['after the window it is the first again', bundleOf({ lastMessageAt: 400 }), times, 1000],
    ['critical does not wait', bundleOf({ lastMessageAt: 900 }), { ...times, isCritical: true }, 1000],
    ['without a window nothing waits', bundleOf({ lastMessageAt: 1000 }), { ...times, windowMs: 0 }, 1000],
  ])('%s', (_, bundle, given, at) => {
    expect(endOfWindow(bundle, given)).toBe(at)
  })
})

describe('decideWhen', () => {
  test.each([
    ['it is due when it may be sent', bundleOf(), 1000, [awake], { dueAt: 1000, isHeld: false }],
    ['one person’s quiet hours hold it', bundleOf(), 1000, [asleepUntil(5000)], { dueAt: 5000, isHeld: true }],
    [
      'the first recipient who may get it decides',
      bundleOf(),
      1000,
      [asleepUntil(5000), awake],
      { dueAt: 1000, isHeld: false },
    ],
    [
      'of several asleep the first to wake decides',
      bundleOf(),
      1000,
      [asleepUntil(5000), asleepUntil(4000)],
      { dueAt: 4000, isHeld: true },
    ],
    [
      'what waits longer is taken along',
      bundleOf({ dueAt: 5000, isHeld: true }),
      1000,
      [awake],
      { dueAt: 1000, isHeld: false },
    ],
    ['what waits is not put off', bundleOf({ dueAt: 1500 }), 2000, [awake], { dueAt: 1500, isHeld: false }],
  ])('%s', (_, bundle, at, people, decided) => {
    expect(decideWhen(bundle, at, people)).toMatchObject(decided)
  })
})
