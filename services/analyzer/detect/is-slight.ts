import type { SignalState } from '../signals/state.ts'

/** Smaller moves are nothing to hear of: of a count, and of telemetry as a part of its value. */
const leastOfCount = 3
const leastOfTelemetry = 0.05
const moves = new Set(['spike', 'drop', 'level shift', 'fall'])
/** Growth that lasts or ends matters at any size; of a single move the size counts. */
const shareOfGrowth = 0.01

/**
 * How much a change is worth telling: the odds that it is one, and a little of its size. Odds tell changes from what
 * always happens far better than sizes do. `kind`, `score`: of the verdict. `share`: of the value.
 */
export function worthOf({ kind, score }: { kind: string; score: number }, share: number): number {
  const size = moves.has(kind) ? share : Math.max(shareOfGrowth, share)
  return oddsOf({ score }) * (size + 0.0005) ** 0.3
}

export function oddsOf({ score }: { score: number }): number {
  return score / (1 - score)
}

/** What is worth less is no news. */
export const leastWorth = 0.095

/**
 * Whether a point that is unusual for its series is too small to be news. `said`: the verdict. `signal`: the state after
 * it, with its value. `isCount`: its values are whole numbers.
 */
export function isSlight(
  said: { kind: string; score: number },
  { values, telemetry }: SignalState,
  isCount: boolean,
): boolean {
  const [last, now] = [values.at(-2), values.at(-1)]
  // Scatter that changes is looked at by its size in weekly series only.
  const isMove = moves.has(said.kind) || (said.kind === 'variance' && telemetry === null)
  if (last === undefined || now === undefined || !isMove) return false
  const moved = Math.abs(now - last)
  if (moved === 0 || (isCount && moved < leastOfCount)) return true
  if (telemetry && moved < leastOfTelemetry * Math.abs(last)) return true
  return worthOf(said, moved / Math.max(Math.abs(last), Math.abs(now))) < leastWorth
}
