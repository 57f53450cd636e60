import { TransientError } from '../calls/retry.ts'

/** A call of `send` that has not been answered. */
export type Call = {
  bytes: number
  /** Parts of it that have not been delivered. */
  openGroups: number
  /** Has been answered, so what is left of it is not sent. */
  isOver: boolean
  /** Ends the holding; undefined: the call is not held. */
  timer: NodeJS.Timeout | undefined
  done(): void
  fail(error: unknown): void
}

export type Waiting = { calls: number; bytes: number }

export type OpenCalls = {
  /** null: too much is waiting. With `holdMs` the call fails with a TransientError after that time. */
  open(bytes: number, holdMs: number | undefined, answer: Pick<Call, 'done' | 'fail'>): Call | null
  /** One of its groups was delivered, or has failed and all of the call with it. */
  settle(call: Call, error?: unknown): void
  /** From now on, no call is held for longer than `ms`. */
  holdAtMost(ms: number): void
  /** The calls that have not been answered. */
  waiting(): Waiting
  /** Resolves when every call has been answered. */
  idle(): Promise<void>
}

/** The calls that wait, within `maxPendingBytes`. A single larger call may wait alone. */
export function createOpenCalls(maxPendingBytes: number): OpenCalls {
  const calls = new Set<Call>()
  let pendingBytes = 0
  let stopsHoldingAt = Infinity
  let whenIdle = Promise.withResolvers<void>()

  function end(call: Call): void {
    call.isOver = true
    clearTimeout(call.timer)
    calls.delete(call)
    pendingBytes -= call.bytes
    if (calls.size > 0) return
    whenIdle.resolve()
    whenIdle = Promise.withResolvers()
  }

  function settle(call: Call, error?: unknown): void {
    if (call.isOver) return
    if (error === undefined && --call.openGroups > 0) return
    end(call)
    if (error === undefined) call.done()
    else call.fail(error)
  }

  function endHolding(call: Call, afterMs: number): void {
    settle(call, new TransientError(`not acknowledged within ${afterMs} ms`))
  }

  return {
    open(bytes, holdMs, answer) {
      if (pendingBytes > 0 && pendingBytes + bytes > maxPendingBytes) return null
      pendingBytes += bytes
      const call: Call = { ...answer, bytes, openGroups: 0, isOver: false, timer: undefined }
      calls.add(call)
      if (holdMs !== undefined) {
        const ms = Math.max(1, Math.min(holdMs, Math.ceil(stopsHoldingAt - performance.now())))
        call.timer = setTimeout(() => endHolding(call, ms), ms)
      }
      return call
    },
    settle,
    holdAtMost(ms) {
      stopsHoldingAt = performance.now() + ms
      setTimeout(() => [...calls].filter(({ timer }) => timer).forEach((call) => endHolding(call, ms)), ms).unref()
    },
    waiting: () => ({ calls: calls.size, bytes: pendingBytes }),
    idle: () => (calls.size === 0 ? Promise.resolve() : whenIdle.promise),
  }
}
