import type { Result } from './measure.ts'
import { formatNumber } from './statistics.ts'

export function printReport(conditions: Record<string, string>, results: readonly Result[]): void {
  for (const [name, text] of Object.entries(conditions)) console.log(`${name.padEnd(8)}${text}`)
  console.log()
  for (const { what, value, unit, detail, below, above } of results) {
    const target =
      below !== null
        ? `< ${below} ${unit}: ${value < below ? 'met' : 'MISSED'}`
        : above !== undefined
          ? `> ${above} ${unit}: ${value > above ? 'met' : 'MISSED'}`
          : ''
    console.log(`${what.padEnd(30)}${`${formatNumber(value)} ${unit}`.padStart(18)}  ${target.padEnd(20)}  ${detail}`)
  }
}
