import { expect, test } from 'vitest'
import { describeAt, describeToday } from './describe.ts'
import { mappings } from './map.ts'
import { planHistory } from './plan-history.ts'
import { readRecording } from './recording.ts'
import { readDependencies } from './npm-view.ts'

const since = '2025-01-01'
const recording = readRecording()
const now = new Date('2026-12-01T12:00:00Z')

const facts = {
  name: 'left',
  latest: '2.0.0',
  description: 'moves left',
  keywords: ['left'],
  dependencies: 1,
  deprecated: false,
  published: {
    '1.9.1': '2026-09-01T00:00:00.000Z',
    '2.0.0': '2026-07-01T00:00:00.000Z',
    '1.9.0': '2026-05-01T00:00:00.000Z',
    '1.0.0': '2024-01-01T00:00:00.000Z',
  },
}

test('today is everything that the registry says', () => {
  expect(describeToday(facts, since)).toStrictEqual({
    url: 'https://www.npmjs.com/package/left',
    name: 'left',
    latest_version: '2.0.0',
    version_count: 4,
    last_published: '2026-09-01T00:00:00.000Z',
    releases: [
      { version: '1.9.1', published_at: '2026-09-01T00:00:00.000Z' },
      { version: '2.0.0', published_at: '2026-07-01T00:00:00.000Z' },
      { version: '1.9.0', published_at: '2026-05-01T00:00:00.000Z' },
    ],
    description: 'moves left',
    keywords: ['left'],
    dependencies_count: 1,
    deprecated: false,
  })
})

test('a past date knows only what publish dates tell', () => {
  expect(describeAt(facts, new Date('2026-06-01'), since)).toStrictEqual({
    url: 'https://www.npmjs.com/package/left',
    name: 'left',
    latest_version: '1.9.0',
    version_count: 2,
    last_published: '2026-05-01T00:00:00.000Z',
    releases: [{ version: '1.9.0', published_at: '2026-05-01T00:00:00.000Z' }],
  })
  expect(describeAt(facts, new Date('2023-01-01'), since)).toBeNull()
})

test('a later release of an older line does not become the latest version', () => {
  expect(describeAt(facts, new Date('2026-10-01'), since)).toMatchObject({ latest_version: '2.0.0', version_count: 4 })
})

test('a release once listed stays listed', () => {
  for (const facts of recording.values()) {
    const dates = [...planHistory(facts, now, 12), now]
    const lists = dates.map((at) =>
      (describeAt(facts, at, since)?.releases as { version: string }[]).map((one) => one.version),
    )
    for (const [index, list] of lists.entries()) {
      const kept = new Set(list)
      expect((lists[index - 1] ?? []).filter((version) => !kept.has(version))).toEqual([])
    }
  }
})

test('the recording knows every package we depend on (else run node services/miner-npm/record.ts)', () => {
  expect([...readDependencies()].filter((name) => !recording.has(name))).toEqual([])
})

test('the recording’s last snapshot differs from today in version count, latest version and last published', () => {
  let compared = 0
  for (const facts of recording.values()) {
    const last = planHistory(facts, now, 12).at(-1)
    if (!last) continue // its releases all have one date
    const [before, today] = [describeAt(facts, last, since), describeToday(facts, since)]
    compared++
    for (const member of ['latest_version', 'version_count', 'last_published'])
      expect(before?.[member], `${facts.name} ${member}`).not.toEqual(today[member])
  }
  expect(compared).toBeGreaterThan(40)
})

test('every member of a payload is in the map', () => {
  const mapped = mappings.map(({ SourceField }) => SourceField)
  for (const facts of recording.values())
    expect(mapped).toEqual(expect.arrayContaining(Object.keys(describeToday(facts, since))))
})
