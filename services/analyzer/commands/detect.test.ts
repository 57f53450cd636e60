import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readCsvSeries } from './csv-series.ts'
import { scoreSeries } from './detect.ts'

const day = 86_400_000
type Row = { time: string; value: string | number }
const weekly = Array.from({ length: 100 }, (_, i): Row => ({
  time: new Date(Date.parse('2024-01-01') + i * 7 * day).toISOString(),
  value: 1000 + 20 * i + Math.round(6 * Math.sin(i * 2.4)) + (i >= 80 ? 900 : 0),
}))
const csvOf = (rows: readonly Row[]) =>
  ['timestamp,value', ...rows.map(({ time, value }) => `${time},${value}`)].join('\n')
const score = (rows: readonly Row[]) => scoreSeries(readCsvSeries(csvOf(rows)))

test('the row of a change has the highest score', () => {
  const scores = score(weekly)
  expect(scores.indexOf(Math.max(...scores))).toBe(80)
})

test('rows in another order get the same scores', () => {
  const scores = score(weekly)
  expect(score(weekly.toReversed())).toEqual(scores.toReversed())
})

test('rows without a value get 0 and change nothing for the others, and so do doubled times', () => {
  const scores = score(weekly)
  expect(score(weekly.toSpliced(50, 0, { ...weekly[49]!, value: 'NaN' }))).toEqual(scores.toSpliced(50, 0, 0))
  expect(score(weekly.toSpliced(50, 0, { ...weekly[49]!, value: 5 }))).toEqual(scores.toSpliced(50, 0, 0))
})

test('two points, one value and the largest numbers get scores', () => {
  expect(score(weekly.slice(0, 2))).toEqual([0, 0])
  expect(Math.max(...score(weekly.map((row) => ({ ...row, value: 7 }))))).toBeLessThan(0.1)
  for (const one of score(weekly.map((row, i) => ({ ...row, value: i % 3 ? 1e308 : -1e308 }))))
    expect(one >= 0 && one < 1).toBe(true)
})

describe('odd series', () => {
  const at = (times: (i: number) => number, values: (i: number) => number, count = 100) =>
    score(Array.from({ length: count }, (_, i) => ({ time: new Date(times(i)).toISOString(), value: values(i) })))
  const week = (i: number) => Date.parse('2024-01-01') + i * 7 * day
  const grown = (i: number) => 1000 + 20 * i + Math.round(6 * Math.sin(i * 2.4))

  test.each([
    ['a unit that changes', (i: number) => (i < 60 ? grown(i) : grown(i) * 1000)],
    ['a sign that changes', (i: number) => (i < 60 ? grown(i) : -grown(i))],
    ['a restart at zero', (i: number) => (i < 60 ? grown(i) : 20 * (i - 60))],
  ])('%s has the highest score', (_, valueOf) => {
    const scores = at(week, valueOf)
    expect(scores.every((one) => one >= 0 && one < 1)).toBe(true)
    expect(scores.indexOf(Math.max(...scores))).toBe(60)
  })

  test('one value a year is too little history for long', () => {
    const scores = at(
      (i) => Date.UTC(2000 + i, 0, 1),
      (i) => (i === 15 ? 90_000 : grown(i)),
      19,
    )
    expect(Math.max(...scores)).toBe(0)
  })

  test('times twice a day, then by month, are no change where the growth per time is the same', () => {
    const time = (i: number) => (i < 60 ? Date.UTC(2024, 0, 1) + (i * day) / 2 : Date.UTC(2024, i - 58, 1))
    const scores = at(time, (i) => 1000 + (20 * (time(i) - time(0))) / day)
    expect(Math.max(...scores)).toBeLessThan(0.5)
  })

  test.each(['1970-01-01', '1969-12-29', '2100-01-04', '2990-01-01'])('clocks from %s score as others do', (begin) => {
    const valueOf = (i: number) => grown(i) + (i >= 80 ? 900 : 0)
    expect(at((i) => Date.parse(begin) + i * 7 * day, valueOf)).toEqual(at(week, valueOf))
  })
})

test('the command writes a column, or says file, line and reason and writes nothing', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'parma-detect-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const file = (name: string) => join(dir, name)
  const run = (input: string, output: string) =>
    promisify(execFile)(process.execPath, [
      resolve(import.meta.dirname, '../commands.ts'),
      ...['detect', '--input', file(input), '--output', file(output)],
    ])
  writeFileSync(file('good.csv'), csvOf(weekly))
  const { stdout } = await run('good.csv', 'scored.csv')
  expect(stdout).toContain('Judged 100 rows of 1 file')
  const lines = readFileSync(file('scored.csv'), 'utf8').trimEnd().split('\n')
  expect(lines).toHaveLength(101)
  expect(lines[0]).toBe('timestamp,value,anomaly_score')
  expect(lines.slice(1).map((line) => Number(line.split(',')[2]))).toEqual(score(weekly))
  writeFileSync(file('bad.csv'), csvOf([...weekly, { time: '2027-01-01', value: 'many' }]))
  const failed = await run('bad.csv', 'never.csv').catch((error: unknown) => error as { code: number; stderr: string })
  expect(failed).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('bad.csv, line 102: "many" is not a number'),
  })
  expect(existsSync(file('never.csv'))).toBe(false)
})
