import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Evidence, findAlike } from './alike.ts'
import { decideRun, type RunView } from './decide.ts'
import type { Shape } from './shapes.ts'

const zeros: Shape = { key: 'zeros', grade: 'strong', waits: true, seen: '2 of 2 numbers became zero' }

function evidenceOf(company: number, shapes: Shape[] = [], changes: Partial<Evidence> = {}): Evidence {
  return {
    ...{ company, eventId: `e${company}`, shapes, content: `c${company}`, contentBefore: `b${company}`, leaves: 4 },
    ...{ numbers: {}, numbersBefore: {}, ...changes },
  }
}

const view = (evidence: Evidence[], changes: Partial<RunView> = {}): RunView => ({
  ...{ evidence, hasEnded: false, quietMs: 60_000, maxWaitMs: 1_800_000 },
  waiting: evidence.filter(({ shapes }) => shapes.length > 0).map(({ eventId }) => ({ eventId, ageMs: 3000 })),
  ...changes,
})

test.each([
  { companies: 40, broken: 40, isSuspect: true },
  { companies: 40, broken: 8, isSuspect: true },
  { companies: 40, broken: 6, isSuspect: true },
  { companies: 40, broken: 5, isSuspect: false },
  { companies: 13, broken: 2, isSuspect: true },
  { companies: 14, broken: 2, isSuspect: false },
  { companies: 300, broken: 8, isSuspect: true },
  { companies: 10, broken: 2, isSuspect: true },
  { companies: 10, broken: 1, isSuspect: false },
  { companies: 4, broken: 4, isSuspect: false },
])('$broken of $companies companies are zero', ({ companies, broken, isSuspect }) => {
  const evidence = Array.from({ length: companies }, (_, n) => evidenceOf(n, n < broken ? [zeros] : []))
  expect(decideRun(view(evidence)).kind).toBe(isSuspect ? 'suspect' : 'clear')
})

test('the order in which companies are judged changes nothing once all are', () => {
  const evidence = Array.from({ length: 20 }, (_, n) => evidenceOf(n, n < 6 ? [zeros] : []))
  fc.assert(
    fc.property(fc.shuffledSubarray(evidence, { minLength: 20 }), (shuffled) => {
      const decision = decideRun(view(shuffled))
      expect(decision.kind === 'suspect' && decision.found[0]?.companies).toBe(6)
    }),
  )
})

test('companies that move, each in its own way, are never alike', () => {
  const numbers = fc.dictionary(fc.constantFrom('1', '2'), fc.integer({ min: 1, max: 1_000_000 }), { minKeys: 2 })
  fc.assert(
    fc.property(fc.array(fc.tuple(numbers, numbers), { minLength: 5, maxLength: 40 }), (companies) => {
      const evidence = companies.map(([now, before], n) =>
        evidenceOf(n, [{ key: `value 1 ${n}`, grade: 'weak', waits: false, seen: '' }], {
          numbers: now,
          numbersBefore: before,
        }),
      )
      expect(findAlike(evidence).found).toEqual([])
    }),
  )
})

test('companies with the content of others are alike, those whose content stays are not', () => {
  const shifted = [1, 2, 3, 4, 5].map((n) => evidenceOf(n, [], { content: `c${n}`, contentBefore: `c${(n % 5) + 1}` }))
  expect(findAlike(shifted).found).toMatchObject([{ key: 'double', companies: 5 }])
  const same = [1, 2, 3, 4, 5].map((n) => evidenceOf(n, [], { content: 'c', contentBefore: 'c' }))
  expect(findAlike(same).found).toEqual([])
})

test('companies that share what is crawled, so that they always look alike, are no doubles', () => {
  const rest = [3, 4, 5, 6].map((n) => evidenceOf(n))
  const pair = (before: [Partial<Evidence>, Partial<Evidence>]) =>
    findAlike([...before.map((one, n) => evidenceOf(n, [], { content: 'c', ...one })), ...rest]).found
  expect(pair([{ contentBefore: 'b' }, { contentBefore: 'b' }])).toEqual([])
  // One of them was crawled at another time.
  const numbersBefore = { 1: 50_000, 2: 700, 3: 90 }
  expect(pair([{ numbersBefore }, { numbersBefore: { ...numbersBefore, 1: 50_400 } }])).toEqual([])
  expect(pair([{ numbersBefore }, { numbersBefore: { ...numbersBefore, 1: 9000 } }])).toMatchObject([{ companies: 2 }])
  expect(pair([{ contentBefore: null }, { contentBefore: null }])).toMatchObject([{ companies: 2 }])
})

test('a payload waits for five more companies, for the end of its run, or for the longest wait', () => {
  const after = (more: number) => [evidenceOf(0, [zeros]), ...Array.from({ length: more }, (_, n) => evidenceOf(n + 1))]
  const cleared = (evidence: Evidence[], changes: Partial<RunView> = {}) => {
    const decision = decideRun(view(evidence, changes))
    return decision.kind === 'clear' && decision.cleared
  }
  expect(cleared(after(4))).toEqual([])
  expect(cleared(after(5))).toEqual(['e0'])
  expect(cleared(after(4), { hasEnded: true })).toEqual(['e0'])
  expect(cleared(after(4), { waiting: [{ eventId: 'e0', ageMs: 1_800_000 }] })).toEqual(['e0'])
  // Others may be judged in this moment.
  expect(cleared(after(5), { quietMs: 100 })).toEqual([])
  expect(cleared(after(5), { quietMs: 100, waiting: [{ eventId: 'e0', ageMs: 20_000 }] })).toEqual(['e0'])
  expect(cleared(after(5).toReversed())).toEqual([])
})

test('a run of fewer than five companies is marked', () => {
  const decision = decideRun(view([evidenceOf(1, [zeros]), evidenceOf(2, [zeros]), evidenceOf(3)], { hasEnded: true }))
  expect(decision).toMatchObject({ kind: 'clear', cleared: ['e1', 'e2'] })
  expect(decision.kind === 'clear' && [...decision.marks.values()]).toEqual(
    Array.from({ length: 2 }, () => '2 of 2 numbers became zero (2 of 3 companies of the run)'),
  )
})
