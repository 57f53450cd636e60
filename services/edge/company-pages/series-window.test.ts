import { expect, test } from 'vitest'
import { neighbours, windowOf } from './series-window.ts'

const day = 86_400_000
const now = Date.UTC(2026, 10, 29)
const iso = (at: number) => new Date(at).toISOString()

test('a window ends now, or with a series that ended long ago', () => {
  expect(windowOf({ days: '90' }, now - day, now)).toEqual({ from: now - 90 * day, to: now, isNewest: true })
  const ended = now - 400 * day
  expect(windowOf({ days: '90' }, ended, now)).toMatchObject({ to: ended + 1, isNewest: true })
  expect(windowOf({ days: '90' }, now + 5 * day, now)).toMatchObject({ to: now + 5 * day + 1 })
  expect(windowOf({ days: 'all' }, null, now)).toEqual({ from: null, to: now, isNewest: true })
})

test('it moves by half, and not past the end', () => {
  const shown = windowOf({ days: '30', until: iso(now - 30 * day) }, now, now)
  expect(shown).toEqual({ from: now - 60 * day, to: now - 30 * day, isNewest: false })
  expect(neighbours(shown)).toEqual({ earlier: iso(now - 45 * day), later: iso(now - 15 * day) })
  expect(neighbours(windowOf({ days: '30' }, now, now)).later).toBe(null)
  expect(windowOf({ days: '30', until: '9999-01-01' }, now, now)).toMatchObject({ to: now, isNewest: true })
  expect(neighbours(windowOf({ days: 'all' }, now, now))).toEqual({ earlier: null, later: null })
  expect(neighbours(windowOf({ days: '1095', until: '1000-06-01' }, now, now)).earlier).toBe(null)
})
