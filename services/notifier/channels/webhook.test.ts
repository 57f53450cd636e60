import { describe, expect, test } from 'vitest'
import { composeHook, judgeHookAnswer, readKey, signHook, webhook } from './webhook.ts'

test('signs as the specification’s own example', () => {
  // https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/javascript/src/standardwebhooks.test.ts
  const key = readKey('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')!
  expect(signHook(key, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}')).toEqual({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  })
})

test.each(['', 'whsec_', 'whsec_c2hvcnQ=', 'xoxb-1-2', `whsec_${'A'.repeat(100)}`, 'no key!'])(
  '%j is no key',
  (text) => {
    expect(readKey(text)).toBeNull()
  },
)

describe('a destination', () => {
  test.each([
    [' https://Example.com ', 'https://example.com/'],
    ['https://example.com/a?b=c', 'https://example.com/a?b=c'],
    ['http://127.0.0.1:8080/x', 'http://127.0.0.1:8080/x'],
  ])('%j has one form', (text, expected) => {
    expect(webhook.parse(text)).toBe(expected)
  })

  test.each([
    ...[
      '',
      'example.com',
      'ftp://example.com',
      'https://a:b@example.com',
      'https://example.com/#x',
      'javascript:alert(1)',
    ],
    `https://example.com/${'x'.repeat(2000)}`,
  ])('%j is none', (text) => {
    expect(() => webhook.parse(text)).toThrow('is not an https:// address')
  })
})

test('the body is what the README shows', () => {
  const hook = composeHook({
    ...{
      deliveryId: 7,
      notificationId: 'n',
      kind: 'news',
      createdAt: 0,
      claimedAt: 0,
      address: '',
      secretId: 's',
      why: 'Because.',
    },
    message: {
      ...{ subject: 'acme: Stars rose', context: 'npm', rest: '', trace: 'Event e' },
      topic: { kind: 'company', name: 'acme' },
      lines: [{ mark: 'critical', title: 'Stars rose', details: ['1 → 2'] }],
    },
  })
  expect(hook).toEqual({
    type: 'parma.news',
    timestamp: '1970-01-01T00:00:00.000Z',
    data: {
      subject: 'acme: Stars rose',
      about: { kind: 'company', name: 'acme' },
      context: 'npm',
      lines: [{ heading: null, severity: 'critical', title: 'Stars rose', details: ['1 → 2'], link: null }],
      rest: '',
      why: 'Because.',
      trace: 'Event e',
    },
  })
})

test.each<[number, Record<string, string>, object]>([
  [200, {}, { kind: 'sent' }],
  [204, {}, { kind: 'sent' }],
  [429, { 'retry-after': '30' }, { kind: 'retry', afterMs: 30_000 }],
  [429, {}, { kind: 'retry' }],
  [503, { 'retry-after': '30' }, { kind: 'retry', afterMs: 30_000 }],
  [503, {}, { kind: 'lost' }],
  [500, {}, { kind: 'lost' }],
  [410, {}, { kind: 'refused', concerns: 'destination' }],
  [404, {}, { kind: 'refused', concerns: 'destination' }],
  [401, {}, { kind: 'refused', concerns: 'destination' }],
  [400, {}, { kind: 'refused', concerns: 'message' }],
  [422, {}, { kind: 'refused', concerns: 'message' }],
])('%s %j', (status, headers, expected) => {
  expect(judgeHookAnswer({ status, headers, body: Buffer.from('no') }, 0)).toMatchObject(expected)
})
