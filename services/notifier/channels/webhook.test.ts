import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readConfig } from '../config.ts'
import type { ChannelTools, Delivery } from './channel.ts'
import { composeHook, judgeHookAnswer, readKeys, signHook, webhook } from './webhook.ts'

test('signs as the specification’s own example', () => {
  // https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/javascript/src/standardwebhooks.test.ts
  const keys = readKeys('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')!
  expect(signHook(keys, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}')).toEqual({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  })
})

test('of two keys each signs', () => {
  const [old, fresh] = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', `whsec_${Buffer.alloc(32, 7).toString('base64')}`]
  const of = (secret: string) => signHook(readKeys(secret)!, 'msg_1', 1614265330, '{}')['webhook-signature']
  expect(of(`${fresh}, ${old}`)).toBe(`${of(fresh)} ${of(old)}`)
})

const good = `whsec_${'A'.repeat(32)}`
test.each([
  `${good},`,
  `${good},whsec_c2hvcnQ=`,
  `${good},${good},${good}`,
  '',
  'whsec_',
  'whsec_c2hvcnQ=',
  'xoxb-1-2',
  `whsec_${'A'.repeat(100)}`,
  'no key!',
])('%j is no key', (text) => {
  expect(readKeys(text)).toBeNull()
})

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

const hooked: Delivery = {
  ...{
    deliveryId: 7,
    notificationId: 'n',
    kind: 'news',
    createdAt: 0,
    claimedAt: 0,
    address: '',
    secretId: 's',
    why: 'Because.',
    actor: null,
    linksUntil: 0,
    follows: null,
  },
  message: {
    ...{ subject: 'acme: Stars rose', context: 'npm', rest: '', trace: 'Event e' },
    topic: { kind: 'company', name: 'acme' },
    lines: [{ mark: 'critical', title: 'Stars rose', details: ['1 → 2'] }],
  },
}

test('the body is what the README shows', () => {
  const hook = composeHook(hooked)
  expect(hook).toEqual({
    type: 'parma.news',
    timestamp: '1970-01-01T00:00:00.000Z',
    data: {
      subject: 'acme: Stars rose',
      about: { kind: 'company', name: 'acme' },
      context: 'npm',
      lines: [
        { heading: null, severity: 'critical', title: 'Stars rose', details: ['1 → 2'], link: null, facts: null },
      ],
      rest: '',
      why: 'Because.',
      trace: 'Event e',
    },
  })
})

describe('the status decides, whatever the body does', () => {
  const bodies: Record<string, RequestListener> = {
    'is empty': (_, response) => void response.end(),
    'is no JSON': (_, response) => void response.end('<html>'),
    'is too large': (_, response) => void response.end('x'.repeat(200_000)),
    'is announced as too large': (_, response) => {
      response.setHeader('content-length', 200_000).end('x'.repeat(200_000))
    },
    'breaks off': (_, response) => {
      response.setHeader('content-length', 10).flushHeaders()
      response.write('x', () => setImmediate(() => response.destroy()))
    },
    'never ends': (_, response) => {
      response.flushHeaders()
      response.write('x')
    },
    'never begins': (_, response) => {
      response.flushHeaders()
    },
    'is not what its encoding says': (_, response) => void response.setHeader('content-encoding', 'gzip').end('x'),
  }
  test.each(
    Object.keys(bodies).flatMap((name) => [
      [200, name, { kind: 'sent', reference: '200' }] as const,
      [204, name, { kind: 'sent', reference: '204' }] as const,
      [410, name, { kind: 'refused', concerns: 'destination' }] as const,
      [429, name, { kind: 'retry', afterMs: 30_000 }] as const,
      [301, name, { kind: 'refused', concerns: 'destination' }] as const,
      [308, name, { kind: 'refused', concerns: 'destination' }] as const,
      [302, name, { kind: 'lost' }] as const,
    ]),
  )('a %s whose body %s', async (status, name, expected) => {
    const server = createServer((request, response) => {
      response.statusCode = status
      response.setHeader('retry-after', '30').setHeader('location', 'https://elsewhere.example/')
      bodies[name]?.(request, response)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    onTestFinished(() => void server.close().closeAllConnections())
    const servers = { KAFKA_BROKERS: 'b:1', SCHEMA_REGISTRY_URL: 'http://r', DATABASE_URL: 'postgres://d' }
    const config = readConfig({
      ...{ ...servers, DEPLOYMENT_ENV: 'local', ALLOWED_PRIVATE_NETWORKS: '127.0.0.0/8', SEND_TIMEOUT_MS: '400' },
    })
    const secret = `whsec_${Buffer.alloc(24).toString('base64')}`
    const channel = webhook.open({ config, findSecret: () => Promise.resolve({ secret }) } as unknown as ChannelTools)
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
    expect(await channel.send({ ...hooked, address })).toMatchObject(expected)
  })
})

test.each<[number, Record<string, string>, object]>([
  [301, { location: 'https://x' }, { kind: 'refused', concerns: 'destination' }],
  [308, {}, { kind: 'refused', concerns: 'destination' }],
  [302, {}, { kind: 'lost' }],
  [307, {}, { kind: 'lost' }],
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
