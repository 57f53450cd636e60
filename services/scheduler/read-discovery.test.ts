import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Identifier } from './build-request.ts'
import { type LinkedCompany, missBackOff, needsDiscovery, readDiscovery } from './read-discovery.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

const company: LinkedCompany = { link_id: 1, company_id: 1, name: 'Langfuse', identifiers: [], miss: null }
const one = (type: Identifier['type'], expired: boolean): Identifier => ({
  type,
  property: 'handles',
  value: 'x',
  expired,
})
const miss = { verdict: 'empty', reason: '', failures: 1, waiting: true } as const

describe('a company is looked up', () => {
  test.each<[string, Partial<LinkedCompany>, boolean]>([
    ['when it has no identifiers', {}, true],
    ['not while its back-off lasts', { miss }, false],
    ['again after it', { miss: { ...miss, waiting: false } }, true],
    ['not while a discovered one holds', { identifiers: [one('AUTOMATICALLY_DISCOVERED', false)] }, false],
    ['when a discovered one has expired', { identifiers: [one('AUTOMATICALLY_DISCOVERED', true)] }, true],
    ['not when one was given by hand', { identifiers: [one('MANUALLY_ADDED', false)] }, false],
    ['not even when that has expired', { identifiers: [one('MANUALLY_ADDED', true)] }, false],
    [
      'when only the discovered one has expired',
      { identifiers: [one('MANUALLY_ADDED', false), one('AUTOMATICALLY_DISCOVERED', true)] },
      true,
    ],
    [
      'not again at once when nothing new was found for it',
      { identifiers: [one('AUTOMATICALLY_DISCOVERED', true)], miss },
      false,
    ],
  ])('%s', (_, state, expected) => {
    expect(needsDiscovery({ ...company, ...state })).toBe(expected)
  })
})

