import { readdirSync, readFileSync } from 'node:fs'

const ticksPerSecond = 100

/** CPU time of a process in s: proc_pid_stat(5), utime and stime. */
export function readCpu(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** The most memory a process ever had resident, MiB: proc_pid_status(5). */
export function readPeak(pid: number): number {
  return Number(/^VmHWM:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

/** The same of a process and those that it started and that still run: Postgres has one for each connection. */
export function readCpuOfAll(pid: number): number {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )
  return [pid, ...children].reduce((sum, one) => sum + readCpu(one), 0)
}
