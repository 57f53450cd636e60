import { minuteMs } from '#runtime/text/time.ts'

const stepMs = 5 * minuteMs
const growth = 1.5
/** After this long without traffic the ramp starts again. */
const idleMs = 30 * minuteMs

/**
 * Paces writes as Firestore asks for: `perSecond` at first, 50 % more every five minutes. Firestore spreads a
 * collection over more servers as its traffic grows and refuses faster growth:
 * https://firebase.google.com/docs/firestore/best-practices#ramping_up_traffic. The returned function takes the
 * monotonic time in ms and returns how many ms the next write has to wait.
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
