import { existsSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isRunning, type ProcessIdentity } from './process-identity.ts'
import { writeWholeFile } from './whole-file.ts'

/** What a supervisor records about its stack, so that a later `up` or `down` knows the stack's processes. */
export type StackRecord = {
  supervisor: ProcessIdentity
  /** Whether the first start is complete. From then on the stack is healthy when all its processes are. */
  started: boolean
  processes: Record<string, { identity: ProcessIdentity; healthy: boolean }>
}

const fileOf = (dir: string) => join(dir, 'supervisor.json')

export function readRecord(dir: string): StackRecord | null {
  return existsSync(fileOf(dir)) ? (JSON.parse(readFileSync(fileOf(dir), 'utf8')) as StackRecord) : null
}

/**
 * Makes `record` the record of `dir`, which has one supervisor only. Returns the record of a supervisor that died
 * without cleaning up, whose processes may still run. Throws when another supervisor runs.
 */
export function claimRecord(dir: string, record: StackRecord): StackRecord | null {
  const left = readRecord(dir)
  if (left && isRunning(left.supervisor)) throw new Error(`supervisor ${left.supervisor.pid} already runs this stack`)
  const draft = `${fileOf(dir)}.${record.supervisor.pid}`
  // Should this process die before it has stopped them, the record still names them.
  writeFileSync(draft, JSON.stringify({ ...record, processes: left?.processes ?? {} }))
  try {
    if (left) rmSync(fileOf(dir), { force: true })
    linkSync(draft, fileOf(dir))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new Error('another supervisor has just started this stack', { cause: error })
  } finally {
    rmSync(draft)
  }
  return left
}

export function writeRecord(dir: string, record: StackRecord): void {
  writeWholeFile(fileOf(dir), JSON.stringify(record, null, 2))
}

export function removeRecord(dir: string): void {
  rmSync(fileOf(dir), { force: true })
}

/** Names of the processes that are not healthy, and `the first start` until that is complete. */
export function listMissing({ started, processes }: StackRecord): string[] {
  const missing = Object.entries(processes).filter(([, { identity, healthy }]) => !healthy || !isRunning(identity))
  return [...(started ? [] : ['the first start']), ...missing.map(([name]) => name)]
}
