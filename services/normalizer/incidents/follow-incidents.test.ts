import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse, type Structure } from '#runtime/read/parse.ts'
import { compileMap } from '#runtime/understand/compile-map.ts'
import { normalize } from '#runtime/understand/normalize.ts'
import type { PayloadRefused } from '#runtime/understand/understand.ts'
import type { RawPayload } from '#schemas/generated/types.ts'
import { followIncidents, incidentKey, show, type Shown, type Turn } from './follow-incidents.ts'
import { beginningOf, type ReportedIncident } from './incidents.ts'

fc.configureGlobal({ seed: 20261129 })

const entry = (SourceField: string, DataType: string, source_measurement_id: number, NestedMappings?: object[]) => ({
  ...{ SourceField, DataType, source_measurement_id, NestedMappings },
})
const older = [entry('a', 'int', 1), entry('list', 'nested', 2, [entry('b', 'int', 3)])]
const good = '{"a":1,"list":[{"b":1}]}'

/** A payload of company 1 by a map. `json`: its raw_data, or why it is refused. */
function showing(
  json: string,
  more: Partial<Shown> & { version?: number; company?: string; map?: object[]; replay?: object | null } = {},
): Shown {
  const { version = 1, company = '1', map: mappings = older, replay = null, ...rest } = more
  const payload = {
    ...{ event_id: `e${json}`, source_name: 's', data_source_id: 7, company_id: company, history: false, replay },
  } as unknown as RawPayload
  const refused = { reason: 'unparsable', message: 'bad', sample: '', mapVersion: 1 } satisfies PayloadRefused
  const common = { payload, event_no: 1, subject_key: '', when: 'now', ...rest } as const
  if (!json.startsWith('{')) return show({ ...common, result: refused })
  const data = parse(json, { MAX_LEAVES: 50_000, MAX_DEPTH: 10 }).root as Structure
  const map = compileMap(JSON.stringify({ Mappings: mappings }))!
  return show({ ...common, result: { mapVersion: version, map, data, normalized: normalize(data, map) } })
}

/** What begins (+) and ends (-), turn by turn. */
function follow(...showings: Shown[]): string[] {
  return followIncidents(showings, new Map()).map(({ begun, ended }) =>
    [
      ...begun.map(({ kind, subject }) => `+${kind} ${subject}`),
      ...ended.map(({ incident: { kind, subject } }) => `-${kind} ${subject}`),
    ].join(' '),
  )
}

describe('an incident ends with a payload of its company', () => {
  test.each([
    ['that has the path', '{"list":[{"b":1}]}', showing(good), ['+missing-path a', '-missing-path a']],
    [
      'that has null there',
      '{"list":[{"b":1}]}',
      showing('{"a":null,"list":[]}'),
      ['+missing-path a', '-missing-path a'],
    ],
    ['that has the list', '{"a":1}', showing(good), ['+missing-path list', '-missing-path list']],
    ['that has an empty list', '{"a":1}', showing('{"a":1,"list":[]}'), ['+missing-path list', '-missing-path list']],
    [
      'that has the path in an item',
      '{"a":1,"list":[{}]}',
      showing(good),
      ['+missing-path list[].b', '-missing-path list[].b'],
    ],
    ['whose type is right', '{"a":[1],"list":[{"b":1}]}', showing(good), ['+retyped-path a', '-retyped-path a']],
    [
      'whose map has the path',
      '{"a":1,"list":[{"b":1}],"c":1}',
      showing('{"a":1,"list":[{"b":1}],"c":1}', { version: 2, map: [...older, entry('c', 'int', 4)] }),
      ['+unknown-path c', '-unknown-path c'],
    ],
    ['that is understood', 'bad', showing(good), ['+unparsable s', '-unparsable s']],
  ])('%s', (_, json, end, turns) => {
    expect(follow(showing(json), end)).toEqual(turns)
  })

  test.each([
    ['of another company', showing(good, { company: '2' })],
    ['of another subject', showing(good, { subject_key: 'x' })],
    ['that is history', showing(good, { when: 'history' })],
    ['that is late', showing(good, { when: 'late' })],
    ['that is a replay', showing(good, { replay: { replay_id: 'r' } })],
    ['that lacks the path as well', showing('{"list":[{"b":2}]}')],
    ['that is refused', showing('bad')],
  ])('and not with one %s', (_, other) => {
    const missing = showing('{"list":[{"b":1}]}', other.subject_key === 'x' ? { subject_key: 'y' } : {})
    expect(follow(missing, other).join(' ')).not.toMatch(/(^| )-/)
  })

  test('of its map, if a newer version has no fault at the path', () => {
    const faulty = [entry('a', 'unknown', 1), older[1]!]
    expect(
      follow(showing(good, { map: faulty }), showing(good, { version: 2, map: faulty }), showing(good, { version: 3 })),
    ).toEqual(['+map-fault a', '-map-fault a'])
  })

  test('and begins again, in turns', () => {
    const less = showing('{"list":[{"b":1}]}')
    expect(follow(less, showing(good), less, less, showing(good))).toEqual(
      ['+', '-', '+', '-'].map((sign) => `${sign}missing-path a`),
    )
  })
})

