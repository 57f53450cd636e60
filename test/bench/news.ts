import { historyFile, readHistory } from '../harness/github.ts'
import { judgeHistory, type JudgedNews } from '../harness/judge-history.ts'
import type { Measure } from './measure.ts'

/**
 * Prints how many news items of each kind, and of each company in each month, the real history of the github module
 * gives with the default settings: how much a person would have to read. It needs no server.
 */
export const news: Measure = ({ say }) => {
  const history = readHistory(Infinity, Infinity)
  if (history === null) {
    say(`news: ${historyFile} or its map is not here, so there is nothing to count`)
    return Promise.resolve([])
  }
  const told = judgeHistory(history).filter(({ silent }) => !silent)
  printTable('news by kind and company', told, kindOf, ({ company_id }) => String(company_id))
  printTable('news by company and month', told, ({ company_id }) => `company ${company_id}`, monthOf)
  const warnings = told.filter(({ severity }) => severity === 'warning')
  const ofTotals = warnings.filter(({ measurement }) => /^total /.test(measurement))
  const named = told.filter(({ title, facts }) => title.includes(facts['item_label'] ?? facts['company_name']!))
  const companies = new Set(history.payloads.map(({ company }) => company)).size
  const weeks = new Set(history.payloads.map(({ observedAt }) => observedAt)).size
  const messages = new Set(told.map(({ event_no }) => event_no)).size
  return Promise.resolve([
    {
      what: 'news of a company and week',
      value: told.length / companies / weeks,
      unit: 'news',
      detail: `${told.length} news in ${messages} of ${history.payloads.length} payloads, ${companies} companies, ${weeks} weeks`,
      below: null,
    },
    {
      what: 'warnings that are about totals',
      value: (100 * ofTotals.length) / Math.max(1, warnings.length),
      unit: '%',
      detail: `${ofTotals.length} of ${warnings.length} warnings; ${told.length - warnings.length} news are info`,
      below: 33.4,
    },
    {
      what: 'titles that name neither company nor item',
      value: (100 * (told.length - named.length)) / told.length,
      unit: '%',
      detail: `${told.length - named.length} of ${told.length}`,
      below: 1,
    },
  ])
}

const kindOf = ({ kind, measurement, path }: JudgedNews) => `${kind} ${path.endsWith('[]') ? path : measurement}`
const monthOf = ({ observed_at }: JudgedNews) => new Date(observed_at).toISOString().slice(2, 7)

/** One line a `row`, one column a `column`, with the number of news items in each. */
function printTable(
  title: string,
  told: readonly JudgedNews[],
  row: (one: JudgedNews) => string,
  column: (one: JudgedNews) => string,
): void {
  const columns = [...new Set(told.map(column))].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  const width = Math.max(...columns.map((name) => name.length)) + 1
  const rows = [...Map.groupBy(told, row)].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
  console.log(`${title.padEnd(40)}${columns.map((name) => name.padStart(width)).join('')}  all`)
  for (const [name, of] of rows) {
    const counts = columns.map((one) => of.filter((found) => column(found) === one).length)
    console.log(
      `${name.padEnd(40)}${counts.map((n) => (n === 0 ? '' : String(n)).padStart(width)).join('')}  ${of.length}`,
    )
  }
  console.log()
}
