import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  describeFilter,
  type Filter,
  type Filterable,
  findMute,
  findWorsened,
  type Mute,
  passesFilter,
} from './filter.ts'

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
  ...{ company_id: null, companies: null, data_source_id: null, source_measurement_id: null, below: null },
  ...{ subject_key: null, item_key: null, worse_than: null },
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

describe('findMute', () => {
  test('knows a long key by its hash, as pages name the series', () => {
    const item_key = 'ö'.repeat(600)
    const hashed = `sha256:${createHash('sha256').update(item_key).digest('hex')}`
    const isMuted = (one: Partial<Filterable>, key: string) =>
      findMute({ ...news, ...one }, [muteOf({ subject_key: '', item_key: key })]) !== undefined
    expect(isMuted({ item_key }, hashed)).toBe(true)
    expect(isMuted({ item_key: `${item_key}x` }, hashed)).toBe(false)
    expect(isMuted({ item_key: hashed }, hashed)).toBe(true)
    expect(isMuted({}, hashed)).toBe(false)
  })

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
    [[{ companies: new Set([1, 4]) }], true],
    [[{ companies: new Set() }], false],
    [[{ subject_key: '', item_key: '' }], true],
    [[{ subject_key: '', item_key: 'a' }], false],
    [[{ subject_key: 'x', item_key: '' }], false],
  ])('%j: %j', (mutes, expected) => {
    expect(findMute(news, mutes.map(muteOf)) !== undefined).toBe(expected)
  })
})

describe('quiet until it gets worse', () => {
  const before = { severity: 'info', importance: 0.4, previous: '1000', current: '900' } as const
  const quiet = muteOf({ company_id: 1, worse_than: before })

  test.each<[string, Partial<Filterable>, boolean]>([
    ['a little further', { current: '850' }, false],
    ['as far again', { current: '800' }, true],
    ['back', { current: '1200' }, false],
    ['as important', { importance: 0.45 }, false],
    ['more important', { importance: 0.5 }, true],
    ['more severe', { severity: 'warning' }, true],
    ['a text', { current: 'gone' }, false],
    ['nothing', { current: null }, false],
    ['more severe, of another company', { severity: 'critical', company_id: 2 }, false],
  ])('%s', (_, changes, isWorse) => {
    const later = { ...news, severity: 'info', importance: 0.4, current: '900', ...changes } as const
    expect(findWorsened(later, [quiet, muteOf({ company_id: 1 })])).toEqual(isWorse ? [quiet] : [])
    expect(findMute(later, [quiet]) === quiet).toBe(!isWorse && later.company_id === 1)
  })

  test('a change of nothing, and one from a text, are never passed by a number', () => {
    for (const worse_than of [
      { ...before, previous: '900' },
      { ...before, previous: '' },
      { ...before, current: 'a' },
    ])
      expect(findMute({ ...news, severity: 'info', current: '1' }, [muteOf({ worse_than })])).toBeDefined()
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
