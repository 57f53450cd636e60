import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findMarkupFaults, readMarkup } from '../../../test/harness/markup.ts'
import { createLog } from '#runtime/process/log.ts'
import { openDraw } from './pictures.ts'
import { type SeriesView, toChart } from './read-series-page.ts'
import { seriesMain } from './series-page.ts'

const now = Date.UTC(2026, 10, 29)
const dayMs = 86_400_000
const iso = (daysAgo: number) => new Date(now - daysAgo * dayMs).toISOString()
type Detail = SeriesView['series']
const point = (value: Detail['points'][number]['value'], daysAgo: number): Detail['points'][number] => ({
  ...{
    observed_at: iso(daysAgo),
    value,
    exact: null,
    event_id: 'e1',
    document: 'parma/mining/datasource/github/raw_data/e1',
    seq: 2,
    changed: null,
  },
})
const series: Detail = {
  ...{ series_id: '17', company: { id: 3, name: 'Acme' }, source: { id: 1, name: 'github' } },
  ...{ subject: null, item: null, value: '30', observed_at: iso(1), next: null, news: [] },
  measurement: { id: 5, name: 'stars', type: 'int' },
  detector: { state: 'insufficient history (12 of 20)', points: 12, kind: null, score: null, reason: null },
  points: [point(10, 21), point(20, 14), point(30, 1)],
  forecast: [
    {
      ...{ steps: 1, for_time: iso(-6), made_at: iso(1), value: 40, low: 35, high: 45, mean_error: 1, model: 'm' },
    },
  ],
  disturbances: [{ kind: 'suspect', from: iso(14), to: iso(14) }],
  growth: [
    { days: 7, previous: null, previous_at: null, change: null, percent: null, gap: 'no earlier value' },
    { days: 30, previous: 10, previous_at: iso(31), change: 20, percent: 200, gap: null },
  ],
}
const shown = { from: now - 365 * dayMs, to: now, isNewest: true }
const show = (changed: Partial<Detail> = {}, mayChange = false, view: Partial<SeriesView> = {}) => {
  const detail = { ...series, ...changed }
  const chart = toChart(detail, [], shown, now)
  return seriesMain({
    view: { series: detail, shown, news: [], chart, isCut: false, polarity: 'bad', mutes: null, ...view },
    ...{ days: '365', zone: 'UTC', draw: openDraw(createLog('edge', 'silent'), 'a page', 'UTC') },
    ...{ mayChange, trial: null },
  }).toString()
}

test('the newest value, how it is judged, and the picture with forecast and shades', () => {
  const page = show()
  expect(page).toContain('<p class="lead">30</p>')
  expect(page).toContain('12 of 20 values: judged from 20 on.')
  const [description] = readMarkup(page).filter(({ name }) => name === 'desc')
  expect(description?.text).toMatch(/3 values .* Forecast for 5 December 2026: 40; 8 of 10 .* 35 and 45\./)
  expect(description?.text).toContain('Data was suspect from 15 November 2026 to 28 November 2026.')
})

test('values lead to their raw documents', () => {
  expect(show()).toContain('<a href="/api/v1/events/e1"><code>parma/mining/datasource/github/raw_data/e1</code></a>')
  expect(show({ points: [{ ...point(1e21, 1), exact: '1000000000000000000001' }] })).toContain('1000000000000000000001')
})

test('a change without a percentage says why', () => {
  expect(show()).toContain('title="No value is old enough to compare with."')
  expect(show()).toContain('+200%')
})

test('what more means is shown, and operators change it', () => {
  expect(show()).toContain('More is bad.')
  expect(show()).not.toContain('<form')
  const page = show({}, true)
  expect(page).toContain('method="post" action="/console/series/17/polarity"')
  expect(page).toMatch(/<option value="bad" selected>/)
})

test('a person can mute it, and end that; a key has no buttons', () => {
  const withMutes = (...mutes: NonNullable<SeriesView['mutes']>) => show({}, false, { mutes })
  expect(show()).not.toContain('/mute"')
  expect(withMutes()).toContain('action="/console/series/17/mute"')
  const of = (until: number | null, untilWorse = false) => withMutes({ id: 4, until, untilWorse })
  expect(of(null)).toContain('Muted permanently.')
  expect(of(null, true)).toContain('Muted until it gets worse.')
  expect(of(now)).toMatch(/Muted until <time[^>]*>29 Nov 2026/)
  expect(of(now)).toMatch(/action="\/console\/series\/17\/unmute"><input type="hidden" name="mute" value="4">/)
})

test('the time shown is a choice of addresses', () => {
  const page = show({}, false, { shown: { ...shown, isNewest: false } })
  expect(page).toContain(`days=90&amp;until=${encodeURIComponent(iso(0))}`)
  expect(page).toContain('← Earlier')
  expect(page).toContain('Later →')
  expect(show()).not.toContain('Later →')
})

test.each([
  ['no value', { points: [] }, 'No values in this time'],
  ['one value', { points: [point(7, 1)] }, 'One value: 7'],
  ['texts', { measurement: { id: 5, name: 'licence', type: 'text' }, points: [point('MIT', 1)] }, 'have no size'],
  ['members', { measurement: { id: 5, name: 'tags', type: 'nested' }, points: [point(['a', 'b'], 1)] }, 'a, b'],
  [
    'dates',
    { measurement: { id: 5, name: 'founded', type: 'date' }, points: [point(iso(400), 1)] },
    'One value: 25 October 2025',
  ],
  [
    'a date that no picture shows',
    { measurement: { id: 5, name: 'd', type: 'date' }, points: [point('0001-01-01T00:00:00.000Z', 1)] },
    '0001-01-01',
  ],
])('%s', (_, changed, said) => {
  const page = show({ forecast: [], ...changed })
  expect(page).toContain(said)
  expect(findMarkupFaults(page)).toEqual([])
})

const odd = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('<script>x</script>', '"><img src=x onerror=y>', '</svg></table>', '\u202eabc', 'x'.repeat(10_000)),
)
const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(1e15, 1e-9, -1, 0))

test('whatever names, texts and numbers say, the markup stays ours', () => {
  fc.assert(
    fc.property(
      odd,
      odd,
      fc.array(fc.oneof(number, odd), { maxLength: 9 }),
      fc.boolean(),
      (name, text, values, isText) => {
        const given = values.filter((value) => (typeof value === 'string') === isText)
        const page = show(
          {
            ...{ company: { id: 3, name }, subject: text, item: name, value: text },
            measurement: { id: 5, name, type: isText ? 'text' : 'float' },
            points: given.map((value, at) => ({
              ...point(value, given.length - at),
              document: text,
              exact: isText ? null : text,
            })),
            detector: { ...series.detector, reason: text, state: name },
          },
          true,
        )
        expect(findMarkupFaults(page)).toEqual([])
      },
    ),
    { numRuns: 60 },
  )
})
