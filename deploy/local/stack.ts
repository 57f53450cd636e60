import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ServiceName } from './config.ts'
import { removePostgresData } from './postgres.ts'
import { isRunning } from './process-identity.ts'
import { openLog } from './processes.ts'
import { listMissing, readRecord } from './record.ts'
import type { SetupStep } from './setup.ts'
import { readStackEnv, type StackEnv } from './stack-env.ts'
import { stopStack } from './stop.ts'
import type { Report } from './supervisor.ts'

export type StackOptions = {
  /** Folder of the stack's data, logs and stack.env. */
  dir: string
  /** `settings`: the ports of config.ts. `free`: ports nobody uses, kept in `dir`. */
  ports: 'settings' | 'free'
  services: readonly ServiceName[]
  setup: readonly SetupStep[]
  /** The stack stops when this process ends, however it ends. */
  withParent: boolean
  /** Added to the environment of the services. */
  env?: NodeJS.ProcessEnv
  say?(text: string): void
}

export type Stack = {
  dir: string
  /** What `<dir>/stack.env` says now: process ids change when something is restarted. */
  env(): StackEnv
  stop(): Promise<void>
  /** Stops the stack and deletes all it kept. */
  remove(): Promise<void>
}

/** Starts a stack and resolves when all of it is healthy; after a failure nothing of it runs. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const dir = resolve(options.dir)
  mkdirSync(dir, { recursive: true })
  const log = openLog(join(dir, 'log'), 'supervisor')
  const flags = [`--dir=${dir}`, `--services=${options.services}`, `--setup=${options.setup}`]
  if (options.ports === 'free') flags.push('--free-ports')
  if (options.withParent) flags.push('--with-parent')
  const supervisor = spawn(process.execPath, [join(import.meta.dirname, 'supervisor.ts'), ...flags], {
    detached: true,
    env: { ...process.env, ...options.env },
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

/** The stack of `options.dir`, healthy: the one that runs there, else a new one on the same data. */
export async function ensureStack(options: StackOptions): Promise<{ stack: Stack; wasRunning: boolean }> {
  const running = await findStack(options.dir, 60_000)
  return running ? { stack: running, wasRunning: true } : { stack: await startStack(options), wasRunning: false }
}

/** The stack that runs in `dir`, once all of it is healthy; null when none runs or its supervisor is gone. */
export async function findStack(dir: string, deadlineMs: number): Promise<Stack | null> {
  for (const deadline = Date.now() + deadlineMs; ; await delay(200)) {
    const record = readRecord(dir)
    if (!record || !isRunning(record.supervisor)) return null
    const missing = listMissing(record)
    if (missing.length === 0) return stackOf(dir)
    if (Date.now() > deadline)
      throw new Error(`the stack runs, but not whole (${missing.join(', ')}): see ${join(dir, 'log')}`)
  }
}

function stackOf(dir: string): Stack {
  return {
    dir,
    env: () => readStackEnv(dir),
    stop: async () => void (await stopStack(dir)),
    async remove() {
      await stopStack(dir)
      removePostgresData(dir)
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
