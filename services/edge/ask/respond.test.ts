import { describe, expect, test } from 'vitest'
import { csvType } from '../http/csv.ts'
import type { RouteRequest } from '../server/route.ts'
import { answer, answerFile, linkNext, wantsCsv } from './respond.ts'

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

describe('answer', () => {
  const { headers } = answer(request({}), { a: 1 })

  test('is 304 without a body for whoever has it, also where a proxy made the tag weak', () => {
    for (const tag of [headers['etag']!, `W/${headers['etag']}`, `"x", ${headers['etag']}`, '*'])
      expect(answer(request({ 'if-none-match': tag }), { a: 1 })).toMatchObject({ status: 304, body: null })
    expect(answer(request({ 'if-none-match': headers['etag']! }), { a: 2 }).status).toBe(200)
  })

  test('JSON and CSV of the same text have different tags', () => {
    expect(answerFile(request({}), csvType, '{"a":1}').headers['etag']).not.toBe(headers['etag'])
  })
})

test('the link to the next page keeps what was asked', () => {
  expect(linkNext('/api/v1/news', { company: '7', cursor: 'old' }, 'new')).toEqual({
    link: '</api/v1/news?company=7&cursor=new>; rel="next"',
  })
  expect(linkNext('/api/v1/news', {}, null)).toEqual({})
})
