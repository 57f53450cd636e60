/** What is to be written, and about how much room it takes. */
type Sized = { bytes: number }

/**
 * Makes many calls into few: what is asked for in one turn of the event loop, or while it waits for that, is given to
 * `work` together, at most `limits.count` items and, unless it is one alone, `limits.bytes`. All of a group share its fate;
 * where `isOfOne` says that an error is one item's fault, each item is tried for itself.
 */
export function groupCalls<T extends Sized>(
  limits: { count: number; bytes: number },
  work: (group: readonly T[]) => Promise<void>,
  isOfOne: (error: unknown) => boolean,
): (item: T) => Promise<void> {
  type Call = { item: T; done(): void; fail(error: unknown): void }
  let waiting: Call[] = []

  function flush(): void {
    const calls = waiting
    waiting = []
    for (let at = 0; at < calls.length;) {
      let end = at
      for (let bytes = 0; end < calls.length && end - at < limits.count; end++) {
        bytes += (calls[end] as Call).item.bytes
        if (end > at && bytes > limits.bytes) break
      }
      void run(calls.slice(at, end))
      at = end
    }
  }

  async function run(calls: readonly Call[]): Promise<void> {
    try {
      await work(calls.map(({ item }) => item))
      for (const call of calls) call.done()
    } catch (error) {
      if (calls.length > 1 && isOfOne(error)) for (const call of calls) void run([call])
      else for (const call of calls) call.fail(error)
    }
  }

  return (item) =>
    new Promise((done, fail) => {
      if (waiting.length === 0) setImmediate(flush)
      waiting.push({ item, done, fail })
    })
}
