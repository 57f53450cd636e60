import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { contentHash, findFault, makeChange, readChange } from './change-record.ts'
import { kindNames, kindOf, ownerOf } from './kinds.ts'
import { includesRole, personOf, roles } from './roles.ts'

const ann = { name: 'person:17', role: 'viewer' } as const

describe('a change', () => {
  test('has its owner, the subject in its key, and a payload that is read again', () => {
    const payload = { person: 17, company: 4 }
    const { key, value } = makeChange(ann, 'notifier.follow.add', payload, 1000, { reason: 'new fund' })
    expect(key).toBe('notifier/person:17')
    expect(value).toMatchObject({ owner: 'notifier', actor: 'person:17', role: 'viewer', reason: 'new fund' })
    expect(findFault(value)).toBeNull()
    expect(readChange(value)).toEqual({ kind: 'notifier.follow.add', payload })
  })

  test('with the same key of the same actor is the same', () => {
    const idOf = (actor: typeof ann | { name: string; role: 'viewer' }, idempotencyKey?: string) =>
      makeChange(actor, 'notifier.quiet.clear', { person: 17 }, 1000, { idempotencyKey }).value.event_id
    expect(idOf(ann, 'a')).toBe(idOf(ann, 'a'))
    expect(idOf(ann, 'a')).not.toBe(idOf(ann, 'b'))
    expect(idOf(ann, 'a')).not.toBe(idOf({ name: 'person:18', role: 'viewer' }, 'a'))
    expect(idOf(ann)).not.toBe(idOf(ann))
  })

  test('of another content has another hash', () => {
    const hashOf = (company: number) =>
      contentHash(makeChange(ann, 'notifier.follow.add', { person: 17, company }, 1000).value)
    expect(hashOf(1)).toBe(hashOf(1))
    expect(hashOf(1)).not.toBe(hashOf(2))
  })

  test('with a wrong payload is not made', () => {
    expect(() => makeChange(ann, 'notifier.follow.add', { person: 17 }, 1000)).toThrow('either company or bucket')
  })
})

describe('a payload', () => {
  test.each(kindNames)('of %s, whatever it is, is read or refused with a sentence', (kind) => {
    const anything = fc.oneof(
      fc.string().map((text) => text),
      fc.jsonValue().map((value) => JSON.stringify(value)),
      fc
        .record(
          Object.fromEntries(
            [
              'person',
              'company',
              'bucket',
              'mute',
              'measurement',
              'minutes',
              'zone',
              'from',
              'to',
              'days',
              '__proto__',
            ].map((name) => [name, fc.oneof(fc.integer({ min: 0, max: 2 ** 31 }), fc.jsonValue({ maxDepth: 1 }))]),
          ),
          { requiredKeys: [] },
        )
        .map((value) => JSON.stringify(value)),
    )
    fc.assert(
      fc.property(anything, (payload) => {
        const read = readChange({ kind, payload })
        if ('refusal' in read) expect(read.refusal).toMatch(/^The change .+\.$/s)
        else expect(kindOf(kind).payload.safeParse(read.payload).success).toBe(true)
      }),
    )
  })

  test.each(kindNames)('of %s is read as it was written', (kind) => {
    const schema = z.toJSONSchema(kindOf(kind).payload)
    expect(schema).toMatchObject({ type: 'object', additionalProperties: false })
    expect(ownerOf(kind)).toMatch(/^(notifier|analyzer|normalizer|scheduler)$/)
  })

  test.each<[string, object, string]>([
    ['notifier.mute.add', { person: 1, news_id: '6b1a2b62-3b32-4b0e-9d5e-0f1fd4a2f0a1' }, 'news_id and scope together'],
    ['notifier.mute.add', { person: 1, until_worse: true, company: 2 }, 'until_worse needs news_id'],
    ['notifier.mute.add', { person: 1, subject_key: 'a' }, 'a series needs company and measurement'],
    ['notifier.mute.add', { person: 0 }, 'wrong person'],
    ['notifier.mute.add', { person: 2 ** 31 }, 'wrong person'],
    ['notifier.quiet.set', { person: 1, from: '25:00', to: '07:00', zone: 'UTC' }, 'must be a time such as 22:00'],
    ['notifier.quiet.set', { person: 1, from: '22:00', to: '07:00', zone: 'Moon' }, 'must be a time zone'],
    ['notifier.feedback.set', { person: 1, news_id: 'x', answer: 'useful' }, 'wrong news_id'],
    ['notifier.follow.add', { person: 1, company: 2, admin: true }, 'Unrecognized key'],
    ['notifier.secrets.read', {}, 'There is no kind of change'],
    ['toString', {}, 'There is no kind of change'],
  ])('%s %j is refused', (kind, payload, sentence) => {
    const read = readChange({ kind, payload: JSON.stringify(payload) })
    expect((read as { refusal: string }).refusal).toContain(sentence)
  })
})

test.each([
  [{ event_id: 'x' }, 'event_id'],
  [{ role: 'god' }, 'role'],
  [{ actor: 'a\0' }, 'actor'],
  [{ kind: 'a\0' }, 'kind'],
  [{ reason: 'a\0' }, 'reason'],
  [{ requested_at: 9e15 }, 'requested_at'],
  [{ payload: ' '.repeat(500_000) }, 'payload'],
])('a record with %j is none', (changes, field) => {
  const { value } = makeChange(ann, 'notifier.quiet.clear', { person: 17 }, 1000)
  expect(findFault({ ...value, ...changes })).toContain(field)
})

test('roles include those before them; persons and links are people', () => {
  expect(roles.map((held) => roles.filter((needed) => includesRole(held, needed)).length)).toEqual([1, 2, 3])
  expect(
    ['person:17', 'link:17', 'key:17', 'cli:person:17', 'person:x', 'person:'].map((name) => personOf({ name })),
  ).toEqual([17, 17, null, null, null, null])
})
