type Limits = { atOnce: number; slowAtOnce: number; slowAfterMs: number }

/**
 * Places for calls that go on at once. One that takes longer than `slowAfterMs` makes room for another, until there are
 * `slowAtOnce` such: destinations that hang hold up no others. `onFree` is called when there may be room again.
 */
export function createLimiter({ atOnce, slowAtOnce, slowAfterMs }: Limits, onFree: () => void) {
  const underWay = new Map<number, Promise<void>>()
  let calls = 0
  let slow = 0

  /** Takes a place; the returned function gives it back. */
  function enter(): () => void {
    let isSlow = false
    let isIn = true
    calls++
    const timer = setTimeout(() => {
      isSlow = true
      slow++
      onFree()
    }, slowAfterMs)
    return () => {
      if (!isIn) return
      isIn = false
      clearTimeout(timer)
      calls--
      if (isSlow) slow--
      onFree()
    }
  }

  return {
    // What is only written down still takes a place, but one of many.
    free: () =>
      Math.max(0, Math.min(atOnce + Math.min(slow, slowAtOnce) - calls, 2 * (atOnce + slowAtOnce) - underWay.size)),
    ids: () => [...underWay.keys()],
    /** `work` must not reject. When its call is over and only the rest is to be done, it may `leave`. */
    take(id: number, work: (leave: () => void) => Promise<void>): void {
      const leave = enter()
      const whole = work(leave).finally(() => {
        underWay.delete(id)
        leave()
      })
      underWay.set(id, whole)
    },
    allFree: async () => void (await Promise.all(underWay.values())),
  }
}
