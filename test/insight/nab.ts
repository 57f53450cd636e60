// `make insight-nab`: scores the given files of the Numenta Anomaly Benchmark by its standard profile, and made telemetry.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { scoreSeries } from '../../services/analyzer/commands/detect.ts'
import { readCsvSeries } from '../../services/analyzer/commands/csv-series.ts'
import { makeTelemetry, type TelemetrySeries } from './make-telemetry.ts'
import { scoreNab, type NabFile } from './nab-score.ts'
import { dataFolder } from './series.ts'

const folder = join(dataFolder, 'nab')
const floor = 56

const made = [7, 8, 9].map((seed) => scoreNab(makeTelemetry(seed).map(scoreMade)).score.toFixed(1))
console.log(`Made telemetry, three seeds that nothing was chosen by: ${made.join(', ')}\n`)

if (!existsSync(folder)) {
  console.log(`Skipped: ${folder} is not there.`)
  process.exit(0)
}
const windows = JSON.parse(readFileSync(join(folder, 'combined_windows.json'), 'utf8')) as Record<
  string,
  [string, string][]
>
const timeOf = (text: string) => Date.parse(`${text.replace(' ', 'T')}Z`)
const before = process.cpuUsage()
const files = globSync('**/*.csv', { cwd: folder })
  .sort()
  .map((name): NabFile => {
    const series = readCsvSeries(readFileSync(join(folder, name), 'utf8'))
    const { times } = series
    const spans = (windows[name] ?? []).map(([from, to]): [number, number] => [
      times.findIndex((time) => time >= timeOf(from)),
      times.findLastIndex((time) => time <= timeOf(to)),
    ])
    return { name, scores: scoreSeries(series), windows: spans }
  })
const points = files.reduce((sum, { scores }) => sum + scores.length, 0)
const { user, system } = process.cpuUsage(before)
const seconds = (user + system) / 1e6
const { score, threshold, byFile } = scoreNab(files)
console.log(`NAB, ${files.length} of 58 files, one threshold (${threshold.toPrecision(4)}) for all, standard profile\n`)
for (const { name, found, of, outside } of byFile)
  console.log(`${name.padEnd(56)} ${found} of ${of} windows found, ${outside} detections outside`)
console.log(
  `\nscore ${score.toFixed(1)} (floor ${floor}; random cut forest 55.7, HTM 64.9, ARTime 68.8 on these files)`,
)
console.log(`${points} points, ${Math.round(points / seconds)} points per second of one core's time`)
if (score < floor) process.exitCode = 1

function scoreMade({ name, times, values, windows }: TelemetrySeries): NabFile {
  return { name, windows, scores: scoreSeries({ times, values, order: times.map((_, i) => i) }) }
}
