import { retryTransient } from './retry.ts'

type Service = {
  log: { warn(fields: object, event: string): void }
  stopping: AbortSignal
  fail(error: unknown): void
}

/**
 * Does a part of the start, which `what` names ("connecting to Kafka"). Repeats it while its errors are transient: a start
 * waits for servers that are away. Work that may take longer than three minutes calls `goesOn` at each sign that it does.
 */
export type Step = <T>(what: string, work: (goesOn: () => void) => Promise<T>) => Promise<T>

/** How often it is looked whether the start goes on. */
const lookMs = 5000

/** After as many looks in a row without a sign, the start hangs. Every call of a start has a time limit below that. */
const maxSilentLooks = 36

/**
 * Fails the service when its start hangs: when for three minutes no step has begun, ended, been repeated or shown that it
 * goes on. Call `end` when it has started. Looks are counted, not time: a process that is frozen does not look.
 */
export function watchStart({ log, stopping, fail }: Service): {
  step: Step
  end(): void
} {
  const open = new Set<{ what: string }>()
  let silentLooks = 0
  const goesOn = () => void (silentLooks = 0)

  const timer = setInterval(() => {
    if (++silentLooks < maxSilentLooks) return
    end()
    const names = [...open].map(({ what }) => what).join(', ') || 'what follows its last step'
    fail(new Error(`the start hangs: for ${(maxSilentLooks * lookMs) / 60_000} minutes nothing came of ${names}`))
  }, lookMs)
  const end = () => clearInterval(timer)
  stopping.addEventListener('abort', end, { once: true })

  const step: Step = async (what, work) => {
    const one = { what }
    open.add(one)
    goesOn()
    const onRetry = (error: unknown, attempt: number) => {
      goesOn()
      log.warn({ error, attempt, step: what }, 'retrying')
    }
    try {
      return await retryTransient(() => work(goesOn), { signal: stopping, onRetry })
    } finally {
      open.delete(one)
      goesOn()
    }
  }
  return { step, end }
}
