import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { unknownNote } from '../recovery/offset-note.ts'
import { addLoss, describeLoss, findLoss, type Loss, readPosition, writeMetadata } from './find-loss.ts'

const now = 1000
const find = (offset: number, low: number, high: number, firstNewer: number | null = null, newest = 5) =>
  findLoss({ offset, newest }, { low, high, firstNewer }, now)

describe('a loss', () => {
  it.each([
    ['nothing is deleted', find(10, 0, 10)],
    ['all that was deleted had been read', find(10, 10, 20)],
    ['there is a lag, and nothing is deleted', find(10, 3, 20, 15)],
    ['the group has committed nothing', find(-1, 50, 60)],
    ['newer records come after what was read', find(10, 3, 20, 10)],
    ['the newest time is unknown', find(10, 3, 20, 3, 0)],
    ['the topic is empty', find(0, 0, 0)],
  ])('is none when %s', (_, loss) => expect(loss).toBeNull())

  it('is what lies between the position and the first record', () => {
    expect(find(10, 210, 300)).toEqual({ from: 10, to: 210, count: 200, noticedAt: now })
    expect(find(10, 210, 210)).toEqual({ from: 10, to: 210, count: 200, noticedAt: now })
  })

  it.each([
    ['ends before the position', find(200, 0, 50), [0, 200]],
    ['is empty', find(200, 0, 0), [0, 200]],
    ['has grown past the position, and all its records are newer', find(200, 0, 300, 0), [0, 200]],
    ['was passed by the client library', find(-2, 40, 90), [0, 40]],
  ])('has no count when the topic %s', (_, loss, [from, to]) => {
    expect(loss).toEqual({ from, to, count: null, noticedAt: now })
  })
})

const loss = fc.record({
  from: fc.nat(),
  to: fc.nat(),
  count: fc.option(fc.nat(), { nil: null }),
  noticedAt: fc.integer({ min: 0, max: 2e12 }),
})

test('a position comes back from its metadata, which always fit', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.array(loss, { maxLength: 40 }), (offset, newest, all) => {
      const losses = all.reduce<Loss[]>((some, one) => addLoss(some, one), [])
      const metadata = writeMetadata({ newest, losses })
      expect(readPosition(offset, metadata)).toEqual({ offset, newest, losses, note: unknownNote })
      expect(metadata.length).toBeLessThan(4096)
    }),
  )
})

test.each([null, '', 'text of another tool', '{"lost":7}', '[]'])('metadata %j say nothing', (metadata) => {
  expect(readPosition(7, metadata)).toEqual({ offset: 7, newest: 0, losses: [], note: unknownNote })
})

test('many losses are taken together, and their counts add up', () => {
  const all = Array.from({ length: 30 }, (_, n): Loss => ({ from: 10 * n, to: 10 * n + 5, count: 5, noticedAt: n }))
  const losses = all.reduce<Loss[]>((some, one) => addLoss(some, one), [])
  expect(losses).toHaveLength(20)
  expect(losses[0]).toEqual({ from: 0, to: 105, count: 55, noticedAt: 10 })
})

test('a loss is a sentence', () => {
  const lost = { from: 10, to: 210, count: 200, noticedAt: 0 }
  expect(describeLoss('normalizer', 'mining.raw-payloads.v1', 3, lost)).toBe(
    '200 records on partition 3 of mining.raw-payloads.v1 (offsets 10 to 209) were deleted before normalizer had read them.',
  )
  expect(describeLoss('a', 't', 0, { ...lost, count: null })).toContain('made anew or cut')
})
