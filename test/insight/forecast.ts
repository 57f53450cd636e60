// `make insight-forecast`: prints how far forecasts of real and made series are off, beside plain methods.
import { forecastRows } from '../../services/analyzer/commands/forecast.ts'
import { type ForecastScore, scoreForecasts } from './forecast-score.ts'
import { isTotal } from './learn.ts'
import { makeSeries } from './make-series.ts'
import { type Follow, type Outlook, plainForecasts } from './plain-forecasts.ts'
import { readGithubSeries, type Series } from './series.ts'

const horizons = [1, 4]
const madeSeed = 8
/** Of the best plain method's error. */
const floor = 0.85

const github = readGithubSeries()
console.log(
  'Errors, as a share of those of the best of last value, drift and Theta; how many values lie in bands of 80 %;',
)
console.log('interval scores, as a share of the best of theirs.\n')
console.log(
  `${''.padEnd(44)}${horizons.map((steps) => (steps === 1 ? '1 step' : `${steps} steps`).padEnd(27)).join('')}`,
)
console.log(`${''.padEnd(36)}${horizons.map(() => '    error   held  interval').join(' ')}`)
if (github) {
  report('given companies', github, floor)
  const ofItems = github.filter((one) => !isTotal(one.name))
  for (const [field, list] of Map.groupBy(ofItems, ({ name }) => name.split('/').at(-1)!)) report(`  ${field}`, list)
  report(
    '  totals',
    github.filter((one) => isTotal(one.name)),
  )
} else console.log('Skipped: the given companies (../shared/data/github-history.ndjson.gz is not there).\n')
const made = Map.groupBy(makeSeries(madeSeed), nameFamily)
for (const [family, list] of made) report(`made: ${family}`, list)

function nameFamily({ family, name }: Series): string {
  return family === 'package' ? name.split('/')[1]! : family
}

function report(name: string, list: readonly Series[], most = Infinity): void {
  const methods = { 'this engine': followLive(list), ...plainForecasts }
  const rows = Object.entries(methods).map(([method, follow]) => ({
    method,
    scores: horizons.map((steps) => scoreForecasts(list, follow, steps)),
  }))
  const plain = rows.slice(1, 4)
  const least = (key: 'error' | 'interval') =>
    horizons.map((_, i) => Math.min(...plain.map(({ scores }) => scores[i]![key])))
  const [error, interval] = [least('error'), least('interval')]
  const shareOf = (score: ForecastScore, i: number) => ({
    ...score,
    error: score.error / error[i]!,
    interval: score.interval / interval[i]!,
  })
  console.log(`${name}, ${rows[0]!.scores[0]!.series} series`)
  for (const { method, scores } of rows)
    console.log(`    ${method.padEnd(34)}${scores.map((one, i) => print(shareOf(one, i))).join('  ')}`)
  if (rows[0]!.scores.some((one, i) => one.error > most * error[i]!)) process.exitCode = 1
}

function print({ error, held, interval }: ForecastScore): string {
  return `${error.toFixed(3).padStart(7)}${`${(100 * held).toFixed(0)} %`.padStart(7)}${interval.toFixed(2).padStart(10)} `
}

/** As `parma forecast` does. Each series is followed once. */
function followLive(list: readonly Series[]): Follow {
  const known = new Map(
    list.map(({ times, values }) => [values, forecastRows({ times, values, order: times.map((_, i) => i) }, horizons)]),
  )
  return (_, values, steps) => {
    const place = 3 * horizons.indexOf(steps)
    const rows = known.get(values as number[])!
    return values.map((_, at): Outlook | null => {
      const [value, low, high] = rows[at - steps + 1]?.slice(place, place + 3) ?? []
      return typeof value === 'number' && typeof low === 'number' && typeof high === 'number'
        ? { value, low, high }
        : null
    })
  }
}
