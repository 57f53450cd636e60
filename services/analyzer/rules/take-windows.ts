import { dayMs } from '#runtime/text/time.ts'
import type { SeriesState } from '../values/series-state.ts'
import type { Window } from './compile-rules.ts'

type Numbers = Pick<SeriesState, 'recent' | 'at' | 'observedAt'>

/**
 * The numbers of two windows of one length: one ends with `number`, the other with the number before it. Null: the
 * series is not long enough yet. A text: why it never will be.
 */
export function takeWindows(
  window: Window,
  known: Numbers,
  number: number,
  observedAt: number,
): { before: number[]; now: number[] } | string | null {
  const { recent, at = [] } = known
  if ('runs' in window) {
    const length = window.runs ?? recent.length
    if (recent.length < length) return null
    return { before: recent.slice(-length), now: [...recent, number].slice(-length) }
  }
  const { days, most } = window
  const after = (time: number) => recent.slice(-at.length).filter((_, index) => at[index]! > time)
  if (at.length === 0 || at[0]! > known.observedAt - days * dayMs)
    return at.length < most
      ? null
      : `its window of ${days} days holds more than ${most} values: use fewer days, or a number of values`
  return { before: after(known.observedAt - days * dayMs), now: [...after(observedAt - days * dayMs), number] }
}

/**
 * The times of the newest numbers, as far back as windows over days reach, and one more. Undefined: no window is over
 * days.
 */
export function keepTimes(
  windows: readonly (Window | null)[],
  known: Numbers | null,
  observedAt: number,
): number[] | undefined {
  const overDays = windows.flatMap((window) => (window && 'days' in window ? [window] : []))
  if (overDays.length === 0) return undefined
  const start = observedAt - Math.max(...overDays.map(({ days }) => days)) * dayMs
  const times = [...(known?.at ?? []), observedAt]
  const first = Math.max(
    0,
    times.findLastIndex((time) => time <= start),
  )
  return times.slice(first).slice(-Math.max(...overDays.map(({ most }) => most)))
}
