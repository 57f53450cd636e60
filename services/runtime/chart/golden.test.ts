import { expect, it } from 'vitest'
import { fullSeries, sampleBars, sampleMultiples, weeklyPoints } from '../../../test/harness/chart-series.ts'
import { findFaults } from '../../../test/harness/picture.ts'
import { drawBars } from './draw-bars.ts'
import { drawLineChart } from './draw-line.ts'
import { drawMultiples, drawSparkline } from './draw-small.ts'
import type { Look } from './svg.ts'

// `vitest run --project unit -u services/runtime/chart` writes these files anew. Look at each before committing it.
const pictures: Record<string, (look: Look) => string> = {
  line: (look) => drawLineChart(fullSeries(), look),
  'line-percent': (look) =>
    drawLineChart(
      {
        title: 'Share of <main> & co',
        unit: 'percent',
        points: [
          { at: 0, value: 12 },
          { at: 9e10, value: 15.5 },
        ],
      },
      look,
    ),
  'line-empty': (look) => drawLineChart({ title: 'Nothing yet', points: [] }, look),
  sparkline: (look) => drawSparkline({ title: 'Stars', points: weeklyPoints(30) }, look),
  bars: (look) => drawBars(sampleBars, look),
  multiples: (look) => drawMultiples(sampleMultiples, look),
}
const looks: Record<string, Look> = {
  'phone-page': { width: 390, theme: 'page', id: 'chart' },
  file: {},
  'wide-dark': { width: 1280, theme: 'dark', zone: 'Europe/Berlin' },
}

it.each(Object.keys(pictures).flatMap((name) => Object.keys(looks).map((look) => [name, look] as const)))(
  '%s, %s, is the same as before',
  async (name, look) => {
    const draw = pictures[name] as (look: Look) => string
    const picture = draw(looks[look] as Look)
    expect(findFaults(picture)).toEqual([])
    expect(draw(looks[look] as Look)).toBe(picture)
    await expect(`${picture.replaceAll('><', '>\n<')}\n`).toMatchFileSnapshot(`golden/${name}-${look}.svg`)
  },
)
