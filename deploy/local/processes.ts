import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { orAfter } from '#runtime/process/deadline.ts'
import { backOffMs } from '#runtime/process/retry.ts'
import { identify, type ProcessIdentity, stopProcess } from './process-identity.ts'

/** One process of the stack: how to start it, how to tell that it works, how to end it. */
export type Program = {
  name: string
  command: string
  args: string[]
  env?: NodeJS.ProcessEnv
  cwd?: string
  /** Run as this user, for servers that refuse to run as root. */
  user?: { uid: number; gid: number }
  /** Before every start; must do nothing where there is nothing to do. */
  prepare?(): Promise<void>
  isHealthy(): Promise<boolean>
  stopSignal: NodeJS.Signals
}

export type Supervised = {
  name: string
  /** Rejects when the process dies five times before it is healthy once, or at the deadline. */
  waitUntilHealthy(deadlineMs: number): Promise<void>
  stop(graceMs: number): Promise<void>
}

type Supervision = {
  logDir: string
  /** While this file exists the program is not started: to see what the others do without it. */
  downFile: string
  /** After every start, every change between healthy and not, and every end (then without an identity). */
  onChange(name: string, state: { identity: ProcessIdentity | null; healthy: boolean }): void
  say(text: string): void
}

const startBackOff = { firstMs: 200, maxMs: 5000 }

/** Failures counted after one more exit: the count begins anew when the process had been healthy for 10 s. */
export function countFailures(failures: number, healthyForMs: number): number {
  return healthyForMs >= 10_000 ? 1 : failures + 1
}

/** Keeps `program` running until stopped: whatever ends it, it is started again, on the same ports and data. */
export function supervise(program: Program, { logDir, downFile, onChange, say }: Supervision): Supervised {
  const stopped = new AbortController()
  let current: ProcessIdentity | null = null
  let failures = 0
  let healthySince: number | null = null

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      healthySince = null
      await waitWhileDown()
      if (stopped.signal.aborted) return
      const ended = await start().then(watch, (error: unknown) => `did not start: ${String(error)}`)
      current = null
      onChange(program.name, { identity: null, healthy: false })
      if (stopped.signal.aborted) return
      failures = countFailures(failures, healthySince === null ? 0 : Date.now() - healthySince)
      const waitMs = backOffMs(startBackOff, failures, 1)
      say(`${program.name} ${ended}, starting it again in ${waitMs} ms`)
      await pause(waitMs, stopped.signal)
    }
  }

  async function waitWhileDown(): Promise<void> {
    while (existsSync(downFile) && !stopped.signal.aborted) await pause(100, stopped.signal)
  }

  async function start(): Promise<ChildProcess> {
    await program.prepare?.()
    stopped.signal.throwIfAborted()
    const log = openLog(logDir, program.name)
    const child = spawn(program.command, program.args, {
      cwd: program.cwd,
      env: program.env,
      ...program.user,
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    if (child.pid === undefined) throw (await once(child, 'error'))[0]
    current = identify(child.pid)
    onChange(program.name, { identity: current, healthy: false })
    return child
  }

  async function watch(child: ChildProcess): Promise<string> {
    const exited = new AbortController()
    const health = pollHealth(exited.signal)
    const [code, signal] = child.exitCode === null && child.signalCode === null ? await once(child, 'exit') : []
    exited.abort()
    await health
    return signal ? `was killed by ${signal}` : `ended with code ${code ?? child.exitCode}`
  }

  async function pollHealth(exited: AbortSignal): Promise<void> {
    for (let healthy = false; !exited.aborted; await pause(healthy ? 2000 : 100, exited)) {
      const answer = await orAfter(
        program.isHealthy().catch(() => false),
        3000,
        () => false,
      )
      if (exited.aborted || answer === healthy) continue
      healthy = answer
      if (healthy) healthySince ??= Date.now()
      onChange(program.name, { identity: current, healthy })
    }
  }

  const running = run()
  return {
    name: program.name,
    async waitUntilHealthy(deadlineMs) {
      const deadline = Date.now() + deadlineMs
      while (healthySince === null && !stopped.signal.aborted) {
        if (failures >= 5) throw new Error(`${program.name} does not start, ${quoteLog(logDir, program.name)}`)
        if (Date.now() > deadline)
          throw new Error(
            `${program.name} is not healthy after ${deadlineMs / 1000} s, ${quoteLog(logDir, program.name)}`,
          )
        await delay(50)
      }
    },
    async stop(graceMs) {
      stopped.abort()
      if (current !== null) await stopProcess(current, program.stopSignal, graceMs)
      await running
    },
  }
}

/** True when a GET of `url` is answered with a 2xx. Not by fetch, which costs the supervisor 40 MB. */
export async function answers(url: string): Promise<boolean> {
  const request = get(url, { agent: false, signal: AbortSignal.timeout(2000) })
  // What happens to the connection after the answer is of no interest.
  request.on('error', () => undefined)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.destroy()
  return response.statusCode !== undefined && response.statusCode >= 200 && response.statusCode < 300
}

/** True when somebody listens on `port` of this machine. */
export async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } finally {
    socket.destroy()
  }
}

/** Waits, but not beyond the moment `signal` is aborted. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch((error: Error) => {
    if (error.name !== 'AbortError') throw error
  })
}

function quoteLog(logDir: string, name: string): string {
  const file = join(logDir, `${name}.log`)
  const end = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-8).join('\n')
  return `see ${file}, which ends with\n${end}`
}

/** Opens `<logDir>/<name>.log` to append; a file above 20 MB first becomes `<name>.log.old`. */
export function openLog(logDir: string, name: string): number {
  mkdirSync(logDir, { recursive: true })
  const file = join(logDir, `${name}.log`)
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 20e6) renameSync(file, `${file}.old`)
  return openSync(file, 'a')
}
