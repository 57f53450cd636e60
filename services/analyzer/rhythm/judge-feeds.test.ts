import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dayMs } from '#runtime/text/time.ts'
import { type Feed, judgeFeeds } from './judge-feeds.ts'
import { learnRhythm } from './learn-rhythm.ts'
import { type Activity, measureMovement } from './measure-movement.ts'

type Event = 'source opens' | 'source closes' | `${number} opens` | `${number} closes`

/** Feeds companies run by run, each run in its own order, and returns what is reported. */
function play(runs: readonly { order: readonly number[]; moves: (company: number) => boolean; live?: boolean }[]) {
  const events: Event[] = []
  const past = new Map<number, Activity[]>()
  const feeds = new Map<number, Feed>()
  let open: { source: boolean; companies: Set<number> } = { source: false, companies: new Set() }
  for (const [run, { order, moves, live = true }] of runs.entries())
    for (const [place, company] of order.entries()) {
      const at = run * 7 * dayMs + place * 60_000
      const activities = [...(past.get(company) ?? []), { at, compared: 10, moved: moves(company) ? 2 : 0 }]
      past.set(company, activities)
      const newest = activities.slice(-120)
      const rhythm = learnRhythm(newest.map((one) => one.at))
      const movement = measureMovement(newest, rhythm, feeds.get(company)?.movement)
      feeds.set(company, { company, at, cameAt: null, live, rhythm, movement })
      const { whole, closes, opened, closed } = judgeFeeds([...feeds.values()], open, new Set([company]))
      if (whole.length > 0) events.push('source opens')
      if (closes) events.push('source closes')
      events.push(...opened.map((one): Event => `${one} opens`), ...closed.map((one): Event => `${one} closes`))
      const left = [...open.companies, ...opened].filter((one) => !closed.includes(one))
      open = { source: (open.source || whole.length > 0) && !closes, companies: new Set(left) }
    }
  return events
}

const orders = (companies: number, runs: number) =>
  fc.array(fc.shuffledSubarray([...Array(companies).keys()], { minLength: companies }), {
    ...{ minLength: runs, maxLength: runs },
  })

test('a source whose companies all stand still is one event, and one when they move again', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 6 }).chain((companies) => orders(companies, 45)),
      (list) => {
        const events = play(list.map((order, run) => ({ order, moves: () => run < 30 || run >= 40 })))
        expect(events).toEqual(['source opens', 'source closes'])
      },
    ),
    { numRuns: 50 },
  )
})

test('one company that stands still among others is one event of its own', () => {
  fc.assert(
    fc.property(orders(5, 45), fc.nat(4), (list, one) => {
      const events = play(list.map((order, run) => ({ order, moves: (it) => it !== one || run < 30 || run >= 40 })))
      expect(events).toEqual([`${one} opens`, `${one} closes`])
    }),
    { numRuns: 50 },
  )
})

test('a quiet company changes nothing about a source that stands still', () => {
  const order = [0, 1, 2]
  const runs = Array.from({ length: 45 }, (_, run) => ({
    order,
    moves: (company: number) => (company === 2 ? run % 8 === 0 : run < 30),
  }))
  expect(play(runs)).toEqual(['source opens'])
})

test('a company alone at its source is one event', () => {
  expect(play(Array.from({ length: 45 }, (_, run) => ({ order: [4], moves: () => run < 30 })))).toEqual(['4 opens'])
})

test('a standstill that lasts longer than is looked back goes on until a number moves', () => {
  const runs = (order: readonly number[]) =>
    Array.from({ length: 420 }, (_, run) => ({ order, moves: () => run < 30 || run >= 400 }))
  expect(play(runs([0]).slice(0, 400))).toEqual(['0 opens'])
  expect(play(runs([0]))).toEqual(['0 opens', '0 closes'])
  expect(play(runs([0, 1, 2]).slice(0, 400))).toEqual(['source opens'])
  expect(play(runs([0, 1, 2]))).toEqual(['source opens', 'source closes'])
})

test('a company that stands still when its source moves again is reported with its next payload', () => {
  const order = [0, 1, 2, 3]
  const runs = Array.from({ length: 45 }, (_, run) => ({
    order,
    moves: (company: number) => run < 30 || (run >= 40 && company !== 3),
  }))
  expect(play(runs)).toEqual(['source opens', 'source closes', '3 opens'])
})

test('history is not reported; what still stands still with the first live payload is', () => {
  const runs = Array.from({ length: 45 }, (_, run) => ({ order: [0], moves: () => run < 30, live: run >= 44 }))
  expect(play(runs)).toEqual(['0 opens'])
  expect(play(runs.slice(0, 44))).toEqual([])
})
