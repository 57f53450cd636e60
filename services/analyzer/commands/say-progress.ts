import { formatCount } from '#runtime/text/format.ts'
import type { CompanyHistory } from '../backtest/histories.ts'
import type { Progress } from '../backtest/run-backtest.ts'

const everyMs = 2000

/** Says on stderr how far the judging of these companies is, every two seconds. */
export function sayProgress(companies: readonly CompanyHistory[]): (done: Progress, news: number) => void {
  const all = companies.reduce((sum, { values }) => sum + values, 0)
  let saidAt = performance.now()
  return ({ companies: begun, values }, news) => {
    if (performance.now() < saidAt + everyMs) return
    saidAt = performance.now()
    const share = `${values.toLocaleString('en')} values (${all.toLocaleString('en')} in the period)`
    console.error(`company ${begun} of ${companies.length}, ${share}, ${formatCount(news, 'news item')}`)
  }
}
