import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { onCleanup } from './cleanup.ts'
import { waitFor } from './wait-for.ts'

export type StartedProcess = {
  pid: number
  /** The last 4 MB of its stdout and stderr. */
  logs(): string
  /**
   * Asks it to end (SIGTERM) and resolves with its exit code. Kills it and throws when it still runs after `graceMs`.
   */
  stop(graceMs?: number): Promise<number | null>
  /** Kills it (SIGKILL). */
  kill(): Promise<void>
}

/** Another Node, folder or user than this process has. */
export type RunAs = { command?: string; cwd?: string; uid?: number; gid?: number }

const maxLog = 4 * 1024 * 1024

/**
 * Starts a Node process and resolves when `isReady` is true. Throws with the end of its log when it ends first or is
 * not ready within `deadlineMs`. It is killed when the test is over; after a failed test the end of its log is
 * printed.
 */
export async function startProcess(
  name: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  isReady: () => boolean | Promise<boolean>,
  deadlineMs = 90_000,
  { command = process.execPath, ...as }: RunAs = {},
): Promise<StartedProcess> {
  const child = spawn(command, args, { ...as, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const closed = once(child, 'close')
  await once(child, 'spawn')
  let log = ''
  for (const output of [child.stdout, child.stderr])
    output.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-maxLog)))
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  const withLog = (text: string) => `${text}\n--- end of the log of ${name}\n${log.slice(-4000).trimEnd()}\n---`

  async function end(signal: NodeJS.Signals, graceMs: number): Promise<number | null> {
    child.kill(signal)
    const patience = new AbortController()
    const late = delay(graceMs, 'late', { signal: patience.signal }).catch(() => 'late')
    const isLate = (await Promise.race([closed, late])) === 'late'
    patience.abort()
    if (!isLate) return child.exitCode
    child.kill('SIGKILL')
    await closed
    throw new Error(withLog(`${name} still ran ${graceMs / 1000} s after ${signal}`))
  }

  onCleanup(async ({ failed }) => {
    if (!hasEnded()) await end('SIGKILL', 5000)
    if (failed) console.log(withLog(`${name} was part of a failed test`))
  })
  await waitFor(`${name} to be ready`, () => hasEnded() || isReady(), deadlineMs).catch((error: Error) => {
    throw new Error(withLog(error.message), { cause: error })
  })
  if (hasEnded()) {
    await closed
    throw new Error(withLog(`${name} ended with ${child.signalCode ?? `code ${child.exitCode}`} before it was ready`))
  }
  return {
    pid: child.pid ?? 0,
    logs: () => log,
    stop: (graceMs = 30_000) => end('SIGTERM', graceMs),
    kill: async () => void (await end('SIGKILL', 5000)),
  }
}
