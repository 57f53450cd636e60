import { expect, it } from 'vitest'
import { findFaults, readPicture } from '../../../test/harness/picture.ts'
import { drawLineChart } from './draw-line.ts'
import { thinRun } from './plot.ts'

it('of a million values each spike is kept, and the picture stays small', () => {
  const points = Array.from({ length: 1_000_000 }, (_, second) => ({ at: second * 1000, value: second % 100 }))
  points[333_333] = { at: 333_333_000, value: 5000 }
  points[777_777] = { at: 777_777_000, value: -4000 }
  const thinned = thinRun(points, (at) => Math.floor(at / 1e6))
  expect(thinned.length).toBeLessThanOrEqual(4000)
  expect(thinned.filter(({ value }) => value === 5000 || value === -4000)).toHaveLength(2)
  expect(thinned[0]).toEqual(points[0])
  expect(thinned.at(-1)).toEqual(points.at(-1))
  const picture = drawLineChart({ title: 'values', points })
  expect(picture.length).toBeLessThan(60_000)
  expect(findFaults(picture)).toEqual([])
})

it('of very many values with gaps everywhere only those are drawn that can be seen', () => {
  const points = Array.from({ length: 300_000 }, (_, second) => ({
    at: second * 1000,
    value: second % 3 === 2 ? null : second % 100,
  }))
  const picture = drawLineChart({ title: 'values', points })
  expect(picture.length).toBeLessThan(60_000)
  expect(picture).toContain('99999 gaps without values: between ')
  expect(findFaults(picture)).toEqual([])
})

it('a line is not drawn across a gap, and a value alone is a dot', () => {
  const values = [1, 2, null, 3, null, 4, 5]
  const nodes = readPicture(drawLineChart({ title: '', points: values.map((value, at) => ({ at: at * 1e8, value })) }))
  const line = nodes.find(
    ({ attributes }) =>
      attributes.class === 'chart-line' && attributes.d?.startsWith('M') && attributes['stroke-linejoin'],
  )
  expect(line?.attributes.d?.match(/M/g)).toHaveLength(2)
  expect(nodes.filter(({ name }) => name === 'circle')).toHaveLength(2)
})

it('of a thousand news items neighbours are one diamond, which names them', () => {
  const marks = Array.from({ length: 1000 }, (_, hour) => ({ at: hour * 3600_000, text: `news ${hour}` }))
  const points = [0, 1000].map((hour) => ({ at: hour * 3600_000, value: hour }))
  const nodes = readPicture(drawLineChart({ title: '', points, marks }))
  const diamonds = nodes.filter(({ name, attributes }) => name === 'path' && attributes.class === 'chart-mark')
  expect(diamonds.length).toBeGreaterThan(10)
  expect(diamonds.length).toBeLessThan(60)
  expect(nodes.filter(({ name }) => name === 'title')[1]?.text).toMatch(/^news 0; news 1; news 2; \d+ more$/)
})

it('times in which the source was down, late or suspect differ by pattern, and a short one is seen', () => {
  const points = [0, 1000].map((at) => ({ at: at * 1e8, value: 1 }))
  const shades = (['down', 'late', 'suspect'] as const).map((kind, index) => ({
    from: index * 1e10,
    to: index * 1e10 + 1,
    kind,
  }))
  const nodes = readPicture(drawLineChart({ title: '', points, shades }, { id: 'x' }))
  const fills = nodes.flatMap(({ attributes }) =>
    attributes.fill?.startsWith('url') && Number(attributes.height) > 100
      ? [[attributes.fill, Number(attributes.width)]]
      : [],
  )
  expect(fills).toEqual([
    ['url(#x-down)', 2],
    ['url(#x-late)', 2],
    ['url(#x-suspect)', 2],
  ])
  expect(nodes.flatMap(({ text, name }) => (name === 'text' ? [text] : []))).toEqual(
    expect.arrayContaining(['source down', 'data late', 'data suspect']),
  )
})
