import { rmSync, writeFileSync } from 'node:fs'
import { inject } from 'vitest'
import { downFile } from '../../deploy/local/config.ts'
import { sendSignal } from '../../deploy/local/process-identity.ts'
import { waitUntilWhole } from '../../deploy/local/stack.ts'
import { onCleanup } from './cleanup.ts'
import { stackEnv } from './stack.ts'

export type Server = 'kafka' | 'registry' | 'postgres' | 'firestore'

/**
 * Kills a shared server (SIGKILL) and keeps it down. The returned function lets it start again and resolves when it is
 * healthy; the end of the test does the same. Only for test/faults: other tests need the servers.
 */
export function takeDown(server: Server): () => Promise<void> {
  const dir = inject('stackDir')
  const file = downFile(dir, server)
  async function bringBack(): Promise<void> {
    rmSync(file, { force: true })
    const missing = await waitUntilWhole(dir, 60_000)
    if (missing?.length !== 0)
      throw new Error(`${server} did not come back: ${missing?.join(', ') ?? 'the stack is gone'}`)
  }
  onCleanup(bringBack)
  writeFileSync(file, '')
  sendSignal(Number(stackEnv()[`${server.toUpperCase()}_PID`]), 'SIGKILL')
  return bringBack
}
