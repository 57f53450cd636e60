import { describe, expect, it } from 'vitest'
import { fitText, textWidth } from './fit-text.ts'

describe('a text that is too long', () => {
  it.each([
    ['a long name', 'a'.repeat(10_000)],
    ['right to left', 'שלום עולם '.repeat(1000)],
    ['wide letters', '日本語'.repeat(500)],
    ['families', '👩‍👩‍👧'.repeat(300)],
    ['lines', 'one\ntwo\u202ethree\t'.repeat(50)],
  ])('%s is cut to fit and ends with an ellipsis', (_what, text) => {
    const fitted = fitText(text, 120, 12)
    expect(fitted.endsWith('…')).toBe(true)
    expect(textWidth(fitted, 12)).toBeLessThanOrEqual(122)
    expect(fitted.isWellFormed()).toBe(true)
    expect(fitted).not.toMatch(/[\n\t\u202e]|\u200d…/)
  })

  it('is all there where it fits, and nothing where not even an ellipsis does', () => {
    expect(fitText('stars', 120, 12)).toBe('stars')
    expect(fitText('stars', 11, 12)).toBe('')
    expect(fitText('', 120, 12)).toBe('')
  })
})

it('a width is that of the font, and more for other scripts', () => {
  expect(textWidth('iiii', 10)).toBeCloseTo(11.2)
  expect(textWidth('WWWW', 10)).toBeCloseTo(39.6)
  expect(textWidth('日', 10)).toBeGreaterThan(10)
})
