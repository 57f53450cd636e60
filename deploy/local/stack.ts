import { spawn } from 'node:child_process'
import { closeSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { inheritedEnv, type ProgramName } from './config.ts'
import { isRunning } from './process-identity.ts'
import { openLog } from './processes.ts'
import { listMissing, readRecord } from './record.ts'
import type { SetupStep } from './setup.ts'
import { readStackEnv, type StackEnv } from './stack-env.ts'
import { removeStackData, stopStack } from './stop.ts'
import type { Report } from './supervisor.ts'

export type StackOptions = {
  /** Folder of the stack's data, logs and stack.env. */
  dir: string
  /** `settings`: the ports of config.ts. `free`: ports nobody uses, kept in `dir`. */
  ports: 'settings' | 'free'
  services: readonly ProgramName[]
  /**
   * Kafka, the registry, Postgres and Firestore already listen on this stack's ports: only stand-ins and services
   * start.
   */
  externalServers?: boolean
  setup: readonly SetupStep[]
  /** Whether the stack stops when this process ends, by whatever cause. */
  withParent: boolean
  /** Whether its data is deleted when it stops. */
  temporary?: boolean
  /** Added to the environment of the services. */
  env?: NodeJS.ProcessEnv
  say?(text: string): void
}

export type Stack = {
  dir: string
  /** The content of `<dir>/stack.env` now: a restart changes process ids. */
  env(): StackEnv
  stop(): Promise<void>
  /** Stops the stack and deletes its data. */
  remove(): Promise<void>
}

/** Starts a stack and resolves when all of it is healthy. After a failure nothing runs. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const dir = resolve(options.dir)
  mkdirSync(dir, { recursive: true })
  const log = openLog(join(dir, 'log'), 'supervisor')
  const flags = [`--dir=${dir}`, `--services=${options.services}`, `--setup=${options.setup}`]
  if (options.ports === 'free') flags.push('--free-ports')
  if (options.externalServers) flags.push('--external-servers')
  if (options.withParent) flags.push('--with-parent')
  if (options.temporary) flags.push('--temporary')
  const supervisor = spawn(process.execPath, [join(import.meta.dirname, 'supervisor.ts'), ...flags], {
    detached: true,
    env: { ...inheritedEnv, ...options.env },
    stdio: ['ignore', log, log, 'ipc'],
  })
  closeSync(log)
  let reason = `the supervisor ended, see ${join(dir, 'log', 'supervisor.log')}`
  await new Promise<void>((done, fail) => {
    supervisor.on('message', (report: Report) => {
      if (report.kind === 'progress') options.say?.(report.text)
      else if (report.kind === 'failed') reason = report.text
      else done()
    })
    supervisor.once('error', fail)
    supervisor.once('exit', () => fail(new Error(reason)))
  })
  supervisor.unref()
  supervisor.channel?.unref()
  return stackOf(dir)
}

/**
 * The stack of `options.dir`, healthy: the one that runs there, or a new one on the same data. A stack with a process
 * that does not become healthy within `patienceMs` is restarted.
 */
export async function ensureStack(
  options: StackOptions,
  patienceMs = 30_000,
): Promise<{ stack: Stack; wasRunning: boolean }> {
  const missing = await waitUntilWhole(options.dir, patienceMs)
  if (missing?.length === 0) return { stack: stackOf(options.dir), wasRunning: true }
  if (missing) {
    options.say?.(`the stack runs, but not whole (${missing.join(', ')}): starting it anew`)
    await stopStack(options.dir)
  }
  return { stack: await startStack(options), wasRunning: false }
}

/**
 * Waits at most `patienceMs` until the stack that runs in `dir` is healthy, and returns the names of what is not. A
 * first start may take any time. Null when no stack runs there, or its supervisor has ended.
 */
export async function waitUntilWhole(dir: string, patienceMs: number): Promise<string[] | null> {
  for (const deadline = performance.now() + patienceMs; ; await delay(200)) {
    const record = readRecord(dir)
    if (!record || !isRunning(record.supervisor)) return null
    const missing = listMissing(record)
    if (missing.length === 0 || (record.started && performance.now() > deadline)) return missing
  }
}

function stackOf(dir: string): Stack {
  return {
    dir,
    env: () => readStackEnv(dir),
    stop: async () => void (await stopStack(dir)),
    async remove() {
      await stopStack(dir)
      removeStackData(dir)
    },
  }
}
