import { measureDigests } from './age-digests.ts'
import { measureIngestion } from './age-ingestion.ts'
import { measureBackup, measurePruning, measureRestart } from './age-operations.ts'
import { measurePages } from './age-pages.ts'
import { openAged } from './aged.ts'
import type { Measure, Result } from './measure.ts'
import { formatNumber } from './statistics.ts'

const weeks = { young: 4, old: 156 }

/**
 * An installation of three years beside one of four weeks, on the same servers: how many times as long as in the young one
 * takes what people wait for, and what operators run. Both are a twentieth of 300 companies: what people look at has its true length.
 */
export const age: Measure = async (bench) => {
  await using scope = new AsyncDisposableStack()
  const [young, old] = await Promise.all([openAged(bench, scope, weeks.young), openAged(bench, scope, weeks.old)])
  const both = { young, old }
  const steps = [
    { what: 'pages', measure: () => measurePages(bench, both) },
    { what: 'digests', measure: () => measureDigests(both) },
    { what: 'starts', measure: () => measureRestart(both) },
    { what: 'backup', measure: () => measureBackup(both) },
    // They change what is stored.
    { what: 'payloads', measure: () => measureIngestion(both) },
    { what: 'retention', measure: () => measurePruning(both) },
  ]
  const results: Result[] = []
  for (const { what, measure } of steps) {
    bench.say(`age: ${what}`)
    const found = await measure()
    for (const { what, value, detail } of found) bench.say(`${what}: ${formatNumber(value)} × (${detail})`)
    results.push(...found)
  }
  return results
}
