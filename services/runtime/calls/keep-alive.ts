/**
 * Sends heartbeats while a handler works, because kafkajs sends none by itself, but only for as long as the handler makes
 * progress: an attempt longer than `deadlineMs` calls `fail`. A bare timer would keep a stuck member in its group for
 * ever (https://github.com/tulios/kafkajs/issues/447). The time of an attempt is counted in beats: while the process is
 * frozen, there are none.
 */
export function keepAlive(
  heartbeat: () => Promise<void>,
  everyMs: number,
  deadlineMs: number,
  fail: (error: unknown) => void,
) {
  /** Of the attempt; null: none is under way. */
  let beats: number | null = 0
  let lost: unknown
  const timer = setInterval(() => {
    if (beats !== null && ++beats * everyMs > deadlineMs)
      fail(new Error(`a handler is stuck: it works on one batch for longer than ${deadlineMs} ms`))
    if (lost === undefined) heartbeat().catch((error: unknown) => void (lost = error))
  }, everyMs)
  return {
    /** A new attempt begins: the deadline counts from here. */
    attempt: () => void (beats = 0),
    /** Waiting before the next attempt: no deadline. */
    pause: () => void (beats = null),
    /** Throws what a heartbeat was answered, a rebalance for example. */
    throwIfLost() {
      if (lost !== undefined) throw lost
    },
    stop: () => clearInterval(timer),
  }
}
