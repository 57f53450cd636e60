import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { previewSlots, type SourceSlots } from '../../services/runtime/plan/plan-slots.ts'
import { waitFor } from '../harness/wait-for.ts'
import type { Bench, Measure, Result } from './measure.ts'
import { formatNumber, summarize } from './statistics.ts'

const sources = 1000
const idleTicks = 50
const deadlineMs = 120_000
/** How long after their creation the sources are due: the measurement begins with all of them in place. */
const aheadMs = 5000

/**
 * A thousand sources due in one second, each with its own module: from that second to the last claim and the last
 * call. Then rounds with nothing due, started by GET /schedule, and the plan of ten thousand sources.
 */
export const scheduler: Measure = async (bench) => {
  const module = fork(join(import.meta.dirname, 'modules.ts'))
  const pool = new pg.Pool({ connectionString: bench.serviceEnv()['DATABASE_URL'], max: 2 })
  try {
    const [port] = (await once(module, 'message')) as [number]
    const pid = Number(bench.env()['SCHEDULER_PID'])
    const memoryBefore = readMemory(pid)
    bench.say(`scheduler: ${sources} sources due in one second`)
    const dueAt = await addSources(pool, port)
    // Usually the scheduler knows its sources long before.
    await wake(bench)
    const { claimedAt, calls, calledAt, double } = await waitForCalls(pool, () => askModules(port), dueAt)
    const ticks = await readTicks(bench)
    const memoryAfter = readMemory(pid)
    bench.say(`scheduler: ${idleTicks} rounds with nothing due`)
    await endRuns(pool)
    const idle = await measureIdle(bench)
    return [
      {
        what: `${sources} sources, claimed`,
        ...{ value: (claimedAt - dueAt) / 1000, unit: 's', below: 1 },
        detail: `from the second they are due; the slowest round took below ${formatNumber(ticks.slowest)} s; ${double} started twice`,
      },
      {
        what: `${sources} sources, called`,
        ...{ value: (calledAt - dueAt) / 1000, unit: 's', below: null },
        detail: `${calls} calls, by one process`,
      },
      {
        what: 'scheduler, memory',
        ...{ value: memoryAfter - memoryBefore, unit: 'MiB', below: 100 },
        detail: `RSS more than before, ${formatNumber(memoryAfter)} with ${sources} calls open`,
      },
      {
        what: 'a round with nothing due',
        ...{ value: idle * 1000, unit: 'ms', below: 20 },
        detail: `mean of ${idleTicks} with ${sources} sources there`,
      },
      planMany(),
    ]
  } finally {
    module.kill()
    await pool.end()
  }
}

/** Adds sources that ran before, each with one slot in the same second. Returns that second in ms since 1970. */
async function addSources(pool: pg.Pool, port: number): Promise<number> {
  const { rows } = await pool.query<{ due: string }>(
    `WITH source AS (
       INSERT INTO data_source (source_name, is_active, frequency, health_status, max_run_seconds, invocation_endpoint, created_at, modified_at)
       SELECT 'affinity', true, 'MONTHLY', 'UP', 3600, format('http://127.0.0.1:%s/%s', $1::int, n), now() - interval '1 day', now() - interval '1 day'
       FROM generate_series(1, $2::int) AS n RETURNING id
     ), task AS (
       INSERT INTO scheduled_task (data_source_id, schedule_type, scheduled_at, max_run_seconds)
       SELECT id, 'REGULAR', date_trunc('second', now() AT TIME ZONE 'UTC' + $3 * interval '1 millisecond'), 3600 FROM source
       RETURNING scheduled_at
     )
     SELECT extract(epoch FROM min(scheduled_at)) * 1000 AS due FROM task`,
    [port, sources, aheadMs],
  )
  return Number(rows[0]?.due)
}

type Asked = { calls: number; last: number; double: number }