describe('the answer of /discover', () => {
  const read = (identifiers: unknown, validity: unknown = '2027-05-22T22:37:46.046621') =>
    readDiscovery(JSON.stringify({ identifiers, validity }), 1)

  test('holds identifiers and how long they are valid, in UTC', () => {
    expect(read({ '1': { subreddits: ['a'], name: ['b', 'c'] } })).toEqual({
      verdict: 'found',
      identifiers: [
        { property: 'subreddits', value: 'a' },
        { property: 'name', value: 'b' },
        { property: 'name', value: 'c' },
      ],
      valid_until: Date.UTC(2027, 4, 22, 22, 37, 46, 46),
    })
  })

  test.each([
    ['2027-05-22T22:37:46', Date.UTC(2027, 4, 22, 22, 37, 46)],
    ['2027-05-22T22:37:46Z', Date.UTC(2027, 4, 22, 22, 37, 46)],
    ['2027-05-22T22:37:46+02:00', Date.UTC(2027, 4, 22, 20, 37, 46)],
    ['2027-05-22 22:37:46', Date.UTC(2027, 4, 22, 22, 37, 46)],
    ['2027-05-22T22:37:46.046621+0200', Date.UTC(2027, 4, 22, 20, 37, 46, 46)],
    ['2028-02-29', Date.UTC(2028, 1, 29)],
    ['next year', null],
    ['2027-02-29', null],
    ['2027-02-30T08:00:00', null],
    ['2027-04-31 08:00:00+02:00', null],
    ['2027-05-22T25:00:00', null],
    [1811025466046, null],
    [null, null],
  ])('validity %j', (validity, valid_until) => {
    expect(read({ '1': { handles: ['a'] } }, validity)).toMatchObject({ verdict: 'found', valid_until })
  })

  test('takes blanks, repeats and numbers for what they are', () => {
    expect(read({ '1': { handles: [' a ', 'a', '', '  ', 5] } })).toMatchObject({
      identifiers: [
        { property: 'handles', value: 'a' },
        { property: 'handles', value: '5' },
      ],
    })
  })

  test.each([
    ['9007199254740993', '9007199254740993'],
    ['"9007199254740993"', '9007199254740993'],
    ['-12345678901234567890', '-12345678901234567890'],
    ['123456789012345678901234567890', '123456789012345678901234567890'],
    ['9007199254740991', '9007199254740991'],
    ['12', '12'],
    ['1.5', '1.5'],
  ])('a number keeps its digits: %s', (written, value) => {
    expect(readDiscovery(`{"identifiers":{"1":{"ids":[${written}]}},"validity":null}`, 1)).toMatchObject({
      verdict: 'found',
      identifiers: [{ property: 'ids', value }],
    })
  })

  test('any whole number keeps its digits', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), (id) => {
        expect(readDiscovery(`{"identifiers":{"1":{"ids":[${id}]}},"validity":null}`, 1)).toMatchObject({
          identifiers: [{ property: 'ids', value: String(id) }],
        })
      }),
    )
  })

  test.each<unknown>([
    { '1': { handles: [null, 'a', null] } },
    { '1': { handles: ['a'], name: null } },
    { '1': { handles: ['a'], name: [null] } },
    { '1': { handles: ['a'] }, '2': null },
    { '1': { handles: ['a'] }, '2': { handles: [null, { b: 1 }] } },
    { '1': { handles: ['a'] }, 'a\0b': 1 },
  ])('a null, or what another company has, costs no good identifier: %j', (identifiers) => {
    expect(read(identifiers)).toMatchObject({
      verdict: 'found',
      identifiers: [{ property: 'handles', value: 'a' }],
    })
  })

  test.each([
    { '1': null },
    { '1': { handles: null } },
    { '1': { handles: [null] } },
    {},
    { '1': {} },
    { '1': { handles: [] } },
    { '1': { handles: [''], name: [] } },
  ])('nothing found: %j', (identifiers) => {
    expect(read(identifiers)).toEqual({ verdict: 'empty', reason: '/discover found nothing' })
  })

  test('about another company is no answer', () => {
    expect(read({ '2': { handles: ['a'] }, '10': { handles: ['b'] } })).toEqual({
      verdict: 'failed',
      reason: '/discover answered for company 2, 10 instead',
    })
  })

  test('about others too is read for the one asked', () => {
    expect(read({ '2': { handles: ['b'] }, '1': { handles: ['a'] } })).toMatchObject({
      identifiers: [{ property: 'handles', value: 'a' }],
    })
  })

  test.each([
    '',
    '<html>',
    '[]',
    'null',
    '"x"',
    '{}',
    '{"identifiers":[]}',
    '{"identifiers":{"1":["a"]}}',
    '{"identifiers":{"1":{"h":"a"}}}',
  ])('not as the contract says: %s', (body) => {
    expect(readDiscovery(body, 1)).toMatchObject({ verdict: 'failed' })
  })

  test.each([{ '1': { handles: ['a\0b'] } }, { '1': { 'a\0b': ['a'] } }, { 'a\0b': { handles: ['a'] } }])(
    'that Postgres could not store is refused, with words that it can: %j',
    (identifiers) => {
      const found = read(identifiers)
      expect(found).toMatchObject({ verdict: 'failed' })
      expect('reason' in found && found.reason).not.toContain('\0')
    },
  )

  test('of any length has a short reason', () => {
    expect(read({ ['x'.repeat(1e6)]: { handles: ['a'] } })).toMatchObject({
      reason: `/discover answered for company ${'x'.repeat(19)}… instead`,
    })
  })

  test('with very many values is not parsed', () => {
    expect(readDiscovery(`{"identifiers":{"1":{"h":[${'[],'.repeat(100_000)}[]]}}}`, 1)).toEqual({
      verdict: 'failed',
      reason: '/discover answered 100005 JSON values, and at most 100000 are read',
    })
  })

  test('never throws', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (body) => void readDiscovery(body, 1)))
  })
})

test('the wait doubles for each miss of the same kind in a row, to a limit', () => {
  const limits = { emptySeconds: 100, failedSeconds: 10, maxSeconds: 1000 }
  const last = (verdict: 'empty' | 'failed', failures: number) => ({ ...miss, verdict, failures })
  expect(missBackOff('failed', null, limits)).toEqual({ failures: 1, seconds: 10 })
  expect(missBackOff('failed', last('failed', 1), limits)).toEqual({ failures: 2, seconds: 20 })
  expect(missBackOff('failed', last('failed', 3), limits)).toEqual({ failures: 4, seconds: 80 })
  expect(missBackOff('failed', last('failed', 5000), limits)).toEqual({ failures: 5001, seconds: 1000 })
  expect(missBackOff('empty', last('failed', 4), limits)).toEqual({ failures: 1, seconds: 100 })
})
