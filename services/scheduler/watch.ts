import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres.ts'
import { nextStartInMs } from './due.ts'
import { restsUntil } from './rest.ts'
import { nowMs, type PlanSettings, readSources, type SourceState } from './sources.ts'

/**
 * Sources at which there may be something to do now, and ms until there may be something at any other moment; null: nothing
 * is to come.
 */
export type Look = { sources: readonly SourceState[]; nextInMs: number | null }

/**
 * Returns what looks at the sources: at all of them the first time, later at those whose time has come and at those of which a row
 * was changed meanwhile, by whomever.
 */
export function watchSources(database: Database, settings: PlanSettings): () => Promise<Look> {
  let resting = new Map<number, { version: string; until: number }>()
  return async () => {
    // Versions first: what changes before the rows are read is seen once more.
    const { now, versions } = await readVersions(database)
    resting = new Map([...resting].filter(([id, { version, until }]) => versions.get(id) === version && now < until))
    const awake = [...versions.keys()].filter((id) => !resting.has(id))
    const ends = [...resting.values()].map(({ until }) => until - now)
    const sources = awake.length > 0 ? await readSources(database, settings, awake) : []
    for (const source of sources) {
      const until = restsUntil(source, source.now)
      const version = versions.get(source.id)
      if (until !== null && version !== undefined) resting.set(source.id, { version, until })
    }
    const next = Math.min(...ends, nextStartInMs(sources) ?? Infinity)
    return { sources, nextInMs: Number.isFinite(next) ? next : null }
  }
}

const versionsRow = z.object({ now: z.number(), versions: z.record(z.string(), z.string()) })

/**
 * What differs whenever a row was made, changed or deleted that decides when a source runs: each transaction leaves its own
 * number in the rows it writes (https://www.postgresql.org/docs/current/ddl-system-columns.html).
 */
async function readVersions(database: Database): Promise<{ now: number; versions: Map<number, string> }> {
  const { now, versions } = await database.one(sql.type(versionsRow)`
    SELECT ${nowMs} AS now, coalesce(json_object_agg(s.id, concat(s.xmin, ' ', p.xmin, ' ', task.versions)), '{}') AS versions
    FROM public.data_source s
    LEFT JOIN scheduler.source_policy p ON p.data_source_id = s.id
    LEFT JOIN (
      SELECT data_source_id, string_agg(xmin::text, ' ') AS versions
      FROM public.scheduled_task WHERE status IN ('PENDING', 'PROCESSING')
      GROUP BY data_source_id
    ) AS task ON task.data_source_id = s.id`)
  return { now, versions: new Map(Object.entries(versions).map(([id, version]) => [Number(id), version])) }
}