async function waitForCalls(pool: pg.Pool, ask: () => Promise<Asked>, dueAt: number) {
  const { calls, last, double } = await waitFor(
    `calls of all ${sources} modules`,
    async () => {
      const asked = await ask()
      return asked.calls >= sources && asked
    },
    dueAt + deadlineMs - Date.now(),
    100,
  )
  const { rows } = await pool.query<{ claimed: string; attempts: number }>(
    `SELECT extract(epoch FROM max(started_at)) * 1000 AS claimed, max(attempts) AS attempts FROM scheduled_task WHERE status = 'PROCESSING'`,
  )
  if (rows[0]?.attempts !== 1) throw new Error(`a task had ${rows[0]?.attempts} attempts`)
  return { claimedAt: Number(rows[0].claimed), calledAt: last, calls, double }
}

async function askModules(port: number): Promise<Asked> {
  return (await (await fetch(`http://127.0.0.1:${port}/`)).json()) as Asked
}

/** The rounds so far, their total in s, and the bound of the histogram below the slowest. */
async function readTicks({ env }: Bench): Promise<{ count: number; sum: number; slowest: number }> {
  const text = await (await fetch(`${env()['SCHEDULER_HEALTH_URL']}/metrics`)).text()
  const read = (suffix: string) =>
    Number(new RegExp(`^parma_scheduler_tick_seconds_${suffix} (\\S+)$`, 'm').exec(text)?.[1])
  const count = read('count')
  const buckets = [...text.matchAll(/^parma_scheduler_tick_seconds_bucket\{le="([\d.]+)".*\} (\d+)$/gm)]
  const slowest = buckets.find(([, , within]) => Number(within) === count)?.[1]
  return { count, sum: read('sum'), slowest: Number(slowest ?? Infinity) }
}

async function wake({ env }: Bench): Promise<void> {
  const { status } = await fetch(`${env().EDGE_URL}/schedule`)
  if (status !== 200) throw new Error(`GET /schedule was answered ${status}`)
}

/** Leaves each source with its next slot, as between two runs. */
async function endRuns(pool: pg.Pool): Promise<void> {
  await pool.query(`UPDATE scheduled_task SET status = 'SUCCESS', ended_at = now() WHERE status = 'PROCESSING'`)
  await pool.query(`UPDATE scheduler.run SET outcome = 'ok', finished_at = now(), settled_at = now(), judged = true`)
}

/** Mean seconds of a round with nothing due. */
async function measureIdle(bench: Bench): Promise<number> {
  const means: number[] = []
  for (let group = 0; group < 5; group++) {
    const before = await readTicks(bench)
    for (let n = 0; n < idleTicks / 5; n++) {
      const { count } = await readTicks(bench)
      await wake(bench)
      const hasTicked = async () => (await readTicks(bench)).count > count
      await waitFor('a round after GET /schedule', hasTicked, 30_000, 20)
    }
    const after = await readTicks(bench)
    means.push((after.sum - before.sum) / (after.count - before.count))
  }
  return summarize(means).median
}

/** 10,000 sources of all kinds, 30 days ahead. */
function planMany(): Result {
  const now = Date.parse('2026-03-15T12:00Z')
  const crons = [...Array(30).keys()].map((n) => `${n * 2} ${n % 24} * * *`)
  const many = [...Array(10_000).keys()].map((id): SourceSlots & { paused_until: null } => ({
    ...{ id, off: null, jitter_ms: 0, catch_up: 'latest', grace_ms: 0, earliest: null, last_missed: null },
    ...{ waiting: [], first_run_at: 0, window: null, paused_until: null },
    frequency: (['HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY'] as const)[id % 4] ?? 'DAILY',
    cron: id % 5 === 0 ? (crons[(id / 5) % crons.length] ?? null) : null,
    zone: id % 2 === 0 ? 'Europe/Berlin' : 'UTC',
    latest: now - 60_000 * (id % 60),
  }))
  const startedAt = performance.now()
  let slots = 0
  for (const source of many) slots += previewSlots(source, now, now + 30 * 86_400_000).length
  const seconds = (performance.now() - startedAt) / 1000
  const detail = `${new Intl.NumberFormat('en-US').format(slots)} slots, a fifth of the sources by cron, half in a zone`
  return { what: 'plan of 10,000 × 30 days', value: seconds, unit: 's', detail, below: 1 }
}

/** Resident memory, MiB: proc_pid_status(5). */
function readMemory(pid: number): number {
  return Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}
