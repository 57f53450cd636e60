/**
 * Turns calls that come one by one into work on many at once: what comes while work is under way is done together after
 * it. When the work fails, so do all calls that it was for.
 */
export function gather<In, Out>(work: (many: readonly In[]) => Promise<readonly Out[]>): (one: In) => Promise<Out> {
  type Call = { one: In; done(out: Out): void; fail(error: unknown): void }
  let waiting: Call[] = []
  let isWorking = false

  async function run(): Promise<void> {
    isWorking = true
    while (waiting.length > 0) {
      const calls = waiting
      waiting = []
      await work(calls.map(({ one }) => one)).then(
        (outs) => calls.forEach(({ done }, index) => done(outs[index] as Out)),
        (error: unknown) => calls.forEach(({ fail }) => fail(error)),
      )
    }
    isWorking = false
  }

  return (one) =>
    new Promise((done, fail) => {
      waiting.push({ one, done, fail })
      if (!isWorking) void run()
    })
}
