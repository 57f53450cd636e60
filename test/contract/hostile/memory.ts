import { once } from 'node:events'
import { readFileSync } from 'node:fs'

/**
 * Resident memory of a process in MiB after its garbage is collected: what it keeps. The process must have been started
 * with `--inspect=127.0.0.1:0`, and `logs` must hold the address that it printed.
 */
export async function readMemory(pid: number, logs: string): Promise<number> {
  const [address = ''] = /ws:\/\/\S+/.exec(logs) ?? []
  const inspector = new WebSocket(address)
  await once(inspector, 'open')
  const answered = once(inspector, 'message')
  inspector.send('{"id":1,"method":"HeapProfiler.collectGarbage"}')
  await answered
  inspector.close()
  const [, kilobytes] = /^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) / 1024
}
