import { expect, onTestFinished, test, vi } from 'vitest'
import type { NormalizationMap } from '#schemas/generated/types.ts'
import { createMaps } from './loaded-maps.ts'

const row = (version: number, data_source_id = 1): NormalizationMap => ({
  ...{
    event_id: 'e',
    data_source_id,
    source_name: 's',
    version,
    content: '{"Mappings":[]}',
    content_hash: 'h',
    received_at: 0,
  },
})

test('null finds the newest loaded version, in whatever order they came', async () => {
  const maps = createMaps(0)
  expect(await maps.find(1, null)).toBe('no-map')
  for (const version of [2, 3, 1]) maps.add(row(version))
  maps.add(row(9, 2))
  expect(await maps.find(1, null)).toMatchObject({ version: 3 })
  expect(await maps.find(1, 2)).toMatchObject({ version: 2 })
  expect(maps.get(1, 9)).toBeUndefined()
})

test('a version is waited for, once', async () => {
  const maps = createMaps(60_000)
  const found = [maps.find(1, 5), maps.find(1, 5)]
  maps.add(row(4))
  maps.add(row(5))
  expect(await Promise.all(found)).toMatchObject([{ version: 5 }, { version: 5 }])
})

test.each([-300_000, 300_000])('a clock that is set by %i ms changes nothing of how long it waits', async (step) => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const maps = createMaps(1000)
  const first = maps.find(1, 5)
  vi.setSystemTime(Date.now() + step)
  const second = maps.find(1, 5)
  await vi.advanceTimersByTimeAsync(1000)
  expect(await Promise.all([first, second])).toEqual(['map-missing', 'map-missing'])
  maps.add(row(5))
  expect(await maps.find(1, 5)).toMatchObject({ version: 5 })
})

test('a version that does not arrive is missing, from then on at once, until it arrives', async () => {
  const maps = createMaps(300)
  expect(await maps.find(1, 5)).toBe('map-missing')
  const start = performance.now()
  expect(await maps.find(1, 5)).toBe('map-missing')
  expect(performance.now() - start).toBeLessThan(200)
  maps.add(row(5))
  expect(await maps.find(1, 5)).toMatchObject({ version: 5 })
})
