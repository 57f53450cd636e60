import { userInfo } from 'node:os'
import { type Command, Option } from 'commander'
import { z } from 'zod'
import { findCompany, findSource, requireCount, requireText, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows, UsageError } from '#runtime/commands/commands.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { readPlanConfig } from './config.ts'
import { previewSlots } from './plan-slots.ts'
import { changeWithRecord, writePolicy } from './policies.ts'
import { changePolicy, type PolicyWords, readUntil } from './read-policy.ts'
import { requestRun } from './request-run.ts'
import { readSources, type SourceState } from './sources.ts'
import { epochMs } from './times.ts'

type Output = { json?: boolean }
type Signed = Output & { by?: string }

export function build(group: Command): void {
  group
    .command('ls')
    .description('list sources with their plan, next slot, last run and health')
    .option('--json', 'print JSON')
    .action(list)
  signed(group.command('set').description('change when a source runs; what is not given stays as it is'))
    .argument('<source>', 'id or name')
    .option(
      '--cron <pattern>',
      'minute, hour, day of month, month, day of week, in place of its frequency; none: the frequency again',
    )
    .option('--zone <zone>', 'time zone of pattern and window, such as Europe/Berlin (UTC)')
    .option(
      '--window <from-to>',
      'of the day in which it may run, such as 08:00-18:00; what falls outside runs when it opens; none: always',
    )
    .option('--jitter <seconds>', 'planned runs start up to this much later, each by its own share (0)')
    .addOption(
      new Option('--catch-up <which>', 'slots that run after an outage (latest)').choices(['latest', 'all', 'none']),
    )
    .option('--attempts <count>', 'how often a task is tried; default: as the settings say')
    .option(
      '--backoff <seconds>',
      'wait before the second attempt, doubled for each further one; default: as the settings say',
    )
    .option('--overlap', 'a run may start while another is under way')
    .option('--no-overlap', 'it may not')
    .action(set)
  signed(group.command('pause').description('plan and start no runs of a source; what is under way goes on'))
    .argument('<source>', 'id or name')
    .option('--until <when>', 'when it goes on by itself: ISO 8601, or so long from now, such as 90m, 12h or 7d')
    .option('--reason <text>', 'why, for others')
    .action(pause)
  signed(group.command('resume').description('end the pause of a source'))
    .argument('<source>', 'id or name')
    .action(resume)
  signed(group.command('run').description('run a source now, beside its plan; refused while it runs'))
    .argument('<source>', 'id or name')
    .option(
      '--company <company>',
      'only this one, by id or name; may be given several times',
      (text, all: string[]) => [...all, text],
      [],
    )
    .action(run)
  group
    .command('preview')
    .description('the slots that are to come, if nothing changes')
    .argument('[source]', 'id or name; all sources where none is given')
    .option('--days <days>', 'how far to look ahead', '30')
    .option('--json', 'print JSON')
    .action(preview)
  group
    .command('history')
    .description('who changed what, the newest first')
    .argument('<source>', 'id or name')
    .option('--json', 'print JSON')
    .action(history)
}

function signed(command: Command): Command {
  return command.option('--by <name>', 'who says so (the user of this machine)').option('--json', 'print JSON')
}

/** Runs `work` on a source in one transaction. */
function onSource<T>(source: string, work: (tx: Transaction, sourceId: number) => Promise<T>): Promise<T> {
  return withDatabase((database) => database.transaction(async (tx) => work(tx, await findSource(tx, source))))
}

function nameOf({ by }: Signed): string {
  return requireText(by ?? userInfo().username, '--by')
}

const shownRow = z.object({
  id: z.number(),
  name: z.string(),
  health: z.string(),
  uptime: z.number().nullable(),
  last_task: z.number().nullable(),
  last_slot: z.number().nullable(),
  last_status: z.string().nullable(),
  last_reason: z.string().nullable(),
})

async function list({ json = false }: Output): Promise<void> {
  const rows = await withDatabase(async (database) => {
    const shown = await database.any(sql.type(shownRow)`
      SELECT s.id, s.source_name AS name, s.health_status::text AS health, h.uptime::float8 AS uptime, r.task_id AS last_task,
        ${epochMs(sql.fragment`r.slot`)} AS last_slot, coalesce(r.outcome, lower(t.status::text)) AS last_status, r.reason AS last_reason
      FROM public.data_source s
      LEFT JOIN scheduler.source_health h ON h.data_source_id = s.id
      LEFT JOIN LATERAL (
        SELECT * FROM scheduler.run r WHERE r.data_source_id = s.id AND r.started_at IS NOT NULL ORDER BY started_at DESC LIMIT 1
      ) AS r ON true
      LEFT JOIN public.scheduled_task t ON t.task_id = r.task_id
      ORDER BY s.id`)
    const states = new Map((await readSources(database, readPlanConfig())).map((state) => [state.id, state]))
    return shown.flatMap(({ id, name, health, uptime, ...last }) => {
      const state = states.get(id)
      if (!state) return []
      const [next] = previewSlots(state, state.now, state.now + 400 * 86_400_000)
      return {
        ...{ id, name, plan: planOf(state), window: windowOf(state), catch_up: state.catch_up },
        ...{ state: stateOf(state), next: iso(next), last: iso(last.last_slot), outcome: last.last_status },
        ...{ reason: last.last_reason, health, uptime: uptime === null ? null : `${(uptime * 100).toFixed(2)} %` },
      }
    })
  })
  printRows(rows, json)
}

