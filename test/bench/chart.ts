import { drawLineChart } from '../../services/runtime/chart/draw-line.ts'
import { makePicture } from '../../services/runtime/chart/pictures.ts'
import { createLog } from '../../services/runtime/process/log.ts'
import { fullSeries } from '../harness/chart-series.ts'
import type { Measure, Result } from './measure.ts'
import { formatNumber, summarize } from './statistics.ts'

const points = 150
const rounds = 300

/** A picture of a series, with its forecast, news items and shaded times, as SVG and as PNG. */
export const chart: Measure = async () => {
  const log = createLog('bench', 'fatal')
  const series = fullSeries(points)
  const draw = () => drawLineChart(series, { width: 480, theme: 'light' })
  const page = () => drawLineChart(series, { width: 640, theme: 'page' })
  const svg = await time(() => Promise.resolve(page().length))
  const png = await time(async () => {
    const made = await makePicture(log, {}, draw)
    if (!made) throw new Error('a picture could not be made')
    return made.png.length
  })
  return [result('chart, SVG', svg, '640 pixels'), result('chart, PNG', png, '480 pixels, drawing included')]
}

type Timed = { times: number[]; bytes: number }

const result = (what: string, { times, bytes }: Timed, detail: string): Result => {
  const p95 = times.toSorted((a, b) => a - b)[Math.ceil(0.95 * times.length) - 1]!
  return {
    ...{ what, value: summarize(times).median, unit: 'ms', below: 10 },
    detail: `p95 ${formatNumber(p95)}, ${points} values, ${bytes} bytes, ${detail}`,
  }
}

async function time(work: () => Promise<number>): Promise<Timed> {
  let bytes = 0
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now()
    bytes = await work()
    times.push(performance.now() - startedAt)
  }
  return { times, bytes }
}
