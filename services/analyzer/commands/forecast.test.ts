import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { readCsvSeries } from './csv-series.ts'
import { forecastRows } from './forecast.ts'

// The same cases in each run.
fc.configureGlobal({ seed: 1 })

const day = 86_400_000
type Row = { time: string; value: string | number }
const weekly = Array.from({ length: 60 }, (_, i): Row => ({
  time: new Date(Date.parse('2024-01-01') + i * 7 * day).toISOString(),
  value: 1000 + 20 * i + Math.round(6 * Math.sin(i * 2.4)),
}))
const csvOf = (rows: readonly Row[]) =>
  ['timestamp,value', ...rows.map(({ time, value }) => `${time},${value}`)].join('\n')
const forecast = (rows: readonly Row[], horizons = [1, 4]) => forecastRows(readCsvSeries(csvOf(rows)), horizons)

test('row i holds the forecast for itself and for row i + 3', () => {
  const line = Array.from({ length: 60 }, (_, i) => ({ time: weekly[i]!.time, value: 7 * i }))
  const [one, , , four] = forecast(line)[50]!
  expect([one, four]).toEqual([7 * 50, 7 * 53])
})

test('a row is forecast from earlier rows only', () => {
  const value = fc.integer({ min: -1000, max: 1000 })
  fc.assert(
    fc.property(fc.array(value, { minLength: 2, maxLength: 40 }), fc.nat(), value, (values, place, other) => {
      const at = place % values.length
      const rows = values.map((value, i): Row => ({ time: weekly[i]!.time, value }))
      const changed = rows.map((row, i) => (i >= at ? { ...row, value: other } : row))
      expect(forecast(changed).slice(0, at + 1)).toEqual(forecast(rows).slice(0, at + 1))
    }),
    { numRuns: 100 },
  )
})

test('what is not known yet is empty', () => {
  const rows = forecast(weekly)
  expect(rows[0]).toEqual(['', '', '', '', '', ''])
  expect(rows[1]).toEqual([1000, '', '', 1000, '', ''])
  for (const fields of rows.slice(12)) expect(fields).not.toContain('')
})

test('rows in another order get the same forecasts', () => {
  expect(forecast(weekly.toReversed())).toEqual(forecast(weekly).toReversed())
})

test('a row without a value gets what the next one gets, and changes nothing', () => {
  const rows = forecast(weekly)
  const between = { ...weekly[49]!, time: weekly[49]!.time.replace('T00', 'T12'), value: 'NaN' }
  expect(forecast(weekly.toSpliced(50, 0, between))).toEqual(rows.toSpliced(50, 0, rows[50]!))
})

test('a further row of one time gets what the first one got, and changes nothing', () => {
  const rows = forecast(weekly)
  expect(forecast(weekly.toSpliced(50, 0, { ...weekly[49]!, value: 5 }))).toEqual(rows.toSpliced(50, 0, rows[49]!))
})

describe('odd series', () => {
  const finite = (fields: (number | '')[]) => fields.every((one) => one === '' || Number.isFinite(one))
  test.each([
    ['the largest numbers', (i: number) => (i % 3 ? 1e308 : -1e308)],
    ['one value', () => 7],
    ['a unit that changes', (i: number) => (i < 30 ? i : i * 1000)],
    ['a restart at zero', (i: number) => (i % 30) * 100],
    ['a sign that changes', (i: number) => (i < 30 ? i : -i)],
  ])('%s', (_, valueOf) => {
    const rows = forecast(weekly.map((row, i) => ({ ...row, value: valueOf(i) })))
    expect(rows.every(finite)).toBe(true)
  })

  test('times twice a day, then by month, from 1970 and 2100', () => {
    const times = Array.from({ length: 60 }, (_, i) => (i < 30 ? (i * day) / 2 : Date.UTC(1971, i, 1)))
    times.push(Date.UTC(2100, 0, 1), Date.UTC(2100, 1, 1))
    const rows = forecast(times.map((time, i) => ({ time: new Date(time).toISOString(), value: i })))
    expect(rows.every(finite)).toBe(true)
  })

  test('none, one and two points', () => {
    expect(forecast([])).toEqual([])
    expect(forecast(weekly.slice(0, 1))).toHaveLength(1)
    expect(forecast(weekly.slice(0, 2))).toHaveLength(2)
  })
})

describe('the command', () => {
  let dir = ''
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'parma-forecast-'))
    const made = dir
    onTestFinished(() => rmSync(made, { recursive: true }))
  })
  const file = (name: string) => join(dir, name)
  const run = (input: string, output: string, ...options: string[]) =>
    promisify(execFile)(process.execPath, [
      resolve(import.meta.dirname, '../commands.ts'),
      ...['forecast', '--input', file(input), '--output', file(output), ...options],
    ])
  const fail = (...args: Parameters<typeof run>) =>
    run(...args).then(
      () => expect.fail('it did not fail'),
      (error: unknown) => error as { code: number; stderr: string },
    )

  test('writes columns, and keeps the rows and the folders', async () => {
    mkdirSync(file('in/deep'), { recursive: true })
    writeFileSync(file('in/deep/good.csv'), csvOf(weekly))
    writeFileSync(file('in/empty.csv'), 'timestamp,value\n')
    const { stdout } = await run('in', 'out')
    expect(stdout).toContain('Forecast 60 rows of 2 files')
    const names = 'timestamp,value,forecast_1,low_1,high_1,forecast_4,low_4,high_4'
    const written = csvOf(weekly).split('\n').slice(1)
    expect(readFileSync(file('out/deep/good.csv'), 'utf8')).toBe(
      [names, ...forecast(weekly).map((fields, i) => [written[i], ...fields].join(',')), ''].join('\n'),
    )
    expect(readFileSync(file('out/empty.csv'), 'utf8')).toBe(`${names}\n`)
  })

  test.each([
    ['8', 'timestamp,value,forecast_1,low_1,high_1,forecast_8,low_8,high_8'],
    ['1', 'timestamp,value,forecast_1,low_1,high_1'],
  ])('looks %s rows ahead', async (horizon, names) => {
    writeFileSync(file('a.csv'), csvOf(weekly))
    await run('a.csv', 'b.csv', '--horizon', horizon)
    expect(readFileSync(file('b.csv'), 'utf8').split('\n')[0]).toBe(names)
  })

  test.each(['0', '53', '4.5', '-1', 'many', ''])('refuses --horizon %j', async (horizon) => {
    writeFileSync(file('a.csv'), csvOf(weekly))
    expect((await fail('a.csv', 'b.csv', `--horizon=${horizon}`)).stderr).toContain('a whole number from 1 to 52')
    expect(existsSync(file('b.csv'))).toBe(false)
  })

  test('says file, line and reason, and writes nothing', async () => {
    writeFileSync(file('bad.csv'), csvOf([...weekly, { time: '2027-01-01', value: 'many' }]))
    const { code, stderr } = await fail('bad.csv', 'never.csv')
    expect(code).toBe(1)
    expect(stderr).toContain('bad.csv, line 62: "many" is not a number')
    expect(existsSync(file('never.csv'))).toBe(false)
  })
})
