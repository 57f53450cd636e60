import { expect, test } from 'vitest'
import type { ObservedValue } from '#schemas/generated/types.ts'
import { compileRules } from '../rules/compile-rules.ts'
import type { SeriesState } from '../values/series-state.ts'
import type { SubjectState } from '../detect/judge-items.ts'
import { judgePayload, type Knowledge } from './judge-payload.ts'
import type { Payload } from '../values/payload.ts'

const policy = { threshold: 5, steps: 0, types: new Set(['text']) }

function valueOf(number: number, changes: Partial<ObservedValue> = {}): ObservedValue {
  return {
    seq: 0,
    source_measurement_id: 1,
    company_measurement_id: 11,
    measurement_name: 'stars',
    type: 'float',
    path: 'stars',
    item_key: null,
    item_label: null,
    number,
    text: null,
    date: null,
    members: null,
    ...changes,
  }
}

function payloadOf(eventNo: number, values: ObservedValue[], changes: Partial<Payload> = {}): Payload {
  return {
    event_id: `event ${eventNo}`,
    event_no: eventNo,
    data_source_id: 3,
    source_name: 'github',
    company_id: '1',
    task_id: null,
    map_version: 1,
    observed_at: eventNo * 1000,
    history: false,
    replay_id: null,
    subject_key: '',
    values,
    refused: 0,
    empty_lists: [],
    ...changes,
  }
}

/** What is known before the first payload. */
const nothing: Omit<Knowledge, 'rules'> = {
  policy,
  itemPolicy: { goneAfter: 2, maxItemNews: 3, maxGoneItems: 100 },
  keptValues: 3,
  states: new Map(),
  past: new Map(),
  subject: null,
}

/** Judges payloads one after the other, and gives what each found as `value[silent]`, or `appeared item[silent]`. */
function createJudge(rules = compileRules([], 500)) {
  const states = new Map<string, SeriesState>()
  const subjects = new Map<string, SubjectState>()
  return (payload: Payload, past = new Map<string, SeriesState>()) => {
    const subject = subjects.get(payload.subject_key) ?? null
    const judged = judgePayload(payload, { ...nothing, rules, states, past, subject })
    for (const [key, state] of judged.states) states.set(key, state)
    if (judged.subject) subjects.set(payload.subject_key, judged.subject)
    return judged.found.map((one) => {
      const what =
        'items' in one ? `${one.items.kind} ${one.items.items.map(({ key }) => key).join()}` : one.value.number
      return `${what}${one.silent ? ' silent' : ''}`
    })
  }
}

test('subjects and items each have their own series', () => {
  const judge = createJudge()
  const [a, b] = [{ subject_key: 'a' }, { subject_key: 'b' }]
  for (let run = 0; run < 10; run += 2) {
    expect(
      judge(payloadOf(run + 1, [valueOf(10), valueOf(1, { item_key: 'x' }), valueOf(5, { item_key: 'y' })], a)),
    ).toEqual([])
    expect(
      judge(payloadOf(run + 2, [valueOf(90), valueOf(5, { item_key: 'x' }), valueOf(1, { item_key: 'y' })], b)),
    ).toEqual([])
  }
  expect(judge(payloadOf(20, [valueOf(20), valueOf(1, { item_key: 'x' })], a))).toEqual(['20'])
})

test('a series has one value per payload, the last; others in the payload are never the previous value', () => {
  const judge = createJudge()
  expect(judge(payloadOf(1, [valueOf(1), valueOf(100)]))).toEqual([])
  expect(judge(payloadOf(2, [valueOf(100), valueOf(200), valueOf(50)]))).toEqual(['50'])
  expect(judge(payloadOf(2, [valueOf(7)], { replay_id: 'r' }))).toEqual([])
  expect(judge(payloadOf(3, [valueOf(50)]))).toEqual([])
})

test('history and replays are silent', () => {
  const judge = createJudge()
  judge(payloadOf(1, [valueOf(1)], { history: true }))
  expect(judge(payloadOf(2, [valueOf(2)], { history: true }))).toEqual(['2 silent'])
  expect(judge(payloadOf(3, [valueOf(3)], { replay_id: 'r' }))).toEqual(['3 silent'])
  expect(judge(payloadOf(4, [valueOf(4)]))).toEqual(['4'])
})

