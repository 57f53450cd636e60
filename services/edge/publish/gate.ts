import type { Gate } from '#runtime/kafka/send-queue.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { Config } from '../config.ts'

/** What payloads and ends of tasks pass before they are sent. It can be closed for a time. */
export type HoldGate = Gate & {
  open(): void
  /** It opens by itself after `ms`, when too much waits, and when the service stops. */
  closeFor(ms: number): void
  /** Whether it is closed and nothing is on its way to the broker. */
  isQuiet(): boolean
  /** `listener` is called with a reason when the gate opens because too much waits. */
  onFull(listener: (reason: string) => void): void
}

type Limits = Pick<Config, 'PRODUCE_MAX_PENDING_BYTES' | 'MAX_CONNECTIONS'>

/** More than half of what the edge can hold is too much: the rest is for what comes until all of it has been sent. */
export function createGate(
  { PRODUCE_MAX_PENDING_BYTES: maxBytes, MAX_CONNECTIONS: maxConnections }: Limits,
  { stopping }: Pick<ServiceContext, 'stopping'>,
): HoldGate {
  let opening: PromiseWithResolvers<void> | null = null
  let timer: NodeJS.Timeout | undefined
  let deliveries = 0
  let tellFull: (reason: string) => void = () => undefined

  function open(): void {
    clearTimeout(timer)
    opening?.resolve()
    opening = null
  }

  stopping.addEventListener('abort', open, { once: true })

  return {
    async enter() {
      // It may have been closed again before this goes on.
      while (opening) await opening.promise
      deliveries++
    },
    leave: () => void deliveries--,
    noteWaiting({ calls, bytes }) {
      const isFull = bytes > maxBytes / 2 || calls > maxConnections / 2
      if (!opening || !isFull) return
      open()
      tellFull(`${calls} requests with ${bytes} bytes were waiting, more than half of what it can hold`)
    },
    open,
    closeFor(ms) {
      if (stopping.aborted) return
      clearTimeout(timer)
      timer = setTimeout(open, ms).unref()
      opening ??= Promise.withResolvers()
    },
    isQuiet: () => opening !== null && deliveries === 0,
    onFull: (listener) => void (tellFull = listener),
  }
}
