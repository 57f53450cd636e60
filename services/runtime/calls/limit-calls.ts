type Limits = { atOnce: number; slowAtOnce: number; slowAfterMs: number }

/**
 * Limits how many calls are made at once. A call that takes longer than `slowAfterMs` makes room for another, for up to
 * `slowAtOnce` of them, so that slow destinations do not delay the others. Calls `onFree` when there may be room again,
 * and when work is over: the next one for the same destination may have waited for that.
 */
export function createLimiter({ atOnce, slowAtOnce, slowAfterMs }: Limits, onFree: () => void) {
  const running = new Map<number, Promise<void>>()
  let calls = 0
  let slow = 0

  /** Counts a call; the returned function ends it. */
  function begin(): () => void {
    let isSlow = false
    let isOver = false
    calls++
    const timer = setTimeout(() => {
      isSlow = true
      slow++
      onFree()
    }, slowAfterMs)
    return () => {
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      calls--
      if (isSlow) slow--
    }
  }

  return {
    // Work whose call is over counts, too, against a higher limit.
    free: () =>
      Math.max(0, Math.min(atOnce + Math.min(slow, slowAtOnce) - calls, 2 * (atOnce + slowAtOnce) - running.size)),
    ids: () => [...running.keys()],
    /** `work` must not reject. It may call `onAnswer` when its call is over and only its record is left. */
    run(id: number, work: (onAnswer: () => void) => Promise<void>): void {
      const end = begin()
      const leave = () => {
        end()
        onFree()
      }
      const whole = work(leave).finally(() => {
        running.delete(id)
        leave()
      })
      running.set(id, whole)
    },
    drained: async () => void (await Promise.all(running.values())),
  }
}
