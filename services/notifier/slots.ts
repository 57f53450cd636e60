type Limits = { atOnce: number; slowAtOnce: number; slowAfterMs: number }

/**
 * Places for calls that go on at once. One that takes longer than `slowAfterMs` makes room for another, until there are
 * `slowAtOnce` such: destinations that hang hold up no others. `onFree` is called when there may be room again.
 */
export function createSlots({ atOnce, slowAtOnce, slowAfterMs }: Limits, onFree: () => void) {
  const calls = new Map<number, Promise<void>>()
  let slow = 0

  async function hold(work: () => Promise<void>): Promise<void> {
    let isSlow = false
    const timer = setTimeout(() => {
      isSlow = true
      slow++
      onFree()
    }, slowAfterMs)
    await work()
    clearTimeout(timer)
    if (isSlow) slow--
  }

  return {
    free: () => Math.max(0, atOnce + Math.min(slow, slowAtOnce) - calls.size),
    ids: () => [...calls.keys()],
    /** `work` must not reject. */
    take(id: number, work: () => Promise<void>): void {
      const call = hold(work).finally(() => {
        calls.delete(id)
        onFree()
      })
      calls.set(id, call)
    },
    allFree: async () => void (await Promise.all(calls.values())),
  }
}
