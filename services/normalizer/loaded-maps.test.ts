import { expect, onTestFinished, test, vi } from 'vitest'
import type { NormalizationMap } from '#schemas/generated/types.ts'
import { createMaps } from './loaded-maps.ts'

const row = (version: number, data_source_id = 1, content = '{"Mappings":[]}'): NormalizationMap => ({
  ...{
    event_id: 'e',
    data_source_id,
    source_name: 's',
    version,
    content,
    content_hash: `h${content}`,
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

/** Maps that count what is compiled. Each has a text of `length`. */
function countedMaps(maxCompiled: number, length = 100) {
  const compiled: string[] = []
  const compile = (content: string) => {
    compiled.push(content.trim())
    return { root: new Map(), names: new Map(), faults: [] }
  }
  const maps = createMaps(0, { compile, maxCompiled })
  const add = (version: number, text = `v${version}`) => maps.add(row(version, 1, text.padEnd(length)))
  return { maps, add, compiled }
}

test('a version is compiled when it is first asked for, once', async () => {
  const { maps, add, compiled } = countedMaps(1000)
  for (let version = 1; version <= 500; version++) add(version)
  expect(compiled).toEqual([])
  const newest = await maps.find(1, null)
  expect(await maps.find(1, 500)).toBe(newest)
  expect(maps.get(1, 7)).toMatchObject({ version: 7, compiled: { faults: [] } })
  expect(compiled).toEqual(['v500', 'v7'])
})

test('those used least recently are dropped, and compiled again when they are needed', async () => {
  const { maps, add, compiled } = countedMaps(250)
  for (const version of [1, 2, 3]) add(version)
  for (const version of [1, 2, 1, 3, 1, 2]) expect(await maps.find(1, version)).toMatchObject({ version })
  expect(compiled).toEqual(['v1', 'v2', 'v3', 'v2'])
  const large = countedMaps(50)
  large.add(1)
  for (let time = 0; time < 3; time++) expect(await large.maps.find(1, 1)).toMatchObject({ version: 1 })
  expect(large.compiled).toEqual(['v1'])
})

test('a version that comes again is compiled again only if its text is another', async () => {
  const { maps, add, compiled } = countedMaps(1000)
  for (const text of ['a', 'a', 'b']) {
    add(1, text)
    await maps.find(1, 1)
  }
  expect(compiled).toEqual(['a', 'b'])
})

test('any text is read back as it was', () => {
  const texts: string[] = []
  const compile = (content: string) => {
    texts.push(content)
    return null
  }
  const maps = createMaps(0, { compile })
  const given = ['', '{"a":"é😀\\ud800"}', 'x'.repeat(100_000)]
  for (const [version, text] of given.entries()) {
    maps.add(row(version, 1, text))
    expect(maps.get(1, version)).toEqual({ version, compiled: null })
  }
  expect(texts).toEqual(given)
})
