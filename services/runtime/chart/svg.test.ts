import { describe, expect, it } from 'vitest'
import { fullSeries } from '../../../test/harness/chart-series.ts'
import { readPicture } from '../../../test/harness/picture.ts'
import { drawLineChart } from './draw-line.ts'
import { chartStyle, element, roles } from './svg.ts'

describe('colours', () => {
  const contrast = (a: string, b: string) => {
    const [dark = 0, light = 0] = [luminance(a), luminance(b)].toSorted((x, y) => x - y)
    return (light + 0.05) / (dark + 0.05)
  }
  const luminance = (hex: string) => {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5]
      .map((from) => parseInt(hex.slice(from, from + 2), 16) / 255)
      .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  // The grid and the inside of the band only help: values and edges say the same.
  const shapes = ['axis', 'line', 'point', 'edge', 'mark', 'ring', 'hatch', 'dots', 'others'] as const

  it.each(['light', 'dark'] as const)('%s ones have enough contrast', (theme) => {
    const paper = roles.paper[theme]
    for (const name of ['text', 'muted'] as const)
      expect(contrast(roles[name][theme], paper)).toBeGreaterThanOrEqual(4.5)
    for (const name of shapes) expect(contrast(roles[name][theme], paper), name).toBeGreaterThanOrEqual(3)
    expect(contrast(roles.line[theme], roles.band[theme])).toBeGreaterThanOrEqual(3)
  })
})

describe('a picture in a page', () => {
  const nodes = readPicture(drawLineChart(fullSeries(), { theme: 'page', id: 'one' }))

  it('has nothing that a strict policy would block', () => {
    expect(nodes.map(({ name }) => name)).not.toContain('style')
    expect(nodes.flatMap(({ attributes }) => Object.keys(attributes))).not.toContain('style')
  })

  it('is painted by a style sheet, and without one by its attributes', () => {
    for (const { attributes } of nodes) {
      const [, role] = attributes.class?.match(/^chart-(\w+)$/) ?? []
      if (role) expect(chartStyle).toContain(`.chart-${role}{`)
    }
    expect(nodes.find(({ attributes }) => attributes.class === 'chart-line')?.attributes.stroke).toBe('#0072b2')
  })

  it('has ids of its own', () => {
    const ids = nodes.flatMap(({ attributes }) => attributes.id ?? [])
    expect(ids.length).toBeGreaterThan(2)
    expect(ids.every((id) => id.startsWith('one-'))).toBe(true)
    const other = drawLineChart({ ...fullSeries(), title: 'Forks' }, { theme: 'page' })
    const same = drawLineChart(fullSeries(), { theme: 'page' })
    const idsOf = (svg: string) => readPicture(svg).flatMap(({ attributes }) => attributes.id ?? [])
    expect(idsOf(other).filter((id) => idsOf(same).includes(id))).toEqual([])
  })

  it('has a title and a description', () => {
    const [root, title, description] = nodes
    expect(root?.attributes).toMatchObject({ role: 'img', 'aria-labelledby': 'one-title one-text' })
    expect([title?.name, title?.text]).toEqual(['title', 'Stars of apple/container'])
    expect(description?.text).toContain('144 values from 3 January 2024 to 11 November 2026.')
  })
})

it('a picture as a file has its style with it', () => {
  expect(drawLineChart(fullSeries())).toContain(`<style>${chartStyle}</style>`)
})

it('no text is smaller than 11 pixels', () => {
  for (const width of [240, 390, 1280]) {
    const sizes = [...drawLineChart(fullSeries(), { width }).matchAll(/font-size="([\d.]+)"/g)].map(([, size]) =>
      Number(size),
    )
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(11)
  }
})

it.each([
  [{ width: 100 }, 'a picture is 240 to 2000 pixels wide, not 100'],
  [{ width: NaN }, 'not NaN'],
  [{ id: '"><script>' }, '"><script> cannot begin an id'],
])('refuses %j', (look, message) => {
  expect(() => drawLineChart(fullSeries(), look)).toThrow(message)
})

it('refuses a coordinate that is none', () => {
  expect(() => element('line', { x1: NaN })).toThrow('a picture has no coordinate NaN')
})
