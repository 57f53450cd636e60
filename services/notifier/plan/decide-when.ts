/** What waits at one destination about one company, times in ms since 1970. */
export type Bundle = {
  /** When it is told; null: nothing waits. */
  dueAt: number | null
  /** It waits for the end of quiet hours, not for more of the company. */
  isHeld: boolean
  /** When the last message was made; null: there was none. */
  lastMessageAt: number | null
}

/** When a person may be told what could be told at `at`: then, or at the end of their quiet hours. */
export type QuietUntil = (at: number) => number

/**
 * When news of a company could be told at a destination: the first at once, what follows within the window together at
 * its end, and what is critical never waits.
 */
export function endOfWindow(
  { lastMessageAt }: Bundle,
  { isCritical, now, windowMs }: { isCritical: boolean; now: number; windowMs: number },
): number {
  return isCritical || lastMessageAt === null ? now : Math.max(now, lastMessageAt + windowMs)
}

/**
 * When that which could be told at `at` is told, and with it all that waits there about the company: when the first of
 * the people there may hear it, and never later than what waits already.
 */
export function decideWhen(bundle: Bundle, at: number, quietUntil: readonly QuietUntil[]): Bundle {
  const dueAt = Math.min(...quietUntil.map((end) => end(at)))
  return bundle.dueAt !== null && bundle.dueAt <= dueAt ? bundle : { ...bundle, dueAt, isHeld: dueAt > at }
}
