import { expect, test } from 'vitest'
import { HttpClientError } from '#runtime/web/http-client.ts'
import { describeAnswer } from '#runtime/web/describe-answer.ts'
import { askedWait, judgeHttpFailure } from './answer.ts'

const now = Date.UTC(2026, 0, 1)

test.each<[Record<string, string>, number | null]>([
  [{}, null],
  [{ 'retry-after': '0' }, 0],
  [{ 'retry-after': '120' }, 120_000],
  [{ 'retry-after': 'Thu, 01 Jan 2026 00:01:00 GMT' }, 60_000],
  [{ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, 0],
  [{ 'retry-after': 'soon' }, null],
  [{ 'retry-after': '99999999999999999999' }, 86_400_000],
  [{ 'retry-after': '1.5' }, 1500],
  ...['-5', 'in 2099', '0x10', '1e3'].map((text): [Record<string, string>, null] => [{ 'retry-after': text }, null]),
  [{ 'retry-after': 'soon', 'x-ratelimit-reset': '7' }, 7000],
  [{ 'x-ratelimit-reset': String(now / 1000 + 5) }, 5000],
  [{ 'x-ratelimit-reset': `${now / 1000 + 5}.25` }, 5250],
  [{ 'x-ratelimit-reset': String(now + 5000) }, 5000],
  [{ 'x-ratelimit-reset': String(now - 5000) }, 0],
  [{ 'x-ratelimit-reset': String(now / 1000 - 5) }, 0],
  [{ 'x-ratelimit-reset': '30' }, 30_000],
  [{ 'x-ratelimit-reset': '0' }, 0],
  [{ 'x-ratelimit-reset': 'Thu, 01 Jan 2026 00:01:00 GMT' }, 60_000],
  [{ 'x-ratelimit-reset': '2026-01-01T00:01:00Z' }, 60_000],
  // Never longer than an hour, however far the reset is.
  [{ 'x-ratelimit-reset': '86400' }, 3_600_000],
  [{ 'x-ratelimit-reset': String(now / 1000 + 7 * 86_400) }, 3_600_000],
  [{ 'x-ratelimit-reset': String(now + 7 * 86_400_000) }, 3_600_000],
  // Neither a time near this one nor a wait.
  ...['', '-1', 'x', 'NaN', '0x10', '1e3', '4102444800', '1000000000', '99999999999999999999', 'next 1'].map(
    (text): [Record<string, string>, null] => [{ 'x-ratelimit-reset': text }, null],
  ),
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
