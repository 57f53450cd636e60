import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { nextStartInMs } from './pick-due.ts'
import { idleUntil } from './idle-until.ts'
import { type PlanSettings, readSources, type SourceState } from './sources.ts'
import { nowMs } from './times.ts'

/**
 * Sources at which there may be something to do now, and ms until there may be something at any other moment; null: nothing
 * is to come.
 */
export type WatchedSources = { sources: readonly SourceState[]; nextInMs: number | null }

/**
 * Tasks have no index but their key, and their number only grows: in between only those are looked at that were not over the
 * last time, and those made since. A task that somebody opens again by hand is found this late.
 */
const allTasksEveryMs = 60_000

/** So many ids below the newest may still be written by transactions under way. */
const idsUnderWay = 10_000

/**
 * Returns what looks at the sources: at all of them the first time, later at those whose time has come and at those of which a row
 * was changed meanwhile, by whomever.
 */
export function createSourceWatch(database: Database, settings: PlanSettings): () => Promise<WatchedSources> {
  let idle = new Map<number, { version: string; until: number }>()
  let tasks: KnownTasks | null = null
  let allSeenAt = -Infinity
  return async () => {
    const startedAt = performance.now()
    if (startedAt - allSeenAt >= allTasksEveryMs) tasks = null
    if (tasks === null) allSeenAt = startedAt
    // Versions first: what changes before the rows are read is seen once more.
    const { now, versions, ...seen } = await readVersions(database, tasks)
    tasks = seen
    idle = new Map([...idle].filter(([id, { version, until }]) => versions.get(id) === version && now < until))
    const awake = [...versions.keys()].filter((id) => !idle.has(id))
    const ends = [...idle.values()].map(({ until }) => until - now)
    const sources = awake.length > 0 ? await readSources(database, settings, awake) : []
    for (const source of sources) {
      const until = idleUntil(source, source.now)
      const version = versions.get(source.id)
      if (until !== null && version !== undefined) idle.set(source.id, { version, until })
    }
    const next = Math.min(...ends, nextStartInMs(sources) ?? Infinity)
    return { sources, nextInMs: Number.isFinite(next) ? next : null }
  }
}

/** Those that are not over, and the newest of all. */
type KnownTasks = { open: readonly number[]; newest: number }

const versionsRow = z.object({
  now: z.number(),
  versions: z.record(z.string(), z.string()),
  open: z.array(z.number()),
  newest: z.number(),
})

/**
 * What differs whenever a row was made, changed or deleted that decides when a source runs: each transaction leaves its own
 * number in the rows it writes (https://www.postgresql.org/docs/current/ddl-system-columns.html). Looks at all tasks
 * where none are known.
 */
async function readVersions(database: Database, known: KnownTasks | null) {
  const isSeen = known
    ? sql.fragment`(task_id = ANY(${sql.array([...known.open], 'int4')}) OR task_id > ${known.newest - idsUnderWay})`
    : sql.fragment`true`
  const row = await database.one(sql.type(versionsRow)`
    WITH open AS MATERIALIZED (
      SELECT data_source_id, task_id, xmin FROM public.scheduled_task WHERE status IN ('PENDING', 'PROCESSING') AND ${isSeen}
    ), task AS (
      SELECT data_source_id, string_agg(xmin::text, ' ') AS versions FROM open GROUP BY data_source_id
    )
    SELECT ${nowMs} AS now, (SELECT coalesce(json_agg(task_id), '[]') FROM open) AS open,
      (SELECT coalesce(max(task_id), 0) FROM public.scheduled_task) AS newest,
      coalesce(json_object_agg(s.id, concat(s.xmin, ' ', p.xmin, ' ', task.versions)), '{}') AS versions
    FROM public.data_source s
    LEFT JOIN scheduler.source_policy p ON p.data_source_id = s.id
    LEFT JOIN task ON task.data_source_id = s.id`)
  return { ...row, versions: new Map(Object.entries(row.versions).map(([id, version]) => [Number(id), version])) }
}
