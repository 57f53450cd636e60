// `make insight-suspect`: prints which runs of a broken source are held, mixed with runs in which many companies really moved.
import { measureRuns, type RunResult } from './suspect-runs.ts'

/** Fixed before the first measure. */
const seeds = [1, 2, 3, 4, 5]

console.log('Runs of made sources, 20 of them broken and 20 in which many companies really moved, in random order.')
console.log(`Seeds: ${seeds.join(', ')}. A run of fewer than 5 companies can only be marked.\n`)
for (const shape of ['numbers', 'lists'] as const)
  for (const count of [3, 10, 40]) {
    const all = seeds.flatMap((seed) => measureRuns(count, shape, seed))
    console.log(`${count} companies, payloads of ${shape}:`)
    for (const [fault, runs] of Map.groupBy(all, (run) => run.fault)) printRow(fault ?? 'really moved', runs)
    console.log()
  }

function printRow(name: string, runs: readonly RunResult[]): void {
  const sum = (of: (run: RunResult) => number) => runs.reduce((all, run) => all + of(run), 0)
  const cells = [
    name.padEnd(22),
    `${sum(({ isSuspect }) => Number(isSuspect))} of ${runs.length} runs held`.padEnd(22),
    `companies affected ${Math.min(...runs.map(({ affected }) => affected))} to ${Math.max(...runs.map(({ affected }) => affected))}`.padEnd(
      30,
    ),
    `news items sent ${sum(({ messages }) => messages)}, of these wrong ${sum(({ wrong }) => wrong)}, held ${sum(({ held }) => held)}`,
  ]
  console.log(`  ${cells.join('')}`)
}
