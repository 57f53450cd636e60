import { describe, expect, test } from 'vitest'
import type { RouteRequest } from '../server/route.ts'
import { linkNext, wantsCsv } from './respond.ts'

const request = (headers: Record<string, string>) => ({ headers }) as unknown as RouteRequest

describe('wantsCsv', () => {
  test.each([
    ['', undefined, false],
    ['*/*', undefined, false],
    ['text/csv', undefined, true],
    ['Text/CSV; charset=utf-8', undefined, true],
    ['text/csv, application/json', undefined, false],
    ['text/csv, application/json;q=0.9', undefined, true],
    ['text/csv;q=0.1, */*;q=0.2', undefined, false],
    ['text/csv;q=nonsense', undefined, false],
    ['application/json', 'csv', true],
    ['text/csv', 'json', false],
  ] as const)('Accept %j and format %s: %s', (accept, format, expected) => {
    expect(wantsCsv(request(accept === '' ? {} : { accept }), format)).toBe(expected)
  })
})

test('the link to the next page keeps what was asked', () => {
  expect(linkNext('/api/v1/news', { company: '7', cursor: 'old' }, 'new')).toEqual({
    link: '</api/v1/news?company=7&cursor=new>; rel="next"',
  })
  expect(linkNext('/api/v1/news', {}, null)).toEqual({})
})
