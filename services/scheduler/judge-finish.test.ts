import { expect, test } from 'vitest'
import { type FinishedTask, type FinishVerdict, judgeFinish, companyErrors, refusedCompanies } from './judge-finish.ts'

const running: FinishedTask = {
  data_source_id: 3,
  status: 'PROCESSING',
  attempts: 1,
  deadline: 2000,
  finished: false,
  fed: 5,
}
const clean = { data_source_id: 3, errors: {}, received_at: 1000 }
const wrong = { ...clean, errors: { '1': {}, '2': {} } }
const done = { kind: 'accepted', status: 'SUCCESS', late: false, errors: 0 } as const

test.each<[string, typeof clean, Partial<FinishedTask>, FinishVerdict]>([
  ['in time', clean, {}, done],
  ['nothing fed, no errors', clean, { fed: 0 }, done],
  ['errors, something fed', wrong, {}, { ...done, errors: 2 }],
  ['errors, nothing counted yet', wrong, { fed: 0 }, { ...done, status: 'PROCESSING', errors: 2 }],
  ['after its deadline', { ...clean, received_at: 2001 }, {}, { ...done, late: true }],
  ['of a task given up for good', clean, { status: 'FAILED', attempts: 3 }, { ...done, late: true }],
  [
    'of one given up, with errors and nothing fed',
    wrong,
    { status: 'FAILED', fed: 0 },
    { ...done, status: 'FAILED', late: true, errors: 2 },
  ],
  ['while the next attempt waits', clean, { status: 'PENDING' }, { ...done, late: true }],
  [
    'the same, with errors and nothing fed',
    wrong,
    { status: 'PENDING', fed: 0 },
    { ...done, status: 'PROCESSING', late: true, errors: 2 },
  ],
  ['a second time', clean, { status: 'SUCCESS', finished: true }, done],
  ['a second time, with errors', wrong, { status: 'SUCCESS', finished: true, fed: 0 }, { ...done, errors: 2 }],
  ['of a task under way before us', clean, { deadline: null }, done],
  [
    'of a task that never started',
    clean,
    { status: 'PENDING', attempts: 0 },
    { kind: 'refused', reason: 'task never started' },
  ],
  ['by another source', { ...clean, data_source_id: 4 }, {}, { kind: 'refused', reason: 'task of another source' }],
  [
    'by another source, never started',
    { ...clean, data_source_id: 4 },
    { status: 'PENDING', attempts: 0 },
    { kind: 'refused', reason: 'task of another source' },
  ],
])('a finish record %s', (_, finish, task, expected) => {
  expect(judgeFinish(finish, { ...running, ...task })).toEqual(expected)
})

test('a finish record of an unknown task', () => {
  expect(judgeFinish(clean, undefined)).toEqual({ kind: 'refused', reason: 'unknown task' })
})

test('a finish record without errors said', () => {
  expect(judgeFinish({ ...clean, errors: null }, { ...running, fed: 0 })).toEqual(done)
})

test('what a module says of companies is kept by their ids, short and storable', () => {
  const kept = companyErrors({
    '7': { error_type: 'CrawlingError', error_description: 'a\0b' },
    '8': { error_type: 'AnalyticsError', error_description: null },
    '9': { error_type: 'X', error_description: 'y'.repeat(1000) },
    'no id': { error_type: 'CrawlingError', error_description: null },
  })
  expect(kept).toMatchObject({ '7': 'CrawlingError: a b', '8': 'AnalyticsError' })
  expect(kept['9']).toHaveLength(300)
  expect(Object.keys(kept)).toEqual(['7', '8', '9'])
  expect(companyErrors(null)).toEqual({})
})

test.each([
  ['API request failed with status code 503,response: {"detail":"…"}', true],
  ['API request failed with status code 500,response: Internal Server Error', true],
  ['/feed-raw-data answered 429: slow down', true],
  ['/feed-raw-data got no answer: ECONNREFUSED', true],
  ['API request failed with status code 401,response: token expired', true],
  [null, true],
  ['API request failed with status code 422,response: raw_data is not an object, see 503', false],
  ['API request failed with status code 413,response: too large', false],
])('a company whose payload the edge refused (%s) is asked for again: %s', (error_description, again) => {
  expect(refusedCompanies({ '7': { error_type: 'AnalyticsError', error_description } })).toEqual(again ? [7] : [])
})

test('a company that the module could not crawl, or without an id, is not refused', () => {
  const error_description = 'status code 503'
  expect(
    refusedCompanies({
      '7': { error_type: 'CrawlingError', error_description },
      '8': { error_type: 'ClientInvalidBodyError', error_description },
      'no id': { error_type: 'AnalyticsError', error_description },
      '4294967296': { error_type: 'AnalyticsError', error_description },
    }),
  ).toEqual([])
  expect(refusedCompanies(null)).toEqual([])
})
