import { describe, expect, test } from 'vitest'
import { describeFilter, type Filter, type Filterable, isMuted, type Mute, passesFilter } from './filter.ts'

const news: Filterable = {
  company_id: 1,
  data_source_id: 2,
  source_measurement_id: 3,
  severity: 'warning',
  kind: 'changed',
}
const filterOf = (changes: Partial<Filter>): Filter => ({
  data_source_id: null,
  min_severity: 'info',
  kinds: null,
  ...changes,
})
const muteOf = (changes: Partial<Mute>): Mute => ({
  ...{ company_id: null, data_source_id: null, source_measurement_id: null, below: null },
  ...changes,
})

describe('isWished', () => {
  test.each<[Partial<Filter>, boolean]>([
    [{}, true],
    [{ data_source_id: 2 }, true],
    [{ data_source_id: 9 }, false],
    [{ min_severity: 'warning' }, true],
    [{ min_severity: 'critical' }, false],
    [{ kinds: ['gone', 'changed'] }, true],
    [{ kinds: ['gone'] }, false],
    [{ data_source_id: 2, min_severity: 'critical' }, false],
  ])('%j: %j', (filter, expected) => {
    expect(passesFilter(news, filterOf(filter))).toBe(expected)
  })
})

describe('isMuted', () => {
  test.each<[Partial<Mute>[], boolean]>([
    [[], false],
    [[{}], true],
    [[{ company_id: 1 }], true],
    [[{ company_id: 9 }], false],
    [[{ company_id: 1, data_source_id: 9 }], false],
    [[{ source_measurement_id: 3 }], true],
    [[{ below: 'critical' }], true],
    [[{ below: 'warning' }], false],
    [[{ company_id: 9 }, { data_source_id: 2 }], true],
  ])('%j: %j', (mutes, expected) => {
    expect(isMuted(news, mutes.map(muteOf))).toBe(expected)
  })
})

test.each<[Partial<Filter>, { company?: string; bucket?: string; source?: string }, string]>([
  [{}, { company: 'acme' }, 'acme'],
  [{}, { bucket: 'Rivals' }, 'the bucket Rivals'],
  [{ min_severity: 'warning' }, { source: 'npm' }, 'warnings about all companies from npm'],
  [{ min_severity: 'critical', kinds: ['gone'] }, { company: 'acme' }, 'critical news about acme (gone)'],
])('%j of %j is named %s', (filter, names, name) => {
  expect(describeFilter(filterOf(filter), { company: null, bucket: null, source: null, ...names })).toBe(name)
})
