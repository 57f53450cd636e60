/** What waits at one destination about one company. Times are ms since 1970. */
export type Bundle = {
  /** When it becomes a message; null: nothing waits. */
  dueAt: number | null
  /** It waits for the end of quiet hours, not for the bundle window. */
  isHeld: boolean
  /** When the last message was made; null: there was none. */
  lastMessageAt: number | null
}

/** When a person may get what may be sent at `at`: then, or at the end of their quiet hours. */
export type QuietUntil = (at: number) => number

/**
 * When a news item of a company may be sent to a destination: the first at once, others when the bundle window ends,
 * critical ones always at once.
 */
export function endOfWindow(
  { lastMessageAt }: Bundle,
  { isCritical, now, windowMs }: { isCritical: boolean; now: number; windowMs: number },
): number {
  return isCritical || lastMessageAt === null ? now : Math.max(now, lastMessageAt + windowMs)
}

/**
 * The bundle after an item that may be sent at `at` was added: it is due when the first recipient may get the item, and
 * never later than it was due before.
 */
export function decideWhen(bundle: Bundle, at: number, quietUntil: readonly QuietUntil[]): Bundle {
  const dueAt = Math.min(...quietUntil.map((end) => end(at)))
  return bundle.dueAt !== null && bundle.dueAt <= dueAt ? bundle : { ...bundle, dueAt, isHeld: dueAt > at }
}