describe('what begins with a payload that', () => {
  const faulty = [entry('a', 'unknown', 1), older[1]!]
  const differs = '{"a":[1],"c":1}'
  test.each<[string, object, string[]]>([
    ['is of now', {}, ['+map-fault a +unknown-path c +missing-path list']],
    ['is history: it does not say what is missing today', { when: 'history' }, ['+map-fault a +unknown-path c']],
    ['is late: nothing', { when: 'late' }, []],
    ['is a replay: nothing', { replay: { replay_id: 'r' } }, []],
  ])('%s', (_, more, turns) => {
    expect(follow(showing(differs, { map: faulty, ...more }))).toEqual(turns)
  })

  test('is refused is reported, whenever it is from', () => {
    for (const more of [{}, { when: 'late' }, { when: 'history' }, { replay: { replay_id: 'r' } }] as const)
      expect(follow(showing('bad', more))).toEqual(['+unparsable s'])
  })
})

test('many open incidents of a company and a large payload need no quadratic time', () => {
  const list = Array.from({ length: 20_000 }, () => ({ b: 1 }))
  const shown = [1, 2, 3, 4, 5].map(() => showing(JSON.stringify({ a: 1, list })))
  const open = Array.from({ length: 1000 }, (_, at): ReportedIncident => {
    const facts = { company_id: '1' }
    const state = { event_no: at, data_source_id: 7, seen_at: 0, policy: 'tell' } as const
    return { kind: 'missing-path', subject: `x${at}`, message: '', facts, ...state }
  })
  const start = performance.now()
  expect(followIncidents(shown, new Map(open.map((one) => [incidentKey(one), one])))).toEqual([])
  expect(performance.now() - start).toBeLessThan(500)
})

test('a refused payload that is replayed and refused again has an event of its own', () => {
  const eventOf = (more: object) => {
    const [{ begun }] = followIncidents([showing('bad', more)], new Map()) as [Turn]
    return beginningOf({ ...begun[0]!, seen_at: 0, policy: 'tell' }, '5b0f4a52-0a3c-4f0d-8f36-9d1c6f7f8c11').event_id
  }
  const ids = [{}, { replay: { replay_id: 'r' } }, { replay: { replay_id: 's' } }].map(eventOf)
  expect(new Set(ids).size).toBe(3)
})

test('over any batches each incident begins and ends in turn, and ends with the company that showed it', () => {
  const one = fc.record({
    json: fc.constantFrom(good, '{"a":1}', '{"a":[1],"c":1,"list":[]}', '{"list":[{"b":"x"}],"a":null}', 'bad'),
    company: fc.constantFrom('1', '2'),
    when: fc.constantFrom('now', 'now', 'now', 'history', 'late'),
    replay: fc.constantFrom(null, null, null, { replay_id: 'r' }),
    version: fc.constantFrom(1, 2),
  })
  fc.assert(
    fc.property(fc.array(fc.array(one, { maxLength: 6 }), { maxLength: 6 }), (batches) => {
      const open = new Map<string, ReportedIncident>()
      let event_no = 0
      for (const batch of batches) {
        const shown = batch.map(({ json, ...more }) => showing(json, { ...more, event_no: ++event_no } as const))
        for (const { begun, ended } of followIncidents(shown, open)) {
          const changed = [...begun, ...ended.map(({ incident }) => incident)].map(incidentKey)
          expect(new Set(changed).size).toBe(changed.length)
          for (const { incident } of ended) {
            expect(open.get(incidentKey(incident))?.event_no).toBe(incident.event_no)
            open.delete(incidentKey(incident))
          }
          for (const incident of begun) {
            expect(open.has(incidentKey(incident))).toBe(false)
            open.set(incidentKey(incident), { ...incident, seen_at: 0, policy: 'tell' })
          }
        }
        // What a company shows last is open, unless another company began it and ended it.
        for (const { payload, result, found } of shown.slice(-1)) {
          for (const incident of found) expect(open.has(incidentKey(incident))).toBe(true)
          if ('reason' in result || payload.replay !== null || batch.at(-1)!.when !== 'now') continue
          const refusals = [...open.values()].filter(({ kind }) => kind === 'unparsable')
          expect(refusals.filter(({ facts }) => facts.company_id === payload.company_id)).toEqual([])
        }
      }
    }),
    { numRuns: 500 },
  )
})
