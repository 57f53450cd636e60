// `node test/bench/list-news.ts [count]`: the first news items of the github history in order of time, as a reader gets
// them, with importance and its parts.
import { isoDay } from '#runtime/text/format.ts'
import { readHistory } from '../harness/github.ts'
import { judgeHistory } from '../harness/judge-history.ts'

const count = Number(process.argv[2] ?? 100)
const history = readHistory(Infinity, Infinity)
const told = history === null ? [] : judgeHistory(history).filter(({ silent }) => !silent)
if (history === null) console.error('The github history is not here.')
for (const [index, { observed_at, severity, importance, importance_parts, title, message }] of told
  .slice(0, count)
  .entries()) {
  const parts = Object.entries(importance_parts!).map(([name, part]) => `${name} ${part.toFixed(2)}`)
  const day = isoDay(observed_at)
  console.log(`${index + 1}. ${day} ${severity} ${importance!.toFixed(2)} (${parts.join(', ')})`)
  console.log(`   ${title}\n   ${message}`)
}
