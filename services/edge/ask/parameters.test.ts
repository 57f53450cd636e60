import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { newsQuery } from './news.ts'
import { timeOf } from './parameters.ts'

const faultsOf = (query: Record<string, string>) =>
  newsQuery.safeParse(query).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []

describe('the filter of news items', () => {
  test('takes texts, as they stand in an address', () => {
    const query = { company: '7', limit: '200', since: '2026-01-31', until: '2026-01-31T00:00:01Z', silent: 'any' }
    expect(newsQuery.parse(query)).toMatchObject({ company: 7, limit: 200, order: 'newest', silent: 'any' })
  })

  test.each([
    [{ since: '2026-02-29' }, 'since: month 2 of 2026 has no day 29'],
    [{ until: '2026-13-01' }, 'until: month 13 is not 1–12'],
    [{ since: 'now' }, 'since: write a date or time in ISO 8601, such as 2026-01-31 or 2026-01-31T08:00:00Z'],
    [{ since: '0000-01-01' }, 'since: the year must be 1 to 9999 in UTC'],
    [{ since: '0001-01-01T00:30+01:00' }, 'since: the year must be 1 to 9999 in UTC'],
    [{ until: '9999-12-31T23:30-01:00' }, 'until: the year must be 1 to 9999 in UTC'],
    [{ since: '2026-01-02', until: '2026-01-02' }, 'until: until must be later than since'],
    [{ since: '2026-01-01T00:30+01:00', until: '2025-12-31T23:30Z' }, 'until: until must be later than since'],
  ])('%j has the fault %s', (query, fault) => {
    expect(faultsOf(query)).toEqual([fault])
  })

  test('a time means the same after it was read, and later ones stay later', () => {
    const times = fc.date({ min: new Date('0002-01-01'), max: new Date('9998-12-31'), noInvalidDate: true })
    fc.assert(
      fc.property(times, times, (since, until) => {
        const query = { since: since.toISOString(), until: until.toISOString() }
        expect([timeOf(query.since), timeOf(query.until)]).toEqual(Object.values(query))
        expect(faultsOf(query)).toEqual(since < until ? [] : ['until: until must be later than since'])
      }),
    )
  })
})
