import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { programs } from '../../deploy/local/config.ts'
import type { Measure } from './measure.ts'

const restMs = 10_000
const mib = 2 ** 20

/** Resident memory before any work. Shared pages count for each process. */
export const memory: Measure = async ({ env, say }) => {
  say(`leaving the stack idle for ${restMs / 1000} s`)
  await delay(restMs)
  const pids = new Map(
    Object.entries(env())
      .filter(([name]) => name.endsWith('_PID'))
      .map(([name, pid]) => [Number(pid), name.slice(0, -'_PID'.length)]),
  )
  const sizes = sumByOwner(pids)
  const whole = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0)
  const list = [...sizes].sort(([, a], [, b]) => b - a).map(([name, bytes]) => `${name} ${Math.round(bytes / mib)}`)
  const services = programs.map((name) => {
    const bytes = sizes.get(name.replaceAll('-', '_').toUpperCase()) ?? NaN
    return { what: `memory of ${name}`, value: bytes / mib, unit: 'MiB', detail: 'RSS, idle', below: 150 }
  })
  return [
    {
      what: 'memory of the stack',
      value: whole / 2 ** 30,
      unit: 'GiB',
      detail: `RSS, MiB: ${list.join(', ')}`,
      below: 2.5,
    },
    ...services,
  ]
}

/** RSS in bytes of these processes, each with its descendants: Postgres has one process per connection. */
function sumByOwner(owners: ReadonlyMap<number, string>): Map<string, number> {
  const sizes = new Map<string, number>()
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    let ancestor = Number(pid)
    while (ancestor > 1 && !owners.has(ancestor)) ancestor = Number(readStatus(ancestor, 'PPid'))
    const owner = owners.get(ancestor)
    const bytes = Number(readStatus(Number(pid), 'VmRSS').replace(' kB', '')) * 1024
    if (owner !== undefined) sizes.set(owner, (sizes.get(owner) ?? 0) + bytes)
  }
  return sizes
}

/** A field of /proc/<pid>/status, proc_pid_status(5); 0 when the process has just ended. */
function readStatus(pid: number, field: string): string {
  try {
    return new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0'
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return '0'
    throw error
  }
}
