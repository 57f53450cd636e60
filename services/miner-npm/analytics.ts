import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '#runtime/process/log.ts'
import type { Config } from './config.ts'

/**
 * Posts a body to a route of parma-analytics and returns its JSON. Rejects with AnalyticsError unless it answers 200 or
 * 201.
 */
export type Post = (path: string, body: unknown) => Promise<unknown>

/** The calls of one run. All carry the token of the run, unchanged (contract section 2). */
export type ConnectAnalytics = (authorization: string) => Post

export class AnalyticsError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'AnalyticsError'
  }
}

const maxQuotedAnswer = 300
const retryable = new Set([429, 502, 503, 504])

/** How long one call may take, as all modules have it (contract section 1). */
const timeoutMs = 120_000

/** The longest pause before a call is made again, whatever Retry-After asks for. */
const maxPauseMs = 10_000

/** The attempts at a call, and the pause before the second one, doubled before each further one. */
const retry = { attempts: 5, firstPauseMs: 500 }

/**
 * Opens the calls to parma-analytics. A call without an answer, or with 429, 502, 503 or 504, is repeated: within a run
 * it counts once.
 */
export function openAnalytics(
  config: Config,
  stopping: AbortSignal,
  log: Log,
  { attempts, firstPauseMs } = retry,
): ConnectAnalytics {
  const base = config.ANALYTICS_BASE_URL.replace(/\/*$/, '')

  return (authorization) => async (path, body) => {
    const send = (): Promise<Response> =>
      fetch(`${base}${path}`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        redirect: 'error',
        signal: AbortSignal.any([stopping, AbortSignal.timeout(timeoutMs)]),
      })

    for (let attempt = 1; ; attempt++) {
      const isLast = attempt >= attempts
      const answer = await send().catch((error: Error) => error)
      const isFinal = answer instanceof Error ? stopping.aborted : !retryable.has(answer.status)
      if (isLast || isFinal) return await read(path, answer)
      const asked = answer instanceof Error ? NaN : Number(answer.headers.get('retry-after') ?? NaN) * 1000
      const pause = Number.isNaN(asked) ? firstPauseMs * 2 ** (attempt - 1) : asked
      log.info({ path, attempt, status: answer instanceof Error ? answer.message : answer.status }, 'call_repeated')
      if (!(answer instanceof Error)) await answer.body?.cancel()
      await delay(Math.min(pause, maxPauseMs), undefined, { signal: stopping })
    }
  }
}

async function read(path: string, answer: Response | Error): Promise<unknown> {
  if (answer instanceof Error) throw new AnalyticsError(`${path} got no answer: ${reasonOf(answer)}`)
  try {
    const text = await answer.text()
    if (answer.status === 200 || answer.status === 201) return JSON.parse(text)
    throw new AnalyticsError(`${path} answered ${answer.status}: ${text.slice(0, maxQuotedAnswer)}`)
  } catch (error) {
    if (error instanceof AnalyticsError) throw error
    throw new AnalyticsError(`${path} gave an unusable answer: ${reasonOf(error as Error)}`)
  }
}

/** The message of the cause, because fetch itself only says "fetch failed". */
function reasonOf(error: Error): string {
  return error.cause instanceof Error ? error.cause.message || error.cause.name : error.message
}
