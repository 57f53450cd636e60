import { drawLineChart } from '#runtime/chart/draw-line.ts'
import { formatChange, formatDate, formatNumber } from '#runtime/text/format.ts'
import type { NewsPage } from '../ask/news.ts'
import { disturbancesOf, type SeriesDetail } from '../ask/one-series.ts'
import { html, type Html } from '../design/html.ts'
import { type Cell, figure, foreign, severity } from '../design/parts.ts'
import { day } from '../design/time.ts'
import { shade } from '../growth/shade.ts'

/** Of a report: observed times, ms since 1970. */
export type Period = { from: number; to: number }

const zone = 'UTC'

/** What a report is about, and how far it reaches. */
export function introduce({ from, to }: Period, madeAt: number): Html {
  return html`<p class="muted">${formatDate(from)} to ${formatDate(to)}, as of ${formatDate(madeAt)}. Times are in UTC.</p>`
}

/** A number as people read it, and exactly for programs. */
function showNumber(value: number | null): Html | string {
  return value === null ? '–' : html`<data value="${String(value)}">${formatNumber(value)}</data>`
}

/** A change in percent, in the same two ways. */
function showChange(percent: number | null): Html | string {
  return percent === null ? '–' : html`<data value="${String(percent)}">${formatChange(percent)}</data>`
}

export const numberCell = (value: number | null): Cell => ({ text: showNumber(value) })
export const changeCell = (percent: number | null): Cell => ({ text: showChange(percent) })
export const dayCell = (at: string | null): Cell => ({ text: at === null ? '–' : day(at, zone) })

/** News items, each with its company where there are several. */
export function showNews(news: NewsPage['news']): Html {
  if (news.length === 0) return html`<p>Nothing was reported in this time.</p>`
  return html`${news.map(
    (one) =>
      html`<section class="news-item">
<h3 dir="auto">${one.severity !== 'info' && html`${severity(one.severity)} `}${one.title}</h3>
<p dir="auto">${one.message} <span class="muted">${foreign(one.source.name ?? 'deleted source')}, ${day(one.observed_at, zone)}</span></p>
</section>
`,
  )}`
}

type Number = { at: number; value: number }

/** The numbers of a series within a period, in order. */
export function numbersOf({ points }: SeriesDetail): Number[] {
  return points.flatMap(({ observed_at, value }) =>
    typeof value === 'number' ? [{ at: Date.parse(observed_at), value }] : [],
  )
}

/** From the first to the last number of a period; null: there are fewer than two. */
export function changeWithin(numbers: readonly Number[]): { change: number; percent: number | null } | null {
  const [first, last] = [numbers[0], numbers.at(-1)]
  if (first === undefined || last === undefined || first === last) return null
  const change = last.value - first.value
  return { change, percent: first.value === 0 ? null : (change / Math.abs(first.value)) * 100 }
}

/** Picture of a series in a period, for phones and for wider screens and paper; null: there are fewer than two numbers. */
export function drawPeriod(series: SeriesDetail, title: string, { from, to }: Period): Html | null {
  const points = numbersOf(series)
  if (points.length < 2) return null
  const times = points.map(({ at }) => at)
  const drawn = {
    title,
    points,
    marks: series.news
      .map((one) => ({ at: Date.parse(one.observed_at), text: one.title }))
      .filter(({ at }) => at >= from && at < to),
    shades: shade(disturbancesOf(series), times, to),
    from: times[0]!,
    to: times.at(-1)!,
  }
  const draw = (id: string, width: number) =>
    drawLineChart(drawn, { id: `${id}-${series.series_id}`, width, theme: 'page' })
  return figure(draw('narrow', 320), draw('wide', 700))
}
