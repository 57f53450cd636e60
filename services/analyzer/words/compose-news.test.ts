import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ObservedValue } from '#schemas/generated/types.ts'
import { judgePayloads, type Memory } from '../judge/judge-payloads.ts'
import type { Payload } from '../values/payload.ts'
import { compileRules, type OwnRow } from '../rules/compile-rules.ts'
import { composeNews, type NewsRow } from './compose-news.ts'

const criteria = {
  policy: { threshold: 25, steps: 0, types: new Set(['text', 'bool']) },
  itemPolicy: { goneAfter: 1, maxItemNews: 3, maxGoneItems: 100 },
  keptValues: 32,
}

type Given = Partial<ObservedValue>[]

/** The news items of payloads a second apart, payload by payload. */
function tell(payloads: readonly Given[], rules: readonly OwnRow[] = [], company = 'Acme'): NewsRow[][] {
  const memory: Memory = { states: new Map(), subjects: new Map() }
  return payloads.map((given, index) => {
    const values = given.map((found, seq): ObservedValue => {
      const { company_measurement_id: id = 1 } = found
      return {
        ...{ seq, source_measurement_id: id, company_measurement_id: id, measurement_name: `measurement ${id}` },
        ...{ type: 'text', path: 'path', item_key: null, item_label: null },
        ...{ number: null, text: null, date: null, members: null },
        ...found,
      }
    })
    const payload: Payload = {
      ...{ event_id: '00000000-0000-0000-0000-000000000000', event_no: index + 1, data_source_id: 3 },
      ...{ source_name: 'site', company_id: '1', task_id: null, map_version: 1, replay_id: null, subject_key: '' },
      ...{
        observed_at: Date.parse('2026-11-16T10:00:00Z') + index * 1000,
        history: false,
        refused: 0,
        empty_lists: [],
        values,
      },
    }
    const { judged } = judgePayloads([payload], { ...criteria, rules: compileRules(rules, 500) }, memory)
    return composeNews(payload, judged[0]!.found, company)
  })
}

const keysOf = (news: NewsRow[][]) => news.flat().map(({ dedupe_key }) => dedupe_key)

const text = (value: string): Given => [{ text: value }]
const set = (...members: string[]): Given => [{ members }]
const list = (letters: string): Given =>
  [...letters].map((key) => ({ type: 'int', number: 1, path: 'people[].age', item_key: key, item_label: key }))
const number = (value: number): Given => [{ type: 'int', number: value }]

test.each<[string, Given[]]>([
  ['a text that changes to another and then to a third', ['Ann', 'Bob', 'Cid'].map(text)],
  ['a list of texts that gains four and then four others', [set('a'), set(...'abcde'), set(...'abcdefghi')]],
  ['a list that gains four items and then four others', [list('a'), list('abcde'), list('abcdefghi')]],
  ['a list that loses four items and then four others', [list('abcdefghi'), list('abcde'), list('a')]],
  [
    'long texts that differ only after what is quoted',
    [1, 2, 3].map((end) => text(`${'word '.repeat(900)}${'x'.repeat(end)}`)),
  ],
  ['a number that rises and then falls', [100, 200, 100].map(number)],
])('%s: two stories', (_what, payloads) => {
  const keys = keysOf(tell(payloads))
  expect(keys).toHaveLength(2)
  expect(new Set(keys).size).toBe(2)
})

test.each<[string, Given[]]>([
  ['a number that rises twice in a day', [100, 200, 400].map(number)],
  ['a text that changes to the same again', ['Ann', 'Bob', 'Ann', 'Bob'].map(text)],
])('%s: one story', (_what, payloads) => {
  const keys = keysOf(tell(payloads))
  expect(keys.length).toBeGreaterThan(1)
  expect(keys.at(-1)).toBe(keys[0])
})

test('a number that crosses two levels: two stories', () => {
  const rules = [150, 250].map((level, index): OwnRow => {
    const definition = { name: `above ${level}`, when: { kind: 'above', level } }
    return { rule_id: `rule/${index}`, version: 1, definition, bucketCompanies: [] }
  })
  expect(new Set(keysOf(tell([100, 200, 300].map(number), rules))).size).toBe(2)
})

const ruled = (definition: object, index: number): OwnRow => {
  return { rule_id: `rule/${index}`, version: 1, definition, bucketCompanies: [] }
}

