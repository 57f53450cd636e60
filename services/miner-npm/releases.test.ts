import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareVersions, findReleases } from './releases.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

test('prereleases are no releases, and the newest comes first', () => {
  const dates = { '1.0.0': '2025-01-01', '1.1.0-rc.1': '2025-02-01', '1.1.0': '2025-03-01T00:00:00.000123+00:00' }
  expect(findReleases('1.1.0', Object.keys(dates), dates)).toStrictEqual({
    '1.1.0': '2025-03-01T00:00:00.000Z',
    '1.0.0': '2025-01-01T00:00:00.000Z',
  })
})

test('where the latest is a prerelease, all versions are releases', () => {
  const dates = { '1.0.0-beta.9': '2025-01-01', '1.0.0-beta.10': '2025-02-01' }
  expect(Object.keys(findReleases('1.0.0-beta.10', Object.keys(dates), dates))).toEqual([
    '1.0.0-beta.10',
    '1.0.0-beta.9',
  ])
})

test('a version that is listed without a date, or dated without being listed, is none', () => {
  expect(findReleases('1.0.0', ['1.0.0', '1.0.1'], { '1.0.0': '2025-01-01', '0.9.0': '2024-01-01' })).toStrictEqual({
    '1.0.0': '2025-01-01T00:00:00.000Z',
  })
})

test('a mirror that first served an old version late does not make it new', () => {
  const dates = { '3.1.0': '2026-05-06', '3.2.0': '2015-07-31', '4.0.0': '2014-04-09', '4.1.0': '2026-09-14' }
  expect(findReleases('4.1.0', Object.keys(dates), dates)['3.1.0']).toBe('2015-07-31T00:00:00.000Z')
})

test('versions are ordered by their numbers', () => {
  const version = fc.tuple(fc.nat(999), fc.nat(999), fc.nat(999))
  fc.assert(
    fc.property(version, version, (a, b) => {
      const difference = a[0] - b[0] || a[1] - b[1] || a[2] - b[2]
      expect(compareVersions(a.join('.'), b.join('.'))).toBe(Math.sign(difference))
    }),
  )
})