function planOf({ cron, zone, frequency }: SourceState): string {
  return cron === null ? frequency.toLowerCase() : `${cron} ${zone}`
}

function windowOf({ window }: SourceState): string | null {
  if (!window) return null
  const clock = (minutes: number) =>
    [Math.floor(minutes / 60), minutes % 60].map((n) => String(n).padStart(2, '0')).join(':')
  return `${clock(window.from)}-${clock(window.to)} ${window.zone}`
}

function stateOf({ off, paused_until, breaker_open_until, now, tasks }: SourceState): string {
  if (off === 'paused') return paused_until === null ? 'paused' : `paused until ${iso(paused_until)}`
  if (off === 'inactive') return 'switched off'
  if (tasks.some(({ status }) => status === 'PROCESSING')) return 'running'
  if ((breaker_open_until ?? 0) > now) return `module rests until ${iso(breaker_open_until)}`
  return 'on'
}

function iso(at: number | null | undefined): string | null {
  return at === null || at === undefined ? null : new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
}

async function set(source: string, { json = false, by, ...words }: PolicyWords & Signed): Promise<void> {
  if (Object.values(words).every((word) => word === undefined))
    throw new UsageError('Nothing to change: `parma schedule set --help` shows what there is.')
  const id = await onSource(source, async (tx, id) => {
    await changeWithRecord(tx, id, { by: nameOf({ by }), what: 'set' }, async (before) => {
      const after = changePolicy(before, words)
      if ('problem' in after) throw new UsageError(after.problem)
      await writePolicy(tx, id, after)
    })
    return id
  })
  printResult({ id }, `changed the plan of source ${id}: \`parma schedule preview ${id}\` shows it`, json)
}

type Pause = Signed & { until?: string; reason?: string }

async function pause(source: string, { json = false, by, until, reason }: Pause): Promise<void> {
  const end = until === undefined ? null : readUntil(until, Date.now())
  if (until !== undefined && end === null)
    throw new UsageError(
      `--until is ${JSON.stringify(until)}: give a time to come, such as 2030-01-31T08:00Z, or 12h or 7d.`,
    )
  const id = await onSource(source, async (tx, id) => {
    await changeWithRecord(tx, id, { by: nameOf({ by }), what: 'pause' }, async () => {
      await tx.query(sql.unsafe`
        UPDATE scheduler.source_policy SET paused_at = now(), paused_until = to_timestamp(${end}::float8 / 1000), pause_reason = ${reason ?? null}
        WHERE data_source_id = ${id}`)
    })
    return id
  })
  printResult({ id, until: iso(end) }, `source ${id} is paused${end === null ? '' : ` until ${iso(end)}`}`, json)
}

async function resume(source: string, { json = false, by }: Signed): Promise<void> {
  const id = await onSource(source, async (tx, id) => {
    await changeWithRecord(tx, id, { by: nameOf({ by }), what: 'resume' }, async () => {
      await tx.query(sql.unsafe`
        UPDATE scheduler.source_policy SET paused_at = NULL, paused_until = NULL, pause_reason = NULL WHERE data_source_id = ${id}`)
    })
    return id
  })
  printResult({ id }, `source ${id} runs with its next slot`, json)
}

async function run(source: string, { json = false, by, company = [] }: Signed & { company?: string[] }): Promise<void> {
  const task_id = await onSource(source, async (tx, id) => {
    const companies: number[] = []
    for (const one of company) companies.push(await findCompany(tx, one))
    const requested = await requestRun(tx, id, companies.length === 0 ? null : companies)
    if ('refused' in requested) throw new UsageError(`Refused: ${requested.refused}.`)
    const what = `run ${requested.task_id}${companies.length === 0 ? '' : ` of company ${companies.join(', ')}`}`
    await changeWithRecord(tx, id, { by: nameOf({ by }), what }, async () => undefined)
    return requested.task_id
  })
  printResult({ task_id }, `task ${task_id} starts with the scheduler's next round`, json)
}

async function preview(source: string | undefined, { json = false, days }: Output & { days: string }): Promise<void> {
  const span = requireCount(days, '--days') * 86_400_000
  const rows = await withDatabase(async (database) => {
    const ids = source === undefined ? null : [await findSource(database, source)]
    const names = await readNames(database)
    const sources = await readSources(database, readPlanConfig(), ids)
    return sources.flatMap((state) =>
      previewSlots(state, state.now, state.now + span).map((slot) => ({
        ...{ at: iso(slot), source: names.get(state.id) ?? null, id: state.id },
        local:
          state.zone === 'UTC'
            ? null
            : `${new Date(slot).toLocaleString('sv-SE', { timeZone: state.zone })} ${state.zone}`,
      })),
    )
  })
  printRows(
    rows.sort((a, b) => ((a.at ?? '') < (b.at ?? '') ? -1 : 1)),
    json,
  )
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

async function history(source: string, { json = false }: Output): Promise<void> {
  const rows = await onSource(source, (tx, id) =>
    tx.any(sql.type(changeRow)`
      SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at, by, what, before, after
      FROM scheduler.policy_change WHERE data_source_id = ${id} ORDER BY change_no DESC`),
  )
  if (json) return printRows(rows, true)
  printRows(
    rows.map(({ before, after, ...change }) => {
      const changed = Object.keys(after ?? {}).filter(
        (key) => JSON.stringify(before?.[key]) !== JSON.stringify(after?.[key]),
      )
      return {
        ...change,
        changed: changed.map((key) => `${key}: ${String(before?.[key] ?? '-')} → ${String(after?.[key] ?? '-')}`),
      }
    }),
    false,
  )
}
