import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { orAfter } from '#runtime/calls/deadline.ts'
import { backOffMs } from '#runtime/calls/retry.ts'
import { identify, type ProcessIdentity, stopProcess } from './process-identity.ts'

/** One process of the stack: how to start it, how to see that it works, how to end it. */
export type Program = {
  name: string
  command: string
  args: string[]
  env?: NodeJS.ProcessEnv
  cwd?: string
  /** Run as this user, for servers that refuse to run as root. */
  user?: { uid: number; gid: number }
  /** Called before each start; does nothing where nothing is to be done. */
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

export type Supervision = {
  logDir: string
  /** While this file exists the program is not started: to see how the others do without it. */
  downFile: string
  /** Called after each start, each change of health, and each end (then without an identity). */
  onChange(name: string, state: { identity: ProcessIdentity | null; healthy: boolean }): void
  say(text: string): void
}

const startBackOff = { firstMs: 200, maxMs: 5000 }

/** The number of failures after one more exit. It restarts at 1 when the process had been healthy for 10 s. */
export function countFailures(failures: number, healthyForMs: number): number {
  return healthyForMs >= 10_000 ? 1 : failures + 1
}

/** What is known of a program that is kept running. */
type State = {
  stopped: AbortController
  /** The process that runs now. */
  identity: ProcessIdentity | null
  /** Starts that failed in a row. */
  failures: number
  /** When the running process became healthy for the first time. */
  healthySince: number | null
}

/**
 * Keeps `program` running until it is stopped: whenever the process ends, it is started again, on the same ports and
 * data.
 */
export function supervise(program: Program, supervision: Supervision): Supervised {
  const state: State = { stopped: new AbortController(), identity: null, failures: 0, healthySince: null }
  const running = keepRunning(program, supervision, state)
  return {
    name: program.name,
    waitUntilHealthy: (deadlineMs) => waitUntilHealthy(program, supervision, state, deadlineMs),
    async stop(graceMs) {
      state.stopped.abort()
      if (state.identity !== null) await stopProcess(state.identity, program.stopSignal, graceMs)
      await running
    },
  }
}

async function keepRunning(program: Program, supervision: Supervision, state: State): Promise<void> {
  const { signal } = state.stopped
  while (!signal.aborted) {
    state.healthySince = null
    while (existsSync(supervision.downFile) && !signal.aborted) await pause(100, signal)
    if (signal.aborted) return
    const ended = await runOnce(program, supervision, state).catch(
      (error: unknown) => `did not start: ${String(error)}`,
    )
    state.identity = null
    supervision.onChange(program.name, { identity: null, healthy: false })
    if (signal.aborted) return
    const healthyForMs = state.healthySince === null ? 0 : performance.now() - state.healthySince
    state.failures = countFailures(state.failures, healthyForMs)
    const waitMs = backOffMs(startBackOff, state.failures, 1)
    supervision.say(`${program.name} ${ended}, starting it again in ${waitMs} ms`)
    await pause(waitMs, signal)
  }
}

/** Starts the program and resolves when it has ended, with how it ended. */
async function runOnce(program: Program, supervision: Supervision, state: State): Promise<string> {
  await program.prepare?.()
  state.stopped.signal.throwIfAborted()
  const log = openLog(supervision.logDir, program.name)
  const { command, args, cwd, env, user } = program
  const child = spawn(command, args, { cwd, env, ...user, stdio: ['ignore', log, log] })
  closeSync(log)
  if (child.pid === undefined) throw (await once(child, 'error'))[0]
  state.identity = identify(child.pid)
  supervision.onChange(program.name, { identity: state.identity, healthy: false })

  const exited = new AbortController()
  const watching = watchHealth(program, supervision, state, exited.signal)
  const [code, signal] = child.exitCode === null && child.signalCode === null ? await once(child, 'exit') : []
  exited.abort()
  await watching
  return signal ? `was killed by ${signal}` : `ended with code ${code ?? child.exitCode}`
}

async function watchHealth(
  program: Program,
  { onChange }: Supervision,
  state: State,
  exited: AbortSignal,
): Promise<void> {
  for (let healthy = false; !exited.aborted; await pause(healthy ? 2000 : 100, exited)) {
    const answer = await orAfter(
      program.isHealthy().catch(() => false),
      3000,
      () => false,
    )
    if (exited.aborted || answer === healthy) continue
    healthy = answer
    if (healthy) state.healthySince ??= performance.now()
    onChange(program.name, { identity: state.identity, healthy })
  }
}

async function waitUntilHealthy(
  { name }: Program,
  { logDir }: Supervision,
  state: State,
  deadlineMs: number,
): Promise<void> {
  for (const deadline = performance.now() + deadlineMs; state.healthySince === null; await delay(50)) {
    if (state.stopped.signal.aborted) return
    if (state.failures >= 5) throw new Error(`${name} does not start, ${quoteLog(logDir, name)}`)
    if (performance.now() > deadline)
      throw new Error(`${name} is not healthy after ${deadlineMs / 1000} s, ${quoteLog(logDir, name)}`)
  }
}

/** True when a GET of `url` is answered with a 2xx. Not by fetch, which costs the supervisor 40 MB. */
export async function answers(url: string): Promise<boolean> {
  const request = get(url, { agent: false, signal: AbortSignal.timeout(2000) })
  // Errors of the connection after the answer do not matter.
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

/** Waits `ms`, or until `signal` is aborted. */
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

/** Opens `<logDir>/<name>.log` to append to it. A file above 20 MB first becomes `<name>.log.old`. */
export function openLog(logDir: string, name: string): number {
  mkdirSync(logDir, { recursive: true })
  const file = join(logDir, `${name}.log`)
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 20e6) renameSync(file, `${file}.old`)
  return openSync(file, 'a')
}
