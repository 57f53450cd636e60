import { setTimeout as delay } from 'node:timers/promises'
import { programs } from '../../deploy/local/config.ts'
import type { Measure } from './measure.ts'
import { readCpu } from './usage.ts'

const settleMs = 20_000
const watchMs = 60_000

/** CPU that the services take while nothing arrives, % of one core. */
export const idle: Measure = async ({ env, say }) => {
  const pids = programs.map((name) => ({
    name,
    pid: Number(env()[`${name.replaceAll('-', '_').toUpperCase()}_PID`]),
  }))
  say(`idle: letting the services settle for ${settleMs / 1000} s, then watching them for ${watchMs / 1000} s`)
  await delay(settleMs)
  const before = pids.map(({ pid }) => readCpu(pid))
  const startedAt = performance.now()
  await delay(watchMs)
  const seconds = (performance.now() - startedAt) / 1000
  const shares = pids.map(({ name, pid }, index) => ({
    name,
    percent: (100 * (readCpu(pid) - (before[index] ?? 0))) / seconds,
  }))
  return [
    {
      what: 'idle CPU of all services',
      value: shares.reduce((sum, { percent }) => sum + percent, 0),
      unit: '% of a core',
      detail: shares.map(({ name, percent }) => `${name} ${percent.toFixed(1)}`).join(', '),
      below: 5,
    },
  ]
}
