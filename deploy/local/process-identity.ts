import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** Tells a process from a later one with the same number. */
export type ProcessIdentity = { pid: number; startedAt: string }

/** Identity of a running process; null when there is none (a zombie counts as none). */
export function identify(pid: number): ProcessIdentity | null {
  const startedAt = existsSync('/proc/self/stat') ? startOnLinux(pid) : startElsewhere(pid)
  return startedAt === null ? null : { pid, startedAt }
}

export function isRunning(process: ProcessIdentity): boolean {
  return identify(process.pid)?.startedAt === process.startedAt
}

/**
 * Sends `signal`, after `graceMs` SIGKILL, and resolves when the process has ended. Spares a later one with the same
 * number.
 */
export async function stopProcess(target: ProcessIdentity, signal: NodeJS.Signals, graceMs: number): Promise<void> {
  const deadline = performance.now() + graceMs
  for (let next: NodeJS.Signals | null = signal; isRunning(target); await delay(50)) {
    if (next !== null) sendSignal(target.pid, next)
    // A stopped process handles no signal but SIGKILL until it continues.
    if (next !== null) sendSignal(target.pid, 'SIGCONT')
    next = null
    if (performance.now() > deadline) next = 'SIGKILL'
  }
}

/** Sends a signal. A process that has just ended is no error. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

// Ticks since boot can repeat after a reboot, so the id of the boot stands before them (proc_pid_stat(5)).
function startOnLinux(pid: number): string | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return fields[0] === 'Z' ? null : `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${fields[19]}`
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null
    throw error
  }
}

function startElsewhere(pid: number): string | null {
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null
  } catch (error) {
    if ((error as { status?: number }).status === 1) return null
    throw error
  }
}
