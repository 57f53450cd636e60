import { kinds, sizes } from './inject.ts'
import { budgets, findChanges, findThreshold, percent, type Scored } from './score.ts'

const widest = 42
const cell = (share: number) => (Number.isNaN(share) ? '-' : share.toFixed(1)).padStart(8)

export function printHeads(): void {
  console.log(`${''.padEnd(widest)}${budgets.map((one) => one.toFixed(2).padStart(8)).join('')}`)
}

/** A method's share of changes found, at equal numbers of false news items a company and month. */
export function printRow(name: string, scored: readonly Scored[], months: number): void {
  const shares = budgets.map((budget) => percent(findChanges(scored, findThreshold(scored, budget * months))))
  console.log(`${name.padEnd(widest)}${shares.map(cell).join('')}`)
}

export function printByKind(scored: readonly Scored[], months: number): void {
  console.log(`${''.padEnd(16)}${budgets.map((one) => `at ${one.toFixed(2)}`.padEnd(45)).join('')}`)
  console.log(
    `${''.padEnd(16)}${budgets.map(() => '  all ' + sizes.map((one) => `size ${one + 1}`.padStart(7)).join('') + '    ').join('')}`,
  )
  for (const kind of kinds) {
    if (findChanges(scored, 0, (one) => one.change?.kind === kind).of === 0) continue
    const parts = budgets.map((budget) => {
      const threshold = findThreshold(scored, budget * months)
      const share = (size: number | null) =>
        percent(
          findChanges(
            scored,
            threshold,
            ({ change }) => change?.kind === kind && (size ?? change.size) === change.size,
          ),
        )
      return [null, ...sizes]
        .map((size) =>
          share(size)
            .toFixed(0)
            .padStart(size === null ? 5 : 7),
        )
        .join('')
    })
    console.log(kind.padEnd(16) + parts.map((part) => part.padEnd(45)).join(''))
  }
}

/** What the product's own threshold does. */
export function printDefault(scored: readonly Scored[], months: number, threshold: number): void {
  let told = 0
  for (const { case: one, scores } of scored)
    for (const [i, score] of Array.from(scores).entries())
      if (score >= threshold && !(one.change && i >= one.change.at && i <= one.change.at + 2)) told++
  const found = percent(findChanges(scored, threshold)).toFixed(1)
  console.log(
    `\nDefault (told from ${threshold}): ${found} % found, ${(told / months).toFixed(2)} false a company and month.`,
  )
}
