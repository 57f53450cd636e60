import { expect, test } from 'vitest'
import { judgePoint, tellFrom, type Verdict } from './judge-point.ts'
import type { SignalState } from './state.ts'

const minute = 60_000
const start = Date.parse('2024-01-01')
const perDay = 288

/** Two weeks of a wave that comes every day, a value every five minutes, with scatter that is the same in every run. */
const wave = Array.from({ length: 14 * perDay }, (_, i) => {
  const scatter = 2 * Math.sin(i * i * 0.37) + Math.sin(i * 2.4)
  return 50 + 30 * Math.sin((2 * Math.PI * i) / perDay) + scatter
})
const alter = (from: number, until: number, by: (value: number, i: number) => number) =>
  wave.map((value, i) => (i >= from && i < until ? by(value, i) : value))

function judge(values: readonly number[], from: SignalState | null = null, first = 0) {
  let state = from
  const verdicts: Verdict[] = []
  for (const [i, value] of values.entries()) {
    const judged = judgePoint(state, start + (first + i) * 5 * minute, value, { isComparable: true })
    state = judged.state
    verdicts.push(judged.verdict)
  }
  return { verdicts, state: state! }
}
const told = (values: readonly number[]) =>
  judge(values).verdicts.flatMap(({ score, kind }, i) => (score >= tellFrom ? [{ i, kind }] : []))
/** The first days are full of what was never seen. */
const settled = 3 * perDay
const at = 10 * perDay + 100

test('what comes every day is seldom told once it was seen', () => {
  expect(told(wave).filter(({ i }) => i >= settled).length).toBeLessThan(3)
})

test.each([
  ['a spike', alter(at, at + 1, (value) => value + 120), at, 3],
  ['a dip', alter(at, at + 5, (value) => value - 120), at, 3],
  ['another level', alter(at, at + perDay, (value) => value + 60), at, 40],
  ['a value that stands still', alter(at, at + 150, () => wave[at]!), at, 150],
  ['values at another hour', alter(at - 50, at + 100, (_, i) => wave[i - perDay / 2]!), at - 50, 60],
  ['more scatter', alter(at, at + 150, (value, i) => value + 40 * Math.sin(i * i)), at, 30],
] as [string, number[], number, number][])('tells %s', (_, values, from, within) => {
  const usual = new Set(told(wave).map(({ i }) => i))
  const found = told(values).filter(({ i }) => i >= from && !usual.has(i))
  expect(found[0]!.i - from).toBeLessThan(within)
})

test('says how rare a point is', () => {
  const { verdicts } = judge(alter(at, at + 1, (value) => value + 120))
  const { kind, reason } = verdicts[at]!
  expect(kind).toBe('spike')
  expect(reason).toMatch(/^rise from one value to the next; as much in none of 2,9\d\d values$/)
})

test('a state is smaller than 8 KB, and goes on from JSON', () => {
  const values = wave.map((value) => value * 1234.56789)
  const { state } = judge(values)
  const text = JSON.stringify(state)
  expect(text.length).toBeLessThan(8192)
  const next = values.slice(0, 50)
  expect(judge(next, JSON.parse(text) as SignalState, values.length)).toEqual(judge(next, state, values.length))
})

test('a series that comes more seldom from some day on is judged by its growth again', () => {
  let { state } = judge(wave)
  const end = start + wave.length * 5 * minute
  for (let week = 1; week <= 60; week++) {
    const judged = judgePoint(state, end + week * 7 * perDay * 5 * minute, 50 + week, { isComparable: true })
    state = judged.state
    if (week > 30) expect(judged.verdict.kind).toBe('ordinary')
  }
  expect(state.telemetry).toBeNull()
})
