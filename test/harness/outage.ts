import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { inject } from 'vitest'
import { downFile } from '../../deploy/local/config.ts'
import { sendSignal } from '../../deploy/local/process-identity.ts'
import { waitUntilWhole } from '../../deploy/local/stack.ts'
import { onCleanup } from './cleanup.ts'
import { stackEnv } from './stack.ts'
import { waitFor } from './wait-for.ts'

export type Server = 'kafka' | 'registry' | 'postgres' | 'firestore'

/**
 * Kills a shared server (SIGKILL) and keeps it down. The returned function lets it start again and resolves when it is
 * healthy; the end of the test does the same. Only for test/faults: other tests need the servers.
 */
export function takeDown(server: Server): () => Promise<void> {
  const bringBack = keepDown(server)
  sendSignal(pidOf(server), 'SIGKILL')
  return bringBack
}

/** Freezes a shared server with all its processes (SIGSTOP). The returned function lets it go on. */
export function freeze(server: Server): () => void {
  const pids = listTree(pidOf(server))
  const thaw = () => pids.forEach((pid) => sendSignal(pid, 'SIGCONT'))
  onCleanup(thaw)
  pids.forEach((pid) => sendSignal(pid, 'SIGSTOP'))
  return thaw
}

/**
 * Lets no file of a shared server grow, as on a full disk: writes fail (RLIMIT_FSIZE), until the server ends. Then it stays
 * down until the returned function is called, which gives it its disk back. Needs `prlimit` of util-linux.
 */
export function fillDisk(server: Server): () => Promise<void> {
  const bringBack = keepDown(server)
  const pids = listTree(pidOf(server))
  const limit = (bytes: string) =>
    pids.forEach((pid) => {
      try {
        // As its owner: even root may need a capability for a process of somebody else.
        const { uid, gid } = statSync(`/proc/${pid}`)
        execFileSync('prlimit', [`--pid=${pid}`, `--fsize=${bytes}:`], { uid, gid, cwd: '/', stdio: 'pipe' })
      } catch (error) {
        // A process that has just ended.
        if (!/No such process|ENOENT/.test(String(error))) throw error
      }
    })
  limit('4096')
  return async () => {
    limit('unlimited')
    await bringBack()
  }
}

const pidOf = (server: Server) => Number(stackEnv()[`${server.toUpperCase()}_PID`])

/** The process and all that it has started, directly or not. */
function listTree(root: number): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const [, parent] = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
        return [[Number(name), Number(parent)] as const]
      } catch {
        return []
      }
    })
  const childrenOf = (pid: number): number[] =>
    parents.filter(([, parent]) => parent === pid).flatMap(([child]) => [child, ...childrenOf(child)])
  return [root, ...childrenOf(root)]
}

/** Does not let a server start again when it ends, until the returned function is called. */
function keepDown(server: Server): () => Promise<void> {
  const dir = inject('stackDir')
  const file = downFile(dir, server)
  async function bringBack(): Promise<void> {
    rmSync(file, { force: true })
    // Others may be away at the same time.
    const isBack = async () => (await waitUntilWhole(dir, 0))?.includes(server) === false
    await waitFor(`${server} to be back`, isBack, 120_000, 200)
  }
  onCleanup(bringBack)
  writeFileSync(file, '')
  return bringBack
}
