import { describe, expect, test } from 'vitest'
import { refusalReason, remedies } from './event-reasons.ts'
import { describeEvent, type EventFacts, type Normalized, type Status } from './event-status.ts'

const nothing: EventFacts = {
  accepted: null,
  stored: null,
  normalized: null,
  judged: null,
  notified: null,
  counted: null,
  dead: {},
}
const accepted = { data_source_id: 7, company_id: '1', received_at: 100 }
const stored = { ...accepted, at: 200, truncated: false, error: null }
const normalized: Normalized = {
  ...{ ...accepted, source_name: 'github', task_id: 3, at: 300 },
  ...{ stored: 5, unmapped: 0, refused: 0, reason: null },
}
const status = (stage: string, reason: string | null = null): Status => ({ stage, at: 400, reason })
const judged = status('judged', '2 news items, 0 silent')
const whole: EventFacts = { ...nothing, accepted, stored, normalized, judged, notified: status('notified') }

const brief = (facts: Partial<EventFacts>) =>
  describeEvent({ ...nothing, ...facts })?.map(({ stage, state, at, reason }) => [stage, state, at, reason])

test('an unknown event is null, even if some lookups failed', () => {
  expect(brief({})).toBeUndefined()
  expect(brief({ stored: 'no-answer', normalized: 'not-migrated', judged: 'no-answer' })).toBeUndefined()
})

test('each stage has its time', () => {
  expect(brief(whole)).toEqual([
    ['accepted', 'done', 100, null],
    ['stored', 'done', 200, null],
    ['normalized', 'done', 300, null],
    ['judged', 'done', 400, null],
    ['notified', 'done', 400, null],
  ])
})

test('a stage that has not happened yet is waiting', () => {
  expect(
    brief({ accepted })
      ?.slice(1)
      .map(([stage, state]) => [stage, state]),
  ).toEqual([
    ['stored', 'waiting'],
    ['normalized', 'waiting'],
    ['judged', 'waiting'],
    ['notified', 'waiting'],
  ])
})

test.each<[string, Partial<EventFacts>, number]>([
  ['the raw document', { stored }, 100],
  ['its values', { normalized }, 100],
  ['the count of its run', { counted: status('fed') }, 400],
  ['a dead letter', { dead: { normalizer: { at: 500, detail: '' } } }, 500],
])('%s shows that it was accepted', (_what, facts, at) => {
  expect(brief(facts)?.[0]).toEqual(['accepted', 'done', at, null])
})

describe('a stage that is not simply done has a reason', () => {
  test.each<[Partial<EventFacts>, stage: string, state: string, reason: string | null]>([
    [{ stored: 'not-asked' }, 'stored', 'unknown', 'not-asked'],
    [{ stored: 'no-answer' }, 'stored', 'unknown', 'no-answer'],
    [{ stored: { ...stored, truncated: true } }, 'stored', 'done', 'data-truncated'],
    [{ stored: { ...stored, error: 'not JSON' } }, 'stored', 'done', 'no-data'],
    [{ normalized: 'not-migrated' }, 'normalized', 'unknown', 'not-migrated'],
    [{ normalized: { ...normalized, reason: 'unknown-company' } }, 'normalized', 'stopped', 'unknown-company'],
    [{ normalized: { ...normalized, reason: 'of next year' } }, 'normalized', 'stopped', 'refused'],
    [{ normalized: { ...normalized, reason: 'no-map' } }, 'judged', 'skipped', 'earlier-stage'],
    [{ normalized: { ...normalized, reason: 'no-map' } }, 'notified', 'skipped', 'earlier-stage'],
    [{ normalized: { ...normalized, refused: 1 } }, 'normalized', 'done', 'values-refused'],
    [{ normalized: { ...normalized, stored: 0, unmapped: 4 } }, 'normalized', 'done', 'nothing-mapped'],
    [{ judged: 'no-answer' }, 'judged', 'unknown', 'no-answer'],
    [{ judged: status('judging') }, 'judged', 'waiting', null],
    [{ judged: status('judged', 'no news') }, 'judged', 'done', 'no-news'],
    [{ judged: status('judged', 'no news'), notified: null }, 'notified', 'skipped', 'no-news'],
    [{ notified: 'not-migrated' }, 'notified', 'unknown', 'not-migrated'],
    [{ notified: status('notifying') }, 'notified', 'waiting', null],
    [{ notified: status('silent') }, 'notified', 'skipped', 'silent'],
    [{ notified: status('kept-back') }, 'notified', 'skipped', 'kept-back'],
    [{ notified: status('nobody-to-notify') }, 'notified', 'skipped', 'nobody-to-notify'],
    [{ notified: status('notification-failed') }, 'notified', 'stopped', 'delivery-failed'],
    [{ notified: status('notification-unknown') }, 'notified', 'unknown', 'delivery-unknown'],
  ])('%j: %s is %s, %s', (facts, name, state, reason) => {
    const stage = describeEvent({ ...whole, ...facts })?.find((one) => one.stage === name)
    expect([stage?.state, stage?.reason]).toEqual([state, reason])
    expect(stage?.remedy ?? null).toBe(reason && remedies[reason as keyof typeof remedies])
  })

  const letter = { at: 500, detail: 'conflict: other content' }
  test.each<[Partial<EventFacts>, (string | number | null)[][]]>([
    [{ stored: null, dead: { 'raw-sink': letter } }, [['stored', 'stopped', 500, 'dead-lettered']]],
    [
      { normalized: null, judged: null, notified: null, dead: { normalizer: letter } },
      [
        ['normalized', 'stopped', 500, 'dead-lettered'],
        ['judged', 'skipped', null, 'earlier-stage'],
        ['notified', 'skipped', null, 'earlier-stage'],
      ],
    ],
    [
      { judged: null, notified: null, dead: { analyzer: letter } },
      [
        ['judged', 'stopped', 500, 'dead-lettered'],
        ['notified', 'skipped', null, 'earlier-stage'],
      ],
    ],
    [{ notified: null, dead: { notifier: letter } }, [['notified', 'stopped', 500, 'dead-lettered']]],
    // Replayed since then.
    [{ dead: { normalizer: letter } }, [['normalized', 'done', 300, null]]],
    [{ normalized: null, dead: 'no-answer' }, [['normalized', 'waiting', null, null]]],
  ])('dead letters: %j', (facts, expected) => {
    const described = brief({ ...whole, ...facts })
    expect(described?.filter(([stage]) => expected.some(([name]) => name === stage))).toEqual(expected)
  })

  test('the details come from the service', () => {
    const refused = { ...normalized, reason: 'of next year' }
    expect(describeEvent({ ...whole, normalized: refused })?.[2]?.detail).toBe('of next year')
    expect(describeEvent({ ...whole, normalized: { ...normalized, refused: 1 } })?.[2]?.detail).toBe(
      'values: 5 stored, 1 refused, 0 unmapped',
    )
    expect(describeEvent(whole)?.[3]?.detail).toBe('2 news items, 0 silent')
  })
})

test('every remedy is a sentence, and a property of Object is not a reason', () => {
  for (const remedy of Object.values(remedies)) expect(remedy).toMatch(/^[A-Z].*\.$/)
  expect(refusalReason('constructor')).toBe('refused')
})
