const stepMs = 5 * 60_000
const growth = 1.5
/** Longer than this without traffic, and it begins anew. */
const idleMs = 30 * 60_000

/**
 * Paces writes as Firestore wants them: `perSecond` at first, half as many more every five minutes. It spreads a collection
 * over more servers as its traffic grows, and refuses what comes faster:
 * https://firebase.google.com/docs/firestore/best-practices#ramping_up_traffic. The returned function says how many
 * milliseconds the next write has to wait, given the time.
 */
export function createRamp(perSecond: number): (now: number) => number {
  let begun = -Infinity
  let last = -Infinity
  let free = -Infinity
  return (now) => {
    if (now - last > idleMs) begun = now
    last = now
    const rate = perSecond * growth ** Math.floor((now - begun) / stepMs)
    const at = Math.max(free, now)
    free = at + 1000 / rate
    return at - now
  }
}
