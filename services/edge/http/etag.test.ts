import { expect, test } from 'vitest'
import { csvType } from './csv.ts'
import { withTag } from './etag.ts'
import { file, json } from './response.ts'

const { headers } = withTag({}, json(200, { a: 1 }))

test('304 without a body for whoever has the body, also where a proxy made the tag weak', () => {
  for (const tag of [headers['etag']!, `W/${headers['etag']}`, `"x", ${headers['etag']}`, '*'])
    expect(withTag({ 'if-none-match': tag }, json(200, { a: 1 }))).toMatchObject({ status: 304, body: null })
  expect(withTag({ 'if-none-match': headers['etag'] }, json(200, { a: 2 })).status).toBe(200)
})

test('JSON and CSV of the same text have different tags', () => {
  expect(withTag({}, file(csvType, '{"a":1}')).headers['etag']).not.toBe(headers['etag'])
})

test('what is said of caching by the response itself holds', () => {
  expect(headers['cache-control']).toBe('private, no-cache')
  const kept = withTag({}, json(200, 1, { 'cache-control': 'private, max-age=60' }))
  expect(kept.headers).toMatchObject({
    'cache-control': 'private, max-age=60',
    vary: expect.stringContaining('cookie'),
  })
})
