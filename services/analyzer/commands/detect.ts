import type { Command } from 'commander'
import { printResult } from '#runtime/commands/commands.ts'
import { judgePoint } from '../signals/judge-point.ts'
import type { SignalState } from '../signals/state.ts'
import { convertFiles, describeRows } from './convert-files.ts'
import { readCsvSeries, writeCsvSeries, type CsvSeries } from './csv-series.ts'

export function build(command: Command): void {
  command
    .requiredOption('--input <path>', 'a CSV file with the columns timestamp and value, or a folder of such files')
    .requiredOption(
      '--output <path>',
      'the file or folder to write: the same rows with a column anomaly_score (0 to 1)',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', '\nEach row is judged by the rows of earlier times only. A row without a value gets 0.')
    .action(detect)
}

async function detect({ input, output, json = false }: { input: string; output: string; json?: boolean }) {
  let rows = 0
  const convert = (text: string, say: (progress: string) => void) => {
    const series = readCsvSeries(text)
    rows += series.lines.length
    const scores = scoreSeries(series, say)
    return writeCsvSeries(series, ['anomaly_score'], (row) => [scores[row]!])
  }
  const files = await convertFiles(input, output, convert, (text) => console.error(text))
  printResult({ files, rows, output }, `Judged ${describeRows(rows, files)}: ${output}`, json)
}

const progressRows = 100_000

/** Scores of the rows in the order of the file. */
export function scoreSeries(
  { times, values, order }: Pick<CsvSeries, 'times' | 'values' | 'order'>,
  say: (progress: string) => void = () => {},
): number[] {
  const scores = new Array<number>(times.length).fill(0)
  let state: SignalState | null = null
  for (const [done, row] of order.entries()) {
    if (done > 0 && done % progressRows === 0)
      say(`${done.toLocaleString('en')} of ${order.length.toLocaleString('en')} rows`)
    const value = values[row]!
    if (value === null) continue
    const judged = judgePoint(state, times[row]!, value, { isComparable: true })
    state = judged.state
    scores[row] = judged.verdict.score
  }
  return scores
}
