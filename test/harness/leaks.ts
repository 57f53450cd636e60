import { setTimeout as delay } from 'node:timers/promises'

// Timers and pipes do not count: vitest has its own.
const kinds = ['ProcessWrap', 'TCPServerWrap', 'TCPSocketWrap', 'UDPWrap', 'FSEventWrap', 'MessagePort']
const before = countHandles()

/**
 * Fails when child processes, servers or connections are open that were not open when this file was loaded. They have
 * `deadlineMs` to close. The harness calls it at the end of every test file.
 */
export async function expectNoLeaks(deadlineMs = 3000): Promise<void> {
  for (const deadline = Date.now() + deadlineMs; ; await delay(50)) {
    const now = countHandles()
    const left = kinds
      .filter((kind) => now[kind]! > before[kind]!)
      .map((kind) => `${now[kind]! - before[kind]!} ${kind}`)
    if (left.length === 0) return
    if (Date.now() > deadline)
      throw new Error(`left open: ${left.join(', ')}. Close it, or register it with onCleanup.`)
  }
}

function countHandles(): Record<string, number> {
  const active = process.getActiveResourcesInfo()
  return Object.fromEntries(kinds.map((kind) => [kind, active.filter((resource) => resource === kind).length]))
}
