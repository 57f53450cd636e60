import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { nextStartInMs } from './pick-due.ts'
import { idleUntil } from './idle-until.ts'
import { type PlanSettings, readSources, type SourceState } from './sources.ts'
import { nowMs } from './times.ts'

/**
 * The sources that may need work now, and ms until the next one may; null: none will.
 */
export type WatchedSources = { sources: readonly SourceState[]; nextInMs: number | null }

/**
 * How often all tasks are read. They have no index but their key and their number only grows, so in between only those
 * are read that had not ended the last time, and newer ones. A task that is reopened by hand is found this late.
 */
const allTasksEveryMs = 60_000

/** This many ids below the newest may belong to transactions that have not committed yet. */
const idsUnderWay = 10_000

/**
 * Returns a function that reads the sources that may need work: all of them the first time, later those whose time has
 * come and those with a changed row.
 */
export function createSourceWatch(settings: PlanSettings, database: Database): () => Promise<WatchedSources> {
  let idle = new Map<number, { version: string; until: number }>()
  let tasks: KnownTasks | null = null
  let allSeenAt = -Infinity
  return async () => {
    const startedAt = performance.now()
    if (startedAt - allSeenAt >= allTasksEveryMs) tasks = null
    if (tasks === null) allSeenAt = startedAt
    // Versions first: a row that changes before the sources are read is then read once more.
    const { now, versions, ...seen } = await readVersions(database, tasks)
    tasks = seen
    idle = new Map([...idle].filter(([id, { version, until }]) => versions.get(id) === version && now < until))
    const awake = [...versions.keys()].filter((id) => !idle.has(id))
    const ends = [...idle.values()].map(({ until }) => until - now)
    const sources = awake.length > 0 ? await readSources(settings, database, awake) : []
    for (const source of sources) {
      const until = idleUntil(source, source.now)
      const version = versions.get(source.id)
      if (until !== null && version !== undefined) idle.set(source.id, { version, until })
    }
    const next = Math.min(...ends, nextStartInMs(sources) ?? Infinity)
    return { sources, nextInMs: Number.isFinite(next) ? next : null }
  }
}

/** The tasks that have not ended, and the newest id of all. */
type KnownTasks = { open: readonly number[]; newest: number }

const versionsRow = z.object({
  now: z.number(),
  versions: z.record(z.string(), z.string()),
  open: z.array(z.number()),
  newest: z.number(),
})

/**
 * A text for each source that differs whenever a row that decides when it runs was created, changed or deleted: each
 * transaction leaves its number in the rows it writes
 * (https://www.postgresql.org/docs/current/ddl-system-columns.html). Reads all tasks where none are known.
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
