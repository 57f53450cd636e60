import { drawLineChart } from '../../services/runtime/chart/draw-line.ts'
import { makePicture } from '../../services/runtime/chart/pictures.ts'
import { createLog } from '../../services/runtime/process/log.ts'
import { fullSeries } from '../harness/chart-series.ts'
import type { Measure, Result } from './measure.ts'
import { summarize } from './statistics.ts'

const points = 150
const rounds = 300

/** A picture of a series, with its forecast, news items and shaded times, as SVG and as PNG. */
export const chart: Measure = async () => {
  const log = createLog('bench', 'fatal')
  const series = fullSeries(points)
  const draw = () => drawLineChart(series, { width: 480, theme: 'light' })
  const page = () => drawLineChart(series, { width: 640, theme: 'page' })
  const svg = await median(() => Promise.resolve(page().length))
  const png = await median(async () => {
    const made = await makePicture(log, {}, draw)
    if (!made) throw new Error('a picture could not be made')
    return made.png.length
  })
  return [
    result('chart, SVG', svg.ms, `${points} values, 640 pixels, ${svg.bytes} bytes`),
    result(
      'chart, PNG',
      png.ms,
      `${points} values, 480 pixels at double density, ${png.bytes} bytes, drawing included`,
    ),
  ]
}

const result = (what: string, value: number, detail: string): Result => ({ what, value, unit: 'ms', detail, below: 10 })

async function median(work: () => Promise<number>): Promise<{ ms: number; bytes: number }> {
  let bytes = 0
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now()
    bytes = await work()
    times.push(performance.now() - startedAt)
  }
  return { ms: summarize(times).median, bytes }
}
