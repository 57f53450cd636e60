import { type Bars, drawBars } from '#runtime/chart/draw-bars.ts'
import { drawLineChart } from '#runtime/chart/draw-line.ts'
import { drawMultiples, type Multiples } from '#runtime/chart/draw-small.ts'
import { tryDraw } from '#runtime/chart/pictures.ts'
import type { Series } from '#runtime/chart/read-series.ts'
import type { Look } from '#runtime/chart/svg.ts'
import type { Log } from '#runtime/process/log.ts'
import { html, type Html } from '../design/html.ts'
import { figure } from '../design/parts.ts'

/** What draws the pictures of a page. They never cost the page. */
export type Draw = {
  /** `id`: where a page has several, another one for each. */
  line(series: Series, id?: string): Html
  multiples(multiples: Multiples): Html
  bars(bars: Bars): Html
}

/** Widths of the two pictures of a page, of which it shows one: for phones, and for wider screens. */
const widths = { narrow: 340, wide: 800 }

/** `zone`: that of the page. */
export function openDraw(log: Log, page: string, zone: string): Draw {
  const drawn = (draw: (look: Look) => string, name = '', instead = 'The numbers are below.'): Html => {
    const [narrow, wide] = (['narrow', 'wide'] as const).map((width) =>
      tryDraw(log, { page }, () => draw({ id: name + width, width: widths[width], theme: 'page', zone })),
    )
    if (!narrow || !wide) return html`<p class="muted">The picture cannot be drawn. ${instead}</p>`
    return figure(narrow, wide)
  }
  return {
    line: (series, id) => drawn((look) => drawLineChart(series, look), id),
    multiples: (multiples) => drawn((look) => drawMultiples(multiples, look)),
    bars: (bars) => drawn((look) => drawBars(bars, look), 'items', ''),
  }
}
