import { expect, test } from 'vitest'
import { judgeSlackWebhookAnswer } from './slack-webhook.ts'

test.each<[number, string, Record<string, string>, object]>([
  [200, 'ok', {}, { kind: 'sent' }],
  [200, '<html>Sign in to the hotel’s network</html>', {}, { kind: 'lost' }],
  [429, 'rate_limited', { 'retry-after': '3' }, { kind: 'retry', afterMs: 3000 }],
  [400, 'invalid_payload', {}, { kind: 'refused', concerns: 'message' }],
  [400, 'no_text', {}, { kind: 'refused', concerns: 'message' }],
  [403, 'action_prohibited', {}, { kind: 'refused', concerns: 'destination' }],
  [404, 'no_service', {}, { kind: 'refused', concerns: 'destination' }],
  [404, 'channel_not_found', {}, { kind: 'refused', concerns: 'destination' }],
  [410, 'channel_is_archived', {}, { kind: 'refused', concerns: 'destination' }],
  [500, 'rollup_error', {}, { kind: 'lost' }],
])('%s %s', (status, body, headers, expected) => {
  expect(judgeSlackWebhookAnswer({ status, headers, body: Buffer.from(body) }, 0)).toMatchObject(expected)
})