describe('one value is one news item', () => {
  const rules = [
    { name: 'growth', when: { kind: 'percent', by: 10 } },
    { name: 'spike', when: { kind: 'absolute', by: 50 }, severity: 'critical' },
    { name: 'big', when: { kind: 'above', level: 150 } },
  ].map(ruled)

  test('by the most severe of its rules, which names the others', () => {
    const [, second] = tell([100, 200].map(number), rules)
    expect(second).toHaveLength(1)
    expect(second![0]).toMatchObject({
      ...{ severity: 'critical', rule_id: 'rule/1', group_index: 0, group_size: 1 },
      message:
        'Acme: measurement 1 rose by 100 (100%) from 100 to 200 since 16 November 2026, 10:00 UTC (site). The rules growth and big apply too.',
      facts: { also_rules: 'growth and big' },
    })
  })

  test('of several measurements with an equal move, which names the others', () => {
    const all = (value: number): Given =>
      [1, 2, 3].map((company_measurement_id) => ({ type: 'int', number: value, company_measurement_id }))
    for (const given of [[], rules.slice(0, 1)]) {
      const [, second] = tell([all(100), all(200)], given)
      expect(second).toHaveLength(1)
      expect(second![0]).toMatchObject({
        ...{ source_measurement_id: 1, rule_id: given[0]?.rule_id ?? 'default/percent' },
        message: expect.stringMatching(/\(site\)\. Measurement 2 and measurement 3 changed alike\.$/) as string,
        facts: { also_measurements: 'measurement 2 and measurement 3' },
      })
    }
  })

  test('of several texts that changed alike, but not of several switches', () => {
    const both = (found: Partial<ObservedValue>): Given =>
      [1, 2].map((id) => ({ company_measurement_id: id, ...found }))
    expect(tell([both({ text: 'Old Name' }), both({ text: 'New Name' })])[1]).toMatchObject([
      { facts: { also_measurements: 'measurement 2' } },
    ])
    const bool = (value: number) => both({ type: 'bool', number: value })
    expect(tell([bool(0), bool(1)])[1]).toHaveLength(2)
  })

  test('of a switch, which has no percent', () => {
    const [, off] = tell([[{ type: 'bool', number: 1 }], [{ type: 'bool', number: 0 }]])
    expect(off).toMatchObject([{ kind: 'changed', trigger_factor: null, previous: 'yes', current: 'no' }])
  })
})

test.each<[number, number, string, number | null]>([
  [100, 200, 'rose by 100% from 100 to 200', 100],
  [1, 90_000, 'rose from 1 to 90,000', null],
  [-10, 10, 'rose from -10 to 10', null],
  [10, -10, 'fell from 10 to -10', null],
  [-1, -200, 'fell from -1 to -200', null],
  [10, 0, 'fell by 100% from 10 to 0', -100],
])('%d to %d %s', (before, now, said, factor) => {
  const [, [news]] = tell([before, now].map(number)) as [NewsRow[], NewsRow[]]
  expect(news!.message).toContain(`measurement 1 ${said} since`)
  expect(news).toMatchObject({ trigger_factor: factor, title: expect.stringMatching(/^[^%]*(100%[^%]*)?$/) as string })
  const rules = [ruled({ name: 'a', when: { kind: 'absolute', by: 1 } }, 1)]
  const [, [absolute]] = tell([before, now].map(number), rules) as [NewsRow[], NewsRow[]]
  expect(absolute!.message.includes('%')).toBe(factor !== null)
})

test('every title names the company, the item and what is measured, whatever their names', () => {
  const name = fc.oneof(
    fc.string({ minLength: 1, maxLength: 300 }),
    fc.lorem({ maxCount: 20 }),
    fc.constantFrom(
      'Acme, Inc.',
      'a/b',
      'Series B',
      '株式会社',
      'of',
      'company',
      '100% pure',
      '…',
      '<b>x</b>',
      '\u202eabc',
    ),
  )
  const amount = fc.oneof(fc.integer({ min: -5, max: 1e6 }), fc.double({ noNaN: true, noDefaultInfinity: true }))
  const change = fc.oneof(
    fc.tuple(amount, amount).map(([a, b]): [Given, Given] => [number(a), number(b)]),
    fc.tuple(name, name).map(([a, b]): [Given, Given] => [text(a), text(b)]),
    fc.tuple(fc.array(name), fc.array(name)).map(([a, b]): [Given, Given] => [set(...a), set(...b)]),
  )
  let told = 0
  fc.assert(
    fc.property(name, fc.option(name), name, change, (company, label, measurement_name, [before, now]) => {
      const item = label && { path: 'repos[].x', item_key: label, item_label: label }
      const given = [before, now].map((some) => some.map((one) => ({ ...one, ...item, measurement_name })))
      for (const { title, facts } of tell(given, [], company).flat()) {
        told++
        expect(title).toContain(facts['item_label'] ?? facts['company_name'])
        expect(title.toLowerCase()).toContain(facts['company_name']!.toLowerCase())
      }
    }),
    { numRuns: 2000, seed: 3 },
  )
  expect(told).toBeGreaterThan(500)
})

test.each<[string, Partial<ObservedValue>, string]>([
  ['repository stars', { path: 'repos[].stars', item_key: 'k', item_label: 'app' }, 'Acme/app: stars '],
  ['repository stars', { path: 'repos[].stars', item_key: 'k', item_label: 'Acme/app' }, 'Acme/app: stars '],
  ['repository', { path: 'repos[].x', item_key: 'k', item_label: 'app' }, 'Acme/app: repository '],
  [
    'upvote count of of comment',
    { path: 'x[].comments[].n', item_key: 'k', item_label: 'Hi' },
    'Acme/Hi: upvote count ',
  ],
  [
    'raised amount',
    { path: 'funding_rounds[].raised', item_key: 'k', item_label: 'Series B' },
    'Acme / Series B: raised amount ',
  ],
  ['company employee count', {}, 'Acme: employee count '],
  ['number of followers of company', {}, 'Acme: number of followers '],
  ['cost of goods', {}, 'Acme: cost of goods '],
  ['total watchers count', {}, 'Acme: total watchers count '],
])('%s %o: %s', (measurement_name, found, title) => {
  const [, [news]] = tell([100, 300].map((value) => [{ type: 'int', number: value, ...found, measurement_name }])) as [
    NewsRow[],
    NewsRow[],
  ]
  expect(news!.title).toBe(`${title}rose 200% to 300`)
})
