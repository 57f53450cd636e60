/** Runs work once there is room for it. */
export type Limited = <T>(work: () => Promise<T>) => Promise<T>

/**
 * At most `atOnce` pieces of work run at the same time, in the order in which they came. Further ones wait up to
 * `waitMs`, and then reject with `tooBusy()`. A piece takes its room until it ends, also where nobody waits for it any more.
 */
export function limitWork(atOnce: number, waitMs: number, tooBusy: () => Error): Limited {
  const waiting = new Set<() => void>()
  let running = 0

  function waitForRoom(): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = () => {
        clearTimeout(timer)
        waiting.delete(begin)
        resolve()
      }
      const timer = setTimeout(() => {
        waiting.delete(begin)
        reject(tooBusy())
      }, waitMs)
      waiting.add(begin)
    })
  }

  return async (work) => {
    // Whoever ends gives their room to the first who waits, so the count stays.
    if (running >= atOnce) await waitForRoom()
    else running++
    try {
      return await work()
    } finally {
      const [next] = waiting
      if (next) next()
      else running--
    }
  }
}
