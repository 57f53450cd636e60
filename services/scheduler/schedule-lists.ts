import { z } from 'zod'
import { findSource, withDatabase, isoTime } from '#runtime/commands/command-database.ts'
import { printRows } from '#runtime/commands/commands.ts'
import { requireCount } from '#runtime/commands/read-typed.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { formatNumber, formatShortTime } from '#runtime/text/format.ts'
import { dayMs } from '#runtime/text/time.ts'
import { readPlanConfig } from './config.ts'
import { cronProblem } from '#runtime/plan/cron.ts'
import { previewSlots } from '#runtime/plan/plan-slots.ts'
import { readSources, type SourceState } from './sources.ts'
import { epochMs } from './times.ts'

/** A source without a slot in this span has none to show: patterns may name a date once in a year. */
const longestLookAheadMs = 400 * dayMs

const lastRunRow = z.object({
  id: z.number(),
  name: z.string(),
  health: z.string(),
  uptime: z.number().nullable(),
  last_slot: z.number().nullable(),
  outcome: z.string().nullable(),
  reason: z.string().nullable(),
  cron: z.string().nullable(),
})

/** `parma schedule ls`: every source with its plan, state, next slot, last run and health. */
export async function listSources({ json = false }: { json?: boolean }): Promise<void> {
  const rows = await withDatabase(async (database) => {
    const lastRuns = await database.any(sql.type(lastRunRow)`
      SELECT s.id, s.source_name AS name, s.health_status::text AS health, h.uptime::float8 AS uptime,
        ${epochMs(sql.fragment`r.slot`)} AS last_slot, coalesce(r.outcome, lower(t.status::text)) AS outcome, r.reason, p.cron
      FROM public.data_source s
      LEFT JOIN scheduler.source_policy p ON p.data_source_id = s.id
      LEFT JOIN scheduler.source_health h ON h.data_source_id = s.id
      LEFT JOIN LATERAL (
        SELECT * FROM scheduler.run r WHERE r.data_source_id = s.id AND r.started_at IS NOT NULL
        ORDER BY started_at DESC LIMIT 1
      ) AS r ON true
      LEFT JOIN public.scheduled_task t ON t.task_id = r.task_id
      ORDER BY s.id`)
    const states = new Map((await readSources(readPlanConfig(), database)).map((state) => [state.id, state]))
    return lastRuns.flatMap(({ id, name, health, uptime, last_slot, outcome, reason, cron }) => {
      const state = states.get(id)
      if (!state) return []
      const [next] = previewSlots(state, state.now, state.now + longestLookAheadMs, 1)
      return {
        id,
        name,
        plan: planOf(state, cron),
        window: windowOf(state),
        catch_up: state.catch_up,
        state: stateOf(state),
        next: iso(next),
        last: iso(last_slot),
        outcome,
        reason,
        health,
        uptime: uptime === null ? null : formatUptime(uptime),
      }
    })
  })
  printRows(rows, json, ['next', 'last'])
}

/** A part of 1 in percent; 100% only if nothing is missing. */
function formatUptime(part: number): string {
  return `${formatNumber(Math.floor(part * 10_000) / 100)}%`
}

/** `stored`: the pattern in the source's policy. One that cannot be read has no effect. */
function planOf({ cron, zone, frequency }: SourceState, stored: string | null): string {
  if (cron !== null) return `${cron} ${zone}`
  const problem = stored === null ? null : cronProblem(stored, zone)
  return `${frequency.toLowerCase()}${problem === null ? '' : ` (the pattern ${JSON.stringify(stored)} has no effect: ${problem})`}`
}

function windowOf({ window }: SourceState): string | null {
  if (!window) return null
  const clock = (minutes: number) =>
    [Math.floor(minutes / 60), minutes % 60].map((n) => String(n).padStart(2, '0')).join(':')
  return `${clock(window.from)}-${clock(window.to)} ${window.zone}`
}

function stateOf({ off, paused_until, breaker_open_until, now, tasks }: SourceState): string {
  if (off === 'paused') return paused_until === null ? 'paused' : `paused until ${formatShortTime(paused_until)}`
  if (off === 'inactive') return 'switched off'
  if (tasks.some(({ status }) => status === 'PROCESSING')) return 'running'
  if (breaker_open_until !== null && breaker_open_until > now)
    return `circuit breaker open until ${formatShortTime(breaker_open_until)}`
  return 'on'
}

/** A time in JSON, to the second; null where there is none. */
export function iso(at: number | null | undefined): string | null {
  return at === null || at === undefined ? null : new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
}

/** `parma schedule preview`: the slots to come, of one source or of all. */
export async function listSlots(
  source: string | undefined,
  { json = false, days }: { json?: boolean; days: string },
): Promise<void> {
  const span = requireCount(days, '--days', { most: 3660 }) * dayMs
  const rows = await withDatabase(async (database) => {
    const ids = source === undefined ? null : [await findSource(database, source)]
    const names = await readNames(database)
    const sources = await readSources(readPlanConfig(), database, ids)
    return sources
      .flatMap((state) => previewSlots(state, state.now, state.now + span).map((slot) => ({ slot, state })))
      .sort((a, b) => a.slot - b.slot)
      .map(({ slot, state: { id, zone } }) => ({
        at: iso(slot),
        source: names.get(id) ?? null,
        id,
        local: zone === 'UTC' ? null : `${new Date(slot).toLocaleString('sv-SE', { timeZone: zone })} ${zone}`,
      }))
  })
  const toTheMinute = (local: string | null) => local?.replace(/:\d\d (\S+)$/, ' $1') ?? null
  printRows(json ? rows : rows.map((row) => ({ ...row, local: toTheMinute(row.local) })), json, ['at'])
}

async function readNames(database: Database): Promise<Map<number, string>> {
  const nameRow = z.object({ id: z.number(), name: z.string() })
  const rows = await database.any(sql.type(nameRow)`SELECT id, source_name AS name FROM public.data_source`)
  return new Map(rows.map(({ id, name }) => [id, name]))
}

const changeRow = z.object({
  at: z.string(),
  by: z.string(),
  what: z.string(),
  before: z.record(z.string(), z.unknown()).nullable(),
  after: z.record(z.string(), z.unknown()).nullable(),
})

/** `parma schedule history`: the changes of a source's plan, newest first. */
export async function listChanges(source: string, { json = false }: { json?: boolean }): Promise<void> {
  const rows = await withDatabase(async (database) => {
    const id = await findSource(database, source)
    return database.any(sql.type(changeRow)`
      SELECT ${isoTime(sql.fragment`at`)} AS at, by, what, before, after
      FROM scheduler.policy_change WHERE data_source_id = ${id} ORDER BY change_no DESC`)
  })
  if (json) return printRows(rows, true)
  printRows(
    rows.map(({ at, by, what, before, after }) => ({ at, by, what, changed: describeChanges(before, after) })),
    false,
    ['at'],
  )
}

type Values = Record<string, unknown> | null

function describeChanges(before: Values, after: Values): string[] {
  return Object.keys(after ?? {})
    .filter((key) => JSON.stringify(before?.[key]) !== JSON.stringify(after?.[key]))
    .map((key) => `${key}: ${String(before?.[key] ?? '-')} → ${String(after?.[key] ?? '-')}`)
}
