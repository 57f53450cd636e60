import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ServiceState, Trouble } from '#runtime/offsets/service-states.ts'
import { judgeNow } from './judge-now.ts'
import type { Facts } from './read-now.ts'

const now = Date.parse('2026-11-30T12:00:00Z')
const facts: Facts = {
  ...{ incidents: [], parked: [], refused: [], waitingMaps: [], letters: [], edges: [] },
  lead: { sources: 1, unmapped: null, mapped: 1, linked: true, idle: null, fed: true, heard: true },
}
const reads: ServiceState = {
  ...{ service: 'analyzer', members: 1, lag: 0, mostIn: null, waitingMs: null, troubles: [] },
}
const judge = (state: Partial<ServiceState>, known: Partial<Facts> = {}) =>
  judgeNow({ states: [{ ...reads, ...state }], at: now }, { ...facts, ...known }, now)

test('nothing is red where all is read, and records on their way are not red', () => {
  expect(judge({})).toEqual([])
  expect(judge({ lag: 500, mostIn: 'insights.news.v1', waitingMs: 10_000 })).toEqual([])
})

test('a service that is behind says by how many records and for how long', () => {
  const [red] = judge({ lag: 500, mostIn: 'insights.news.v1', waitingMs: 300_000 })
  expect(red).toMatchObject({ what: 'analyzer is 500 records behind', since: now - 300_000, look: 'bad' })
  expect(red?.why).toContain('at least 5 minutes')
})

test('a service that does not run is red also where nothing waits', () => {
  expect(judge({ members: 0 })[0]).toMatchObject({ what: 'analyzer does not run' })
})

test('a broker that does not answer is red, and what Postgres knows is still there', () => {
  const parked = [{ channel: 'SLACK', address: '#a', reason: 'no such channel', since: now }]
  const reds = judgeNow({ error: 'no answer within 1000 ms' }, { ...facts, parked }, now)
  expect(reds.map(({ what }) => what)).toEqual(['No Kafka broker answers', 'SLACK #a is parked'])
})

test('dead letters are red since the oldest, also while no broker answers', () => {
  const letters = [{ service: 'analyzer', letters: 2, oldest: now - 5000 }]
  const red = { what: '2 dead letters of analyzer', since: now - 5000, look: 'bad' }
  expect(judge({}, { letters })).toMatchObject([red])
  expect(judgeNow({ error: 'no answer' }, { ...facts, letters }, now)[1]).toMatchObject(red)
})

test('whatever is wrong has one next step, a reason, and words that fit', () => {
  const trouble = fc.record<Trouble>({
    topic: fc.constant('insights.news.v1'),
    partition: fc.nat(11),
    kind: fc.constantFrom('paused', 'stuck', 'died', 'lost'),
    count: fc.integer({ min: 1, max: 1000 }),
  })
  const incident = fc.record({
    kind: fc.constantFrom(
      'source-down',
      'stale',
      'due',
      'standstill',
      'suspect-run',
      'drift',
      'identifier-expired',
      'new',
    ),
    source_id: fc.integer({ min: 1 }),
    name: fc.option(fc.string()),
    companies: fc.option(fc.integer({ min: 1, max: 300 })),
    message: fc.string(),
    since: fc.integer({ min: 0, max: now }),
  })
  fc.assert(
    fc.property(fc.array(trouble), fc.array(incident), fc.nat(1), (troubles, incidents, members) => {
      const reds = judge({ troubles, members }, { incidents })
      expect(reds).toHaveLength(troubles.length + incidents.length + (members === 0 ? 1 : 0))
      for (const { what, why, step } of reds) {
        expect(`${what} ${why}`).not.toMatch(/undefined|null|NaN/)
        expect('href' in step ? step.href : step.command).toMatch(/^(\/console\/|npx parma )/)
      }
    }),
  )
})
