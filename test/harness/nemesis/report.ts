import type { Fault, KindName, Plan } from './plan.ts'
import type { Progress } from './progress.ts'

/** A fault that has ended. */
export type Struck = Fault & { endedMs: number }

type Outcome = {
  acked: number
  ackedShare: number
  refusals: Record<string, number>
  recoveredMs: number
  /** How many times a minute it had for that, by the load of the machine. */
  patience: number
  plan: Plan
}

/** Prints how often each kind came, and how long it took until payloads, news items and messages went on after its end. */
export function report(struck: readonly Struck[], progress: Progress, outcome: Outcome): void {
  const kinds = Map.groupBy(struck, ({ kind }) => kind)
  const seconds = (ms: number) => (ms / 1000).toFixed(1).padStart(6)
  const rows = [...kinds].sort().map(([kind, faults]: [KindName, Struck[]]) => {
    const times = faults.map(({ endedMs }) => progress.recoveryMs(endedMs)).filter((ms) => ms !== null)
    const [middle, most] = [times.sort((a, b) => a - b)[Math.floor(times.length / 2)], times.at(-1)]
    return `  ${kind.padEnd(22)} ${String(faults.length).padStart(4)} ${seconds(middle ?? NaN)} ${seconds(most ?? NaN)}`
  })
  const { acked, ackedShare, refusals, recoveredMs, patience, plan } = outcome
  console.log(
    [
      `  ${'kind of fault'.padEnd(22)} came  s until progress: median, most`,
      ...rows,
      `  ${acked} payloads acknowledged, ${(100 * ackedShare).toFixed(1)} % of them by the end of the faults; not 201: ${JSON.stringify(refusals)}`,
      `  a clock of its own: ${plan.clockOf}; ${(recoveredMs / 1000).toFixed(1)} s until everything was settled, or given up (${patience.toFixed(1)} times the time, by the machine's load)`,
    ].join('\n'),
  )
}
