import { expect, test } from 'vitest'
import { HttpClientError } from '#runtime/web/http-client.ts'
import { askedWait, describeAnswer, judgeHttpFailure } from './answer.ts'

const now = Date.UTC(2026, 0, 1)

test.each<[Record<string, string>, number | null]>([
  [{}, null],
  [{ 'retry-after': '0' }, 0],
  [{ 'retry-after': '120' }, 120_000],
  [{ 'retry-after': 'Thu, 01 Jan 2026 00:01:00 GMT' }, 60_000],
  [{ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, 0],
  [{ 'retry-after': 'soon' }, null],
  [{ 'retry-after': '99999999999999999999' }, 86_400_000],
  [{ 'x-ratelimit-reset': String(now / 1000 + 5) }, 5000],
])('%j asks to wait %s ms', (headers, expected) => {
  expect(askedWait({ headers }, now)).toBe(expected)
})

test('only what cannot have arrived is sent again', () => {
  const kindOf = (reason: HttpClientError['reason']) => judgeHttpFailure(new HttpClientError(reason, 'x')).kind
  expect((['connect', 'tls', 'name-not-found', 'address-refused', 'bad-url'] as const).map(kindOf)).toEqual(
    Array(5).fill('retry'),
  )
  expect((['timeout', 'broken', 'redirect', 'too-large'] as const).map(kindOf)).toEqual(Array(4).fill('lost'))
  expect(() => judgeHttpFailure(new TypeError('ours'))).toThrow('ours')
})

test('an answer is described on one short line', () => {
  const body = Buffer.from(`<html>\n${'x'.repeat(5000)}`)
  expect(describeAnswer({ status: 502, headers: {}, body })).toMatch(/^answered 502: <html> x+…$/)
  expect(describeAnswer({ status: 500, headers: {}, body: Buffer.alloc(0) })).toBe('answered 500')
})
