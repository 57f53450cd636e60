import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createAddressJudge, isNetwork } from './ip-allow-list.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

const mayCall = createAddressJudge([])

describe('with no private network allowed', () => {
  test.each([
    '8.8.8.8',
    '1.1.1.1',
    '172.15.255.255',
    '172.32.0.0',
    '100.63.0.1',
    '2606:4700::1111',
    '2a00:1450::1',
    '::ffff:8.8.8.8',
  ])('may call %s', (address) => expect(mayCall(address)).toBe(true))

  test.each([
    ...[
      '0.0.0.0',
      '0.1.2.3',
      '10.0.0.1',
      '100.64.0.1',
      '127.0.0.1',
      '127.255.255.254',
      '169.254.169.254',
      '172.16.0.1',
      '172.31.255.255',
    ],
    ...[
      '192.0.0.8',
      '192.0.2.1',
      '192.168.1.1',
      '198.18.0.1',
      '198.51.100.7',
      '203.0.113.9',
      '224.0.0.1',
      '240.0.0.1',
      '255.255.255.255',
    ],
    ...[
      '::',
      '::1',
      '::ffff:127.0.0.1',
      '::ffff:7f00:1',
      '::ffff:a00:1',
      '::127.0.0.1',
      '64:ff9b::7f00:1',
      '64:ff9b:1::1',
      '100::1',
    ],
    ...[
      'fc00::1',
      'fd12:3456::1',
      'fe80::1',
      'fe80::1%eth0',
      'fec0::1',
      'ff02::1',
      '2001::1',
      '2001:db8::1',
      '2002:7f00:1::1',
      '3fff::1',
    ],
    ...['5f00::1', '', 'localhost', '127.1', '0x7f.1', '2130706433'],
  ])('may not call %s', (address) => expect(mayCall(address)).toBe(false))
})

test('an IPv4 address is judged the same in IPv6 clothes', () => {
  fc.assert(fc.property(fc.ipV4(), (address) => mayCall(`::ffff:${address}`) === mayCall(address)))
})

test('an allowed network may be called, its neighbours may not', () => {
  const local = createAddressJudge(['127.0.0.0/8', 'fd00:1::/32'])
  expect(['127.0.0.1', '127.9.9.9', '::ffff:127.0.0.1', 'fd00:1::5'].map(local)).toEqual([true, true, true, true])
  expect(['10.0.0.1', '::1', 'fd00:2::5', '169.254.169.254'].map(local)).toEqual([false, false, false, false])
})

test.each(['10.0.0.0/8', '127.0.0.1/32', '0.0.0.0/0', 'fd00::/8', '::/0'])('%s is a network', (text) =>
  expect(isNetwork(text)).toBe(true),
)
test.each([
  '',
  '10.0.0.0',
  '10.0.0.0/33',
  '10.0.0/8',
  'fd00::/129',
  'fd00::/',
  'localhost/8',
  '10.0.0.0/8/8',
  '10.0.0.0/-1',
])('%j is no network', (text) => {
  expect(isNetwork(text)).toBe(false)
  expect(() => createAddressJudge([text])).toThrow(TypeError)
})
