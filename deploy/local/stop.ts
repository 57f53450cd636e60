import { rmSync } from 'node:fs'
import { removePostgresData } from './postgres.ts'
import { isRunning, stopProcess } from './process-identity.ts'
import { readRecord, removeRecord, type StackRecord } from './record.ts'
import { stackEnvFile } from './stack-env.ts'

/** Stops the processes of a record whose supervisor has ended, and returns their names. Touches no other process. */
export async function stopRecorded({ processes }: StackRecord): Promise<string[]> {
  const running = Object.entries(processes).filter(([, { identity }]) => isRunning(identity))
  await Promise.all(
    running.map(([name, { identity }]) => stopProcess(identity, name === 'postgres' ? 'SIGINT' : 'SIGTERM', 15_000)),
  )
  return running.map(([name]) => name)
}

/** Stops the stack of `dir`; its data stays. Returns the names of the processes that it stopped. */
export async function stopStack(dir: string): Promise<string[]> {
  const record = readRecord(dir)
  if (!record) return []
  const running = Object.keys(record.processes).filter((name) => {
    const noted = record.processes[name]
    return noted !== undefined && isRunning(noted.identity)
  })
  if (isRunning(record.supervisor)) running.push('supervisor')
  // The supervisor stops everything in order within half a minute. What is left then is stopped from here.
  await stopProcess(record.supervisor, 'SIGTERM', 60_000)
  await stopRecorded(readRecord(dir) ?? record)
  removeRecord(dir)
  rmSync(stackEnvFile(dir), { force: true })
  return running
}

/** Deletes all data of a stopped stack, even outside its folder. */
export function removeStackData(dir: string): void {
  removePostgresData(dir)
  rmSync(dir, { recursive: true, force: true })
}
