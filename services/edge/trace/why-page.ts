import { z } from 'zod'
import { drawLineChart } from '#runtime/chart/draw-line.ts'
import type { Series } from '#runtime/chart/read-series.ts'
import { formatChange, formatExact } from '#runtime/text/format.ts'
import { type Content, html, trusted } from '../design/html.ts'
import { type Page, showPage } from '../design/layout.ts'
import { facts, figure, foreign, severity } from '../design/parts.ts'
import { time } from '../design/time.ts'
import { bandOf, shade } from '../growth/shade.ts'
import type { RouteResponse } from '../http/response.ts'
import type { Past } from './read-past.ts'
import type { Why } from './read-why.ts'

type Row = [name: string, text: Content]

/** Where the page is, and who reads it. `more`: what only whoever has signed in sees. */
export type WhyFrame = Pick<Page, 'root' | 'viewer' | 'section'> & { zone: string; more?: Content }

/** The page that explains a news item, with the pictures of `drawPast`. */
export function whyPage(why: Why, pictures: string | null, { more, ...frame }: WhyFrame): RouteResponse {
  const { rule, item_key, now, before, trigger_factor: factor } = why
  const rows: Row[] = [
    ['Company', frame.viewer ? companyLink(why) : why.company.name],
    ['Source', why.source.name],
    ['Measurement', why.measurement.name],
    ['Item', item_key],
    ['Before', valueText(why, why.previous)],
    ['Now', valueText(why, why.current)],
    ['Change', factor === null ? null : formatChange(factor)],
    ['Rule', rule ? `${rule.id}, version ${rule.version}` : 'None: changes of this kind are always reported'],
    ['Threshold', thresholdOf(why)],
    ['News item', why.news_id],
  ]
  const main = html`<p>${severity(why.severity)}</p>
<p dir="auto">${why.message}</p>
${pictures !== null && trusted(pictures)}
${facts(rows)}
${now && [html`<h2>The value now</h2>`, facts(originRows(why, now, frame.zone))]}
${before && [html`<h2>The value before</h2>`, facts(originRows(why, before, frame.zone))]}
${more}`
  return showPage({ ...frame, title: why.title, main })
}

function companyLink({ company: { id, name } }: Why): Content {
  return name !== null && html`<a href="/console/companies/${id}">${foreign(name)}</a>`
}

/** The name of the news item's series, above its picture. */
export function seriesTitle({ company, measurement, item_key }: Why): string {
  const item = item_key === null ? '' : `/${item_key}`
  return `${company.name ?? `company ${company.id}`}${item}: ${measurement.name ?? 'values'}`
}

/**
 * The news item's series, with a mark at the news item, the forecast, and what disturbed the source up to `now`: for
 * phones, and for wider screens. The page shows one of the two.
 */
export function drawPast(why: Why, past: Past, now: number): string {
  const { values, newsAt, forecasts, disturbances } = past
  const series: Series = {
    title: seriesTitle(why),
    points: values,
    marks: [{ at: newsAt, text: why.title }],
    forecast: forecasts.flatMap(bandOf),
    shades: shade(
      disturbances,
      values.map(({ at }) => at),
      now,
    ),
  }
  const draw = (id: string, width: number) => drawLineChart(series, { id, width, theme: 'page' })
  return figure(draw('narrow', 300), draw('wide', 560)).toString()
}

const ruleOfNumbers = z.object({ when: z.object({ kind: z.string() }) })

/** In percent, except for a rule that asks for an absolute change. */
function thresholdOf({ facts: { threshold }, rule }: Why): string | null {
  if (threshold === undefined) return null
  return ruleOfNumbers.safeParse(rule?.definition).data?.when.kind === 'absolute' ? threshold : `${threshold}%`
}

/** A number has groups of digits; a text of digits, such as a postcode, has none. */
function valueText({ measurement: { type } }: Why, value: string | null): string | null {
  return value !== null && (type === 'int' || type === 'float') ? formatExact(value) : value
}

/** Which replay or correction brought the value; null: its payload did. */
function switchedBy(
  why: Why,
  { replay_id, corrected_by, correction_reason, first_value }: NonNullable<Why['now']>,
): string | null {
  const before = first_value == null ? '' : ` Before, it was ${valueText(why, first_value)}.`
  if (corrected_by != null) return `Corrected by ${corrected_by}: ${correction_reason ?? ''}.${before}`
  if (replay_id != null) return `By ${replay_id.replace('/', ' ')}.${before}`
  return before === '' ? null : `A replay found it no longer.${before}`
}

function originRows(why: Why, origin: NonNullable<Why['now']>, zone: string): Row[] {
  return [
    ['Value', valueText(why, origin.value)],
    ['Read again', switchedBy(why, origin)],
    ['Observed', time(origin.observed_at, zone)],
    ['Received', time(origin.received_at, zone)],
    ['Path', origin.path],
    ['Map version', origin.map_version === null ? null : String(origin.map_version)],
    ['Raw document', origin.document],
    ['Task', origin.task_id === null ? null : String(origin.task_id)],
  ]
}
