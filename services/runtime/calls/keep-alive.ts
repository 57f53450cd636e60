/**
 * Sends heartbeats while a handler works, because kafkajs sends none by itself, but only for as long as the handler makes
 * progress: an attempt longer than `deadlineMs` calls `fail`. A bare timer would keep a stuck member in its group for
 * ever (https://github.com/tulios/kafkajs/issues/447).
 */
export function keepAlive(
  heartbeat: () => Promise<void>,
  everyMs: number,
  deadlineMs: number,
  fail: (error: unknown) => void,
) {
  let attemptStartedAt: number | null = performance.now()
  let lost: unknown
  const timer = setInterval(() => {
    if (attemptStartedAt !== null && performance.now() - attemptStartedAt > deadlineMs)
      fail(new Error(`a handler is stuck: it works on one batch for longer than ${deadlineMs} ms`))
    if (lost === undefined) heartbeat().catch((error: unknown) => void (lost = error))
  }, everyMs)
  return {
    /** A new attempt begins: the deadline counts from here. */
    attempt: () => void (attemptStartedAt = performance.now()),
    /** Waiting before the next attempt: no deadline. */
    pause: () => void (attemptStartedAt = null),
    /** Throws what a heartbeat was answered, a rebalance for example. */
    throwIfLost() {
      if (lost !== undefined) throw lost
    },
    stop: () => clearInterval(timer),
  }
}