test('a late payload is judged by its own past, silently, and newer state stays', () => {
  const judge = createJudge()
  judge(payloadOf(1, [valueOf(100)], { observed_at: 9000 }))
  expect(judge(payloadOf(2, [valueOf(500)], { observed_at: 5000 }))).toEqual([])
  const before: SeriesState = { eventNo: 0, observedAt: 4000, last: { kind: 'number', number: 400 }, recent: [400] }
  expect(judge(payloadOf(3, [valueOf(500)], { observed_at: 5000 }), new Map([['11\0\0', before]]))).toEqual([
    '500 silent',
  ])
  expect(judge(payloadOf(4, [valueOf(101)], { observed_at: 9000 }))).toEqual([])
})

test('problems of rules come with the payload that needs them, and a long window is remembered', () => {
  const row = {
    rule_id: 'r/1',
    version: 1,
    name: '',
    source_measurement_id: 1,
    threshold: 5,
    method: 'sum',
    entries: 6,
  }
  const rules = compileRules([row, { ...row, rule_id: 'r/2', method: 'x' }], 500)
  const { problems, states } = judgePayload(payloadOf(1, [valueOf(1)]), { ...nothing, rules })
  expect(problems.map(({ rule }) => rule.id)).toEqual(['r/2'])
  expect(states.get('11\0\0')?.recent).toEqual([1])
  const judge = createJudge(rules)
  for (let event = 1; event <= 6; event++) expect(judge(payloadOf(event, [valueOf(10)]))).toEqual([])
  expect(judge(payloadOf(7, [valueOf(40)]))).toEqual(['40'])
  expect(
    judgePayload(payloadOf(8, [valueOf(1, { source_measurement_id: 2 })]), { ...nothing, rules }).problems,
  ).toEqual([])
})

test('items appear and are gone only in payloads in order, and silently in silent payloads', () => {
  const judge = createJudge()
  const items = (...keys: string[]) => keys.map((item_key) => valueOf(1, { item_key, path: 'repos[].stars' }))
  expect(judge(payloadOf(2, items('a')))).toEqual([])
  expect(judge(payloadOf(3, items('a', 'b', 'c')))).toEqual(['appeared b', 'appeared c'])
  expect(judge(payloadOf(4, items('x'), { replay_id: 'r' }))).toEqual([])
  expect(judge(payloadOf(5, items('y'), { observed_at: 1000 }))).toEqual([])
  expect(judge(payloadOf(6, items('a', 'b')))).toEqual([])
  expect(judge(payloadOf(7, items('a', 'b'), { history: true }))).toEqual(['gone c silent'])
})

test('equal moves of one item are one news item, and items known only by position are not news', () => {
  const judge = createJudge()
  const values = (number: number, item_key: string | null) => [
    valueOf(number, { item_key, company_measurement_id: 1 }),
    valueOf(number, { item_key, company_measurement_id: 2 }),
    valueOf(number + 1, { item_key, company_measurement_id: 3 }),
  ]
  judge(payloadOf(1, [...values(10, 'a'), ...values(10, 'a>#2'), ...values(10, null)]))
  expect(judge(payloadOf(2, [...values(50, 'a'), ...values(50, 'a>#2'), ...values(50, null)]))).toEqual([
    ...['50', '51'],
    ...['50', '51'],
  ])
})

test('a rule `never` for the first measurement of a list mutes its items too', () => {
  const definition = (measurement: string) => ({ name: 'quiet', when: { kind: 'never' }, scope: { measurement } })
  const own = (measurement: string) => [
    { rule_id: 'rule/1', version: 1, definition: definition(measurement), bucketCompanies: [] },
  ]
  const items = (...keys: string[]) => keys.map((item_key) => valueOf(1, { item_key, path: 'repos[].stars' }))
  for (const [measurement, told] of [
    ['sta*', []],
    ['forks', ['appeared b']],
  ] as const) {
    const judge = createJudge(compileRules(own(measurement), 500))
    judge(payloadOf(1, items('a')))
    expect(judge(payloadOf(2, items('a', 'b')))).toEqual(told)
  }
})
