import { expect, test } from 'vitest'
import type { Log } from '#runtime/process/log.ts'
import type { MessageChart } from '../message/message.ts'
import { createChartDrawer } from './draw-chart.ts'

const logged: object[] = []
const log = { warn: (fields: object, message: string) => logged.push({ ...fields, message }) } as unknown as Log
const week = 7 * 24 * 3600_000
const chart: MessageChart = {
  title: 'acme/app: stars',
  mark: 'acme/app: stars rose 40% to 140',
  points: [100, 101, 103, 100, 140].map((value, index) => [Date.UTC(2026, 9, 1) + index * week, value]),
}

test('a chart is drawn once for all deliveries of a message', async () => {
  const draw = createChartDrawer(log, 10_000)
  const [first, second, other] = await Promise.all([draw('a', chart), draw('a', chart), draw('b', chart)])
  expect(first).toBe(second)
  expect(first).not.toBe(other)
  expect(first?.light).toMatchObject({ width: 312 })
  expect(first?.light?.png.length).toBeLessThan(40_000)
  expect(first?.text).toBe(
    'acme/app: stars: 5 values from 1 October 2026 to 29 October 2026. Last value 140, +40% from the first, 100. ' +
      'Highest 140 on 29 October 2026, lowest 100 on 1 October 2026. ' +
      '1 news item on 29 October 2026: acme/app: stars rose 40% to 140.',
  )
})

test('one that cannot be drawn is left out, and logged', async () => {
  const wrong = { ...chart, points: [[0, NaN]] } as MessageChart
  expect(await createChartDrawer(log, 10_000)('a', wrong)).toEqual({ text: null, light: null, dark: null })
  expect(logged).toEqual([expect.objectContaining({ news_id: 'a', message: 'picture_failed' })])
})

test('one that takes too long is only said', async () => {
  const { text, light } = await createChartDrawer(log, 0)('a', chart)
  expect(light).toBeNull()
  expect(text).toContain('Last value 140')
})

test('a message without values has an empty chart', async () => {
  const { text, light } = await createChartDrawer(log, 10_000)('a', { ...chart, points: [] })
  expect(text).toBe('acme/app: stars: No values.')
  expect(light).not.toBeNull()
})
