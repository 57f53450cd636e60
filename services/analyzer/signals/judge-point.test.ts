import fc from 'fast-check'
import { expect, test } from 'vitest'
import { explain } from './explain.ts'
import { judgePoint, tellFrom, type Verdict } from './judge-point.ts'
import { measurePoint } from './measure.ts'
import type { SignalState } from './state.ts'

const week = 7 * 86_400_000
const start = Date.parse('2024-01-01')
type Point = { time: number; value: number }
const weekly = (values: readonly number[]): Point[] => values.map((value, i) => ({ time: start + i * week, value }))

function judge(points: readonly Point[], from: SignalState | null = null) {
  let state = from
  const verdicts: Verdict[] = []
  for (const { time, value } of points) {
    const judged = judgePoint(state, time, value, { isComparable: true })
    state = judged.state
    verdicts.push(judged.verdict)
  }
  return { verdicts, state: state! }
}
const told = (points: readonly Point[]) =>
  judge(points).verdicts.flatMap(({ score }, i) => (score >= tellFrom ? [i] : []))

/** Grows by about `rate` a week, the same in every run. */
const grow = (count: number, rate: number, from = 1000) =>
  Array.from({ length: count }, (_, i) => from + Math.round(rate * i + rate * 0.3 * Math.sin(i * 2.4)))
/** Goes up and down around 500. */
const wander = (count: number) => Array.from({ length: count }, (_, i) => 500 + Math.round(9 * Math.sin(i * 2.4)))
const shift = (values: readonly number[], at: number, by: number, until = Infinity) =>
  values.map((value, i) => (i >= at && i < until ? value + by : value))

const wild = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -5, max: 1_000_000 }),
  fc.constantFrom(0, -0, 1e308, -1e308, 5e-324, 1e120, 7),
)
const series = fc
  .array(fc.record({ value: wild, gap: fc.oneof(fc.constant(week), fc.integer({ min: 1, max: 80 * week })) }), {
    maxLength: 150,
  })
  .map((steps) => {
    let time = start
    return steps.map(({ value, gap }) => ({ time: (time += gap), value }))
  })

test('judges by earlier points only', () => {
  fc.assert(
    fc.property(series, fc.nat(), (points, cut) => {
      const part = points.slice(0, cut % (points.length + 1))
      expect(judge(part).verdicts).toEqual(judge(points).verdicts.slice(0, part.length))
    }),
    { numRuns: 40 },
  )
})

test('a state that was stored as JSON goes on as if it had not been', () => {
  fc.assert(
    fc.property(series, fc.nat(), (points, cut) => {
      const at = cut % (points.length + 1)
      const state = JSON.parse(JSON.stringify(judge(points.slice(0, at)).state ?? null)) as SignalState | null
      expect(judge(points.slice(at), state).verdicts).toEqual(judge(points).verdicts.slice(at))
    }),
    { numRuns: 40 },
  )
})

test('scores lie between 0 and 1, and a state is smaller than 8 KB', () => {
  fc.assert(
    fc.property(series, (points) => {
      const { verdicts, state } = judge(points)
      for (const { score } of verdicts) expect(score >= 0 && score < 1).toBe(true)
      if (points.length > 0) expect(JSON.stringify(state).length).toBeLessThan(8192)
    }),
    { numRuns: 60 },
  )
})

test('a series that swings between what is hardly there and what is hardly a number is judged', () => {
  for (const [low, high] of [
    [1e-200, 1e120],
    [5e-324, 1e308],
  ] as const)
    expect(judge(weekly(Array.from({ length: 40 }, (_, i) => (i % 2 ? high : low)))).verdicts).toHaveLength(40)
})

test('a state is not altered', () => {
  const { state } = judge(weekly(grow(60, 20)))
  const before = structuredClone(state)
  judgePoint(state, start + 61 * week, 5, { isComparable: true })
  expect(state).toEqual(before)
})

test('a point that is not newer changes nothing', () => {
  const { state } = judge(weekly(grow(60, 20)))
  for (const time of [start, start + 59 * week]) {
    const judged = judgePoint(state, time, 1e6, { isComparable: true })
    expect(judged.verdict).toEqual({ kind: 'late', score: 0, reason: '' })
    expect(judged.state).toBe(state)
  }
})

test('says how much history is missing, and tells nothing until then', () => {
  const { verdicts } = judge(weekly(shift(grow(25, 20), 12, 50_000)))
  expect(verdicts[12]).toEqual({ kind: 'learning', score: 0, reason: 'insufficient history (12 of 20)' })
  expect(verdicts.slice(0, 20).every(({ score }) => score === 0)).toBe(true)
  expect(verdicts[20]!.kind).not.toBe('learning')
})

test('states of another version are learnt anew', () => {
  const state = { ...judge(weekly(grow(60, 20))).state, version: 0 } as unknown as SignalState
  const judged = judgePoint(state, start, 5, { isComparable: true })
  expect(judged.state).toMatchObject({ version: 2, seen: 1, values: [5] })
})

