import { expect, test } from 'vitest'
import { findMarkupFaults } from '../../../test/harness/markup.ts'
import { html } from '../design/html.ts'
import type { Answer } from './ask.ts'
import { trialQuery, type TriedRule } from './query.ts'
import { describeTried, type Shown, trialSection } from './section.ts'
import { z } from 'zod'

const at = Date.UTC(2026, 10, 20)
const rule: TriedRule = { condition: 'percent', direction: 'up', threshold: 2.5 }
const scale = { min: 0.1, max: 10, step: 0.1, usual: 2 }
const show = (answer: Answer | null, changed: Partial<Shown> = {}) =>
  trialSection({
    ...{ path: '/console/series/17', period: { days: '90', until: null }, rule, scale, answer, zone: 'UTC' },
    ...{
      chart: { title: 'Acme: stars', points: [], from: at - 1000, to: at },
      draw: (one) => html`<b>${one.title}</b>`,
    },
    ...changed,
  }).toString()
const trial = (news: { at: number; title: string }[], changed = {}) => ({
  trial: { payloads: 40, cut_at: null, told: news.length, silent: 0, news, ...changed },
})

test('the slider keeps the time shown, and has a name, ends and a button', () => {
  const section = show(null)
  expect(section).toContain('action="/console/series/17#threshold"')
  expect(section).toContain('<input type="hidden" name="days" value="90">')
  expect(section).toContain('<label for="threshold">Percent</label>')
  expect(section).toMatch(/<input type="range" id="threshold" [^>]* min="0\.1" max="10" step="0\.1" value="2\.5"/)
  expect(section).toContain('<button class="plain">Try</button>')
  expect(section).toContain('href="/console/series/17?days=90&amp;rule=above#rule"')
  expect(section).not.toContain('would have told')
  expect(findMarkupFaults(section)).toEqual([])
})

test('the answer is a number, a picture and a list', () => {
  const news = [
    { at: at - 2000, title: 'Acme: stars rose by 3%' },
    { at: at - 500, title: 'Acme: <i>stars</i> rose by 4%' },
  ]
  const section = show(trial(news, { silent: 3, cut_at: at - 9000 }))
  expect(section).toContain(
    'The rule (a rise by 2.5% or more) would have told <b>2 news items</b>, 1 of them in the time',
  )
  expect(section).toContain('3 more would be silent')
  expect(section).toContain('are too many to try it on')
  expect(section).toContain('Acme: stars, by this rule')
  expect(section.indexOf('rose by 4%')).toBeLessThan(section.indexOf('rose by 3%'))
  expect(section).toContain('&lt;i&gt;')
  expect(findMarkupFaults(section)).toEqual([])
  expect(show(trial([]))).toContain('would have told nothing.')
})

test.each([
  ['too many' as const, 'many rules within a minute'],
  ['waiting' as const, 'rule=percent&amp;direction=up&amp;threshold=2.5#rule">Ask again'],
  [{ refusal: 'No <rule>.' }, 'No &lt;rule&gt;.'],
])('%j says what to do', (answer, said) => {
  expect(show(answer)).toContain(said)
})

test.each([
  [{ condition: 'absolute', direction: 'both', threshold: 1200 }, 'a rise or fall by 1,200 or more'],
  [{ condition: 'absolute', direction: 'down', threshold: 5 }, 'a fall by 5 or more'],
  [{ condition: 'above', direction: 'both', threshold: -1 }, 'a rise above −1'],
  [{ condition: 'below', direction: 'both', threshold: 0.5 }, 'a fall below 0.5'],
  [{ condition: 'unusual', direction: 'both', threshold: 40 }, 'a change of which detectors are at least 40% sure'],
] as const)('%j is %s', (tried, said) => {
  expect(describeTried(tried).replace('-', '−')).toBe(said)
})

test.each(['2.5', '-1e-7', '1000000000000000000', '0', '+3'])('an address may hold the threshold %s', (threshold) => {
  expect(z.object(trialQuery).parse({ rule: 'above', threshold }).threshold).toBe(Number(threshold))
})
test.each(['1e19', 'NaN', 'Infinity', '', 'x', '0x10', '9'.repeat(400)])('and not %s', (threshold) => {
  expect(z.object(trialQuery).safeParse({ threshold }).success).toBe(false)
})
