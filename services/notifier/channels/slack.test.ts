import { WebAPIHTTPError, WebAPIPlatformError, WebAPIRateLimitedError, WebAPIRequestError } from '@slack/web-api'
import { describe, expect, test } from 'vitest'
import { judgeEditError, judgeFollowUpError, judgeSlackError } from './judge-slack-error.ts'
import { slack } from './slack.ts'

const platform = (error: string) => new WebAPIPlatformError({ ok: false, error, response_metadata: {} })
const network = (code: string) =>
  new WebAPIRequestError(new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) }))
const attempts = (code: string) => new AggregateError([Object.assign(new Error(code), { code })])

describe('judgeSlackError', () => {
  test.each<[string, unknown, object]>([
    ['too fast', new WebAPIRateLimitedError(30), { kind: 'retry', afterMs: 30_000 }],
    ['too fast for ever', new WebAPIRateLimitedError(1e12), { kind: 'retry', afterMs: 24 * 3_600_000 }],
    [
      'too fast for how long',
      new Error('Retry header did not contain a valid timeout (…)'),
      { kind: 'retry', afterMs: 60_000 },
    ],
    ['unknown channel', platform('channel_not_found'), { kind: 'refused', concerns: 'destination' }],
    ['revoked token', platform('token_revoked'), { kind: 'refused', concerns: 'destination' }],
    ['bad blocks', platform('invalid_blocks'), { kind: 'refused', concerns: 'message' }],
    ['Slack has trouble', platform('service_unavailable'), { kind: 'retry' }],
    ['Slack may have posted', platform('fatal_error'), { kind: 'lost' }],
    ['a proxy’s own page', platform('<html>Sign in to the hotel’s network</html>'), { kind: 'lost' }],
    ['wrong address', new WebAPIHTTPError(404, 'Not Found', {}, ''), { kind: 'refused' }],
    ['a gateway gave up', new WebAPIHTTPError(504, 'Gateway Timeout', {}, ''), { kind: 'lost' }],
    ['nobody there', network('ECONNREFUSED'), { kind: 'retry' }],
    [
      'nobody at any address',
      new WebAPIRequestError(new TypeError('fetch failed', { cause: attempts('ECONNREFUSED') })),
      { kind: 'retry' },
    ],
    ['no such name', network('ENOTFOUND'), { kind: 'retry' }],
    ['cut off', network('ECONNRESET'), { kind: 'lost' }],
    ['no answer', new WebAPIRequestError(new DOMException('timed out', 'TimeoutError')), { kind: 'lost' }],
    ['cut off within the answer', new TypeError('terminated'), { kind: 'lost' }],
  ])('%s', (_, error, expected) => {
    expect(judgeSlackError(error)).toMatchObject(expected)
  })
})

test('a reply or an edit that is refused is sent alone, and an edit may be made again', () => {
  for (const judge of [judgeFollowUpError, judgeEditError])
    for (const error of ['message_not_found', 'cant_update_message', 'edit_window_closed', 'thread_not_found'])
      expect(judge(platform(error))).toMatchObject({ kind: 'retry', isAlone: true })
  expect(judgeFollowUpError(platform('fatal_error')).kind).toBe('lost')
  expect(judgeEditError(platform('fatal_error'))).toEqual({ kind: 'retry', reason: expect.any(String) })
})

test.each([
  ['#general', 'general'],
  [' alerts-emea_2 ', 'alerts-emea_2'],
  ['日本', '日本'],
  ['C0123456789', 'C0123456789'],
])('%j is a channel', (text, expected) => {
  expect(slack.parse(text)).toBe(expected)
})

test.each(['', '#', 'General', 'two words', 'a'.repeat(81), '<!channel>', 'a\nb', 'https://hooks.slack.example/x'])(
  '%j is none',
  (text) => {
    expect(() => slack.parse(text)).toThrow('is not a Slack channel')
  },
)