test.each([
  ['steady growth', grow(120, 20)],
  ['slow growth', Array.from({ length: 120 }, (_, i) => 50 + Math.floor(i / 5))],
  ['one value for two years', Array.from({ length: 120 }, () => 42)],
  ['zeros', Array.from({ length: 120 }, () => 0)],
  ['two points', [1, 1e308]],
])('tells nothing of %s', (_, values) => expect(told(weekly(values))).toEqual([]))

test('a missing crawl is no change: growth is per time', () => {
  const points = weekly(grow(120, 20)).filter((_, i) => ![60, 61, 62, 80, 100].includes(i))
  expect(told(points)).toEqual([])
})

test('a repeated crawl is no change, nor the double growth after it', () => {
  const values = grow(120, 20)
  values[70] = values[69]!
  expect(told(weekly(values))).toEqual([])
})

test.each([
  ['a spike', shift(grow(120, 20), 80, 600, 81), 80],
  ['a counter that falls', shift(grow(120, 20), 80, -300), 80],
  ['a level shift', shift(grow(120, 20), 80, 600), 80],
  ['growth that is five times as much', grow(120, 20).map((value, i) => value + Math.max(0, i - 79) * 80), 80],
  ['a stall', grow(120, 20).map((value, i, all) => (i >= 80 ? all[79]! : value)), 80],
  ['a unit that changes', grow(120, 20_000).map((value, i) => (i >= 80 ? value / 1000 : value)), 80],
  ['a counter that starts again at zero', grow(120, 20).map((value, i) => (i >= 80 ? value - 2600 : value)), 80],
])('tells %s, within two points, once', (_, values, at) => {
  const found = told(weekly(values))
  expect(found[0]).toBeGreaterThanOrEqual(at)
  expect(found.at(-1)).toBeLessThanOrEqual(at + 2)
})

type Season = (part: number) => number
const seasons: Record<string, Season> = {
  'a wave': (part) => 0.4 * Math.sin(2 * Math.PI * part),
  'every December': (part) => (part > 0.9 ? 0.6 : 0),
  'October to January': (part) => (part > 0.74 || part < 0.05 ? 0.6 : 0),
}
const monthly = (season: Season) =>
  Array.from({ length: 84 }, (_, i) => ({
    time: Date.UTC(2018, i, 1),
    value: Math.round((1000 + i * 3) * (1 + season((i % 12) / 12) + 0.01 * Math.sin(i * 2.4))),
  }))

test.each(Object.entries(seasons))('a season that the history shows is no change: %s', (_, season) => {
  expect(told(monthly(season)).filter((i) => i > 30)).toEqual([])
})

test('a season that fails to come is told', () => {
  const points = monthly(seasons['a wave']!).map((point, i) =>
    i >= 72 && i < 78 ? { ...point, value: 1000 + i * 3 + (i % 2) * 9 } : point,
  )
  expect(told(points).filter((i) => i > 30)[0]).toSatisfy((i: number) => i >= 72 && i <= 74)
})

test('a total whose list changed is not judged, and its series goes on from there', () => {
  const values = grow(120, 20)
  let state = judge(weekly(values.slice(0, 80))).state
  const cut = judgePoint(state, start + 80 * week, values[80]! - 900, { isComparable: false })
  expect(cut.verdict).toEqual({ kind: 'incomparable', score: 0, reason: '' })
  state = cut.state
  const after = weekly(values)
    .slice(81)
    .map(({ time, value }) => ({ time, value: value - 900 }))
  expect(judge(after, state).verdicts.filter(({ score }) => score >= tellFrom)).toEqual([])
})

test.each([
  ['largest rise in 12 months', shift(grow(120, 20), 80, 600)],
  ['first fall in 18 months', shift(grow(120, 20), 80, -300)],
  ['largest rise in 12 months, passes 10,000', shift(grow(120, 20), 80, 8000)],
  ['largest rise in 12 months, highest since March 2024', shift(shift(wander(120), 10, 900, 12), 80, 800)],
  ['largest fall in 12 months, lowest since March 2024', shift(shift(wander(120), 10, -400, 12), 80, -300)],
])('says why: %s', (reason, values) => {
  expect(judge(weekly(values)).verdicts[80]!.reason).toBe(reason)
})

test('names values that scatter more than before, once three of them were far off to both sides', () => {
  const away = (i: number) => (i >= 80 ? 45 : 9) * Math.sin(i * 2.4 + ((i * i) % 7))
  const points = weekly(Array.from({ length: 90 }, (_, i) => 2000 + Math.round(away(i))))
  const kindOf = (at: number) => {
    const { time, value } = points[at]!
    const { state } = judge(points.slice(0, at))
    return explain(state, time, value, measurePoint(state, time, value))
  }
  expect([80, 81].map((at) => kindOf(at).kind)).not.toContain('variance')
  expect(kindOf(83)).toEqual({
    kind: 'variance',
    reason: expect.stringMatching(/^changes are \d times as large as before/),
  })
})

test('one jump among small moves is no scatter, however small the moves were before', () => {
  const points = weekly([...Array.from({ length: 40 }, () => 1000), ...[1002, 1000, 1003, 1002, 5000, 5001]])
  const { time, value } = points.at(-1)!
  const { state } = judge(points.slice(0, -1))
  expect(explain(state, time, value, measurePoint(state, time, value)).kind).not.toBe('variance')
})
