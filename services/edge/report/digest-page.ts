import { drawLineChart } from '#runtime/chart/draw-line.ts'
import type { Viewer } from '../access/viewer.ts'
import { html, type Html } from '../design/html.ts'
import { messagePage, showPage } from '../design/layout.ts'
import { figure, severity } from '../design/parts.ts'
import type { RouteResponse } from '../http/response.ts'
import type { DigestLine, StoredDigest } from './read-digest.ts'

/** Pictures of a page: further lines are text. */
const mostCharts = 20

const root = '../'

/** The page of a digest. `viewer`: who has signed in; null: somebody with the link. */
export function digestPage({ message }: StoredDigest, viewer: Viewer | null): RouteResponse {
  const { subject, headline, context, lines, rest } = message
  const charted = new Set(lines.filter(({ chart }) => chart !== undefined).slice(0, mostCharts))
  const main = html`<p class="muted" dir="auto">${context}</p>
${headline !== undefined && headline !== subject && html`<p dir="auto">${headline}</p>`}
${lines.map((line, index) => showLine(line, index, charted.has(line)))}
${rest !== '' && html`<p>${rest}</p>`}`
  return showPage({ title: subject, main, viewer, root })
}

function showLine(line: DigestLine, index: number, hasChart: boolean): Html {
  const { heading, mark, isGood, title, details, story, link } = line
  const name = story?.name === null || story === undefined ? '' : `${story.name}: `
  return html`${heading !== undefined && html`<h2 dir="auto">${heading}</h2>`}
<section class="news-item">
<h3 dir="auto">${mark !== '' && isGood !== true && html`${severity(mark)} `}${name}${story?.sentence ?? title}</h3>
${(story?.more ?? details).map((text) => html`<p dir="auto">${text}</p>\n`)}
${hasChart && drawChart(line.chart, index)}
${link !== undefined && html`<p><a href="${link}">Why this was reported</a></p>`}
</section>
`
}

/** For phones, and for wider screens; the page shows one of the two. A chart that cannot be drawn is left out. */
function drawChart(chart: DigestLine['chart'], index: number): Html | null {
  const last = chart?.points.at(-1)
  if (chart === undefined || last === undefined) return null
  const series = {
    title: chart.title,
    points: chart.points.map(([at, value]) => ({ at, value })),
    marks: [{ at: last[0], text: chart.mark }],
  }
  const draw = (id: string, width: number) => drawLineChart(series, { id: `${id}-${index}`, width, theme: 'page' })
  try {
    return figure(draw('narrow', 300), draw('wide', 560))
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

const signIn = { text: 'Sign in', href: '/console/sign-in' }

export function expiredReportPage(): RouteResponse {
  const text =
    'Links in digests are valid for some weeks only. Sign in, and open this link again: digests that you got stay readable. ' +
    'Your next digest has a new link, too.'
  return messagePage(410, 'This link has expired', text, { root, next: signIn })
}

/** For whoever has signed in and opens the digest of somebody else without its link. */
export function foreignReportPage(viewer: Viewer | null): RouteResponse {
  if (viewer === null)
    return messagePage(
      403,
      'Sign in to read this report',
      'This address has no valid signature. Open the link exactly as it appears in your digest, or sign in and open it again.',
      { root, next: signIn },
    )
  return messagePage(403, 'This is the report of somebody else', 'Ask them for the link in their digest.', {
    root,
    viewer,
    next: { text: 'Your news', href: '/console' },
  })
}

export function noReportPage(viewer: Viewer | null): RouteResponse {
  return messagePage(404, 'No such report', 'There is no digest at this address.', { root, viewer })
}
