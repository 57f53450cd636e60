import { expect, test } from 'vitest'
import type { ObservedValue } from '#schemas/generated/types.ts'
import type { ItemsFound } from '../detect/judge-items.ts'
import { describeItems } from './describe-items.ts'

const at = Date.parse('2026-11-23T09:00:00Z')
const names = { company: 'Acme', source: 'crunchbase' }
const anchor = { source_measurement_id: 1, company_measurement_id: 11, measurement_name: 'round' }

function valueOf(measurement_name: string, type: string, value: Partial<ObservedValue>): ObservedValue {
  return {
    ...{ seq: 0, ...anchor, measurement_name, type, path: 'funding_rounds[].x', item_key: 'b', item_label: 'Series B' },
    ...{ number: null, text: null, date: null, members: null, ...value },
  }
}

const round = [
  valueOf('round', 'text', { text: 'Series B' }),
  valueOf('investor', 'text', { text: 'Example Ventures' }),
  valueOf('announced', 'date', { date: Date.parse('2026-11-20') }),
  valueOf('raised amount', 'float', { number: 12_500_000 }),
  valueOf('page', 'link', { text: 'https://crunchbase.example/b' }),
]
const labels = (...names: string[]) => names.map((label) => ({ key: label, label }))

test.each<[Partial<ItemsFound>, string, string]>([
  [
    { items: labels('Series B'), values: round },
    'Acme: funding rounds gained Series B',
    'Acme: funding rounds gained Series B (crunchbase): raised amount 12.5 million, announced 20 November 2026, investor Example Ventures.',
  ],
  [
    { list: 'repos[]', items: labels('a'), kind: 'gone', since: at - 7 * 86_400_000 },
    'Acme: repos lost a',
    'Acme: repos lost a (crunchbase), last seen 16 November 2026.',
  ],
  [
    { list: 'repos[]', items: labels('turborepo'), kind: 'renamed', formerly: 'turbo' },
    'Acme: repos renamed turbo to turborepo',
    'Acme: repos renamed turbo to turborepo (crunchbase).',
  ],
  [
    { list: 'data[].job_posts[][]', items: labels('a', 'b', 'c', 'd', 'e', 'f', 'g') },
    'Acme: job posts gained 7 items, among them a and b',
    'Acme: job posts gained 7 items: a, b, c, d, e and 2 more (crunchbase).',
  ],
  [
    { items: labels('A very long name of a funding round that nobody can read in a headline') },
    'Acme: funding rounds gained A very long name of a funding round that nobody can read…',
    'Acme: funding rounds gained A very long name of a funding round that nobody can read… (crunchbase).',
  ],
  [
    { items: labels('{{x}} $& <b>\u0000') },
    'Acme: funding rounds gained {{x}} $& <b>',
    'Acme: funding rounds gained {{x}} $& <b> (crunchbase).',
  ],
])('%o', (found, title, message) => {
  const whole: ItemsFound = {
    kind: 'appeared',
    list: 'funding_rounds[]',
    items: [],
    anchor,
    values: [],
    since: null,
    ...found,
  }
  const described = describeItems(whole, at, names)
  expect([described.title, described.message]).toEqual([title, message])
  const facts = Object.values(described.facts).join('\n')
  for (const number of `${title}\n${message}`.match(/\d+(?:[.,]\d+)*/g) ?? []) expect(facts).toContain(number)
})
