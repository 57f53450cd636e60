export type BatchOptions<In, Out> = {
  /** Results of `items`, in their order. */
  work(items: readonly In[]): Promise<readonly Out[]>
  /** Batches under way at once, else any number. With 1 the batches keep the order of the calls. */
  atOnce?: number
  /** Items of a batch. */
  maxItems?: number
  /** What `sizeOf` counts of a batch, unless it is one item alone. */
  maxSize?: number
  sizeOf?(item: In): number
  /** Whether an error of `work` may be one item's fault: then each item of the batch is tried for itself. */
  isOfOne?(error: unknown): boolean
}

/**
 * Makes many calls into few: items that come in one turn of the event loop, or while a batch has to wait, are given to
 * `work` together. All of a batch share its error, unless it `isOfOne`.
 */
export function batchCalls<In, Out>({
  work,
  atOnce = Infinity,
  maxItems = Infinity,
  maxSize = Infinity,
  sizeOf = () => 0,
  isOfOne = () => false,
}: BatchOptions<In, Out>): (item: In) => Promise<Out> {
  type Call = { item: In; done(out: Out): void; fail(error: unknown): void }
  const waiting: Call[] = []
  let underWay = 0

  function start(): void {
    while (waiting.length > 0 && underWay < atOnce) {
      underWay++
      void run(take()).then(() => {
        underWay--
        start()
      })
    }
  }

  function take(): Call[] {
    let count = 0
    for (let size = 0; count < waiting.length && count < maxItems; count++) {
      size += sizeOf((waiting[count] as Call).item)
      if (count > 0 && size > maxSize) break
    }
    return waiting.splice(0, count)
  }

  async function run(calls: readonly Call[]): Promise<void> {
    try {
      const results = await work(calls.map(({ item }) => item))
      calls.forEach(({ done }, index) => done(results[index] as Out))
    } catch (error) {
      if (calls.length > 1 && isOfOne(error)) await Promise.all(calls.map((call) => run([call])))
      else for (const { fail } of calls) fail(error)
    }
  }

  return (item) =>
    new Promise((done, fail) => {
      if (waiting.length === 0 && underWay < atOnce) setImmediate(start)
      waiting.push({ item, done, fail })
    })
}
