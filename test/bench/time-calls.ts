import type { Result } from './measure.ts'
import { formatNumber } from './statistics.ts'

export const calls = 50

type Timed = { text: string; ms: number }

/** Calls one after the other, each with its number. Throws when one is not answered with 200. */
export async function timeCalls(
  origin: string,
  headers: Record<string, string>,
  pathOf: (call: number) => string,
): Promise<Timed[]> {
  const timed: Timed[] = []
  for (let call = 0; call < calls; call++) {
    const path = pathOf(call)
    const startedAt = performance.now()
    const response = await fetch(`${origin}${path}`, { headers, redirect: 'manual' })
    const text = await response.text()
    timed.push({ text, ms: performance.now() - startedAt })
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text.slice(0, 1000)}`)
  }
  return timed
}

export const p95 = (timed: readonly Timed[]): number =>
  timed.map(({ ms }) => ms).toSorted((a, b) => a - b)[Math.ceil(0.95 * timed.length) - 1]!

/** Their p95. `detail`: what there is to say of them besides. */
export function toResult(what: string, below: number, timed: readonly Timed[], detail?: string): Result {
  const sorted = timed.map(({ ms }) => ms).toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1]!
  const usual = `p95 of ${timed.length} calls, p50 ${formatNumber(at(0.5))}, first ${formatNumber(timed[0]!.ms)}`
  return { what, value: p95(timed), unit: 'ms', detail: detail === undefined ? usual : `${usual}, ${detail}`, below }
}
