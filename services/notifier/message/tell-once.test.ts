import fc from 'fast-check'
import { expect, test } from 'vitest'
import { tellOnce } from './tell-once.ts'

const title = 'acme: stars rose 50% to 150'

test.each([
  [['acme: stars rose from 100 to 150.'], 'acme', 'stars rose from 100 to 150.', []],
  [
    ['Acme/app: stars rose 1.5 times. Expected were 98.', '100 → 150'],
    'Acme/app',
    'stars rose 1.5 times.',
    ['Expected were 98.', '100 → 150'],
  ],
  [['acme / Series B: amount rose.'], 'acme / Series B', 'amount rose.', []],
  [['Acmes are sold vs. others.'], 'acme', 'Acmes are sold vs. others.', []],
  [['acme rose: now 5'], 'acme', 'acme rose: now 5', []],
  [[], 'acme', 'stars rose 50% to 150', []],
  [[' '], 'acme', 'stars rose 50% to 150', []],
])('%j is about %s: %s', (details, name, sentence, more) => {
  const said = details[0]?.trim() ? details[0] : title
  expect(tellOnce({ company: 'acme', title: said, details }, false)).toEqual({ name, sentence, more })
})

test.each([
  ['releases gained 7 items, among them 1.0 and 2.0', 'acme: releases gained 7 items: 1.0, 2.0 and 5 more.', []],
  ['Series B is near', 'The amount rose.', ['The amount rose.']],
  ['N0N rose', 'It rose.', ['It rose.']],
])('the title %j is left out only where %j says it', (heading, message, more) => {
  const told = tellOnce({ company: 'acme', title: heading, details: [message] }, false)
  const sentence = more.length > 0 ? heading : message.replace('acme: ', '')
  expect(told).toEqual({ name: 'acme', sentence, more })
})

test('below a headline with the company, only the item is named', () => {
  const nameOf = (details: string[]) => tellOnce({ company: 'acme', title: details[0]!, details }, true).name
  expect([nameOf(['acme: x']), nameOf(['acme/app: x']), nameOf(['acme / B: x'])]).toEqual([null, 'app', 'B'])
})

test('whatever was crawled, it is bounded and loses no beginning', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 50 }), fc.string({ unit: 'grapheme', maxLength: 2000 }), (company, text) => {
      const { name, sentence } = tellOnce({ company, title, details: [text] }, false)
      expect([(name ?? '').length <= 120, sentence.length <= 300]).toEqual([true, true])
    }),
    { seed: 1 },
  )
})
