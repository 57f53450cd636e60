import type { Command } from 'commander'
import { printResult } from '#runtime/commands/commands.ts'
import { requireCount } from '#runtime/commands/read-typed.ts'
import { learnValue, readForecasts, startForecasts } from '../forecast/forecast.ts'
import { convertFiles, describeRows } from './convert-files.ts'
import { type CsvSeries, readCsvSeries, writeCsvSeries } from './csv-series.ts'

/** A year of weeks. */
const furthest = 52

export function build(command: Command): void {
  command
    .requiredOption('--input <path>', 'a CSV file with the columns timestamp and value, or a folder of such files')
    .requiredOption(
      '--output <path>',
      'the file or folder to write: the same rows with a value and a band for each step',
    )
    .option('--horizon <rows>', `how many rows ahead to look beside the next one, 1 to ${furthest}`, '4')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
With --horizon 4, row i gets forecast_1, low_1 and high_1 for that row, and forecast_4, low_4 and high_4 for row i + 3.
Both are made from the rows of earlier times only. 8 of 10 values lie from low to high. What is not known yet is empty.`,
    )
    .action(forecast)
}

type Options = { input: string; output: string; horizon: string; json?: boolean }

async function forecast({ input, output, horizon, json = false }: Options) {
  const horizons = readHorizons(horizon)
  const names = horizons.flatMap((steps) => [`forecast_${steps}`, `low_${steps}`, `high_${steps}`])
  let rows = 0
  const convert = (text: string, say: (progress: string) => void) => {
    const series = readCsvSeries(text)
    rows += series.lines.length
    const fields = forecastRows(series, horizons, say)
    return writeCsvSeries(series, names, (row) => fields[row]!)
  }
  const files = await convertFiles(input, output, convert, (text) => console.error(text))
  printResult({ files, rows, output }, `Forecast ${describeRows(rows, files)}: ${output}`, json)
}

function readHorizons(text: string): number[] {
  const steps = requireCount(text, '--horizon', { most: furthest })
  return steps === 1 ? [1] : [1, steps]
}

const progressRows = 20_000

/**
 * For each row in the order of the file: value, low and high of each horizon, from the rows of earlier times. Empty where
 * they are not known yet. Rows without a value, and further rows of one time, teach nothing.
 */
export function forecastRows(
  { times, values, order }: Pick<CsvSeries, 'times' | 'values' | 'order'>,
  horizons: readonly number[],
  say: (progress: string) => void = () => {},
): (number | '')[][] {
  const rows = new Array<(number | '')[]>(times.length)
  let state = startForecasts(horizons)
  let newest = -Infinity
  // What is known before and after the newest time.
  let before: (number | '')[] = horizons.flatMap(() => ['', '', ''] as const)
  let after = before
  for (const [done, row] of order.entries()) {
    if (done > 0 && done % progressRows === 0)
      say(`${done.toLocaleString('en')} of ${order.length.toLocaleString('en')} rows`)
    const [time, value] = [times[row]!, values[row]!]
    rows[row] = time > newest ? after : before
    if (value === null || time <= newest) continue
    state = learnValue(state, time, value)
    newest = time
    before = after
    after = readForecasts(state).flatMap(({ value, low, high }) => [value, low ?? '', high ?? ''])
  }
  return rows
}
