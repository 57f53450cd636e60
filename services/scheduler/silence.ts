import { z } from 'zod'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { formatTime } from '#runtime/text/format.ts'
import { bringsCompanies } from './build-request.ts'
import type { Config } from './config.ts'
import { rhythmOf } from '#runtime/plan/plan-slots.ts'
import { judgeSilence } from './judge-health.ts'
import { isPaused } from './policies.ts'
import { readSources } from './sources.ts'
import { epochMs } from './times.ts'
import { closeIncidents, closeIncidentsWhere, openIncidents, type Incident, type IncidentKey } from './incidents.ts'

const silenceRow = z.object({
  id: z.number(),
  name: z.string(),
  companies: z.number(),
  last_value_at: z.number(),
  last_off_at: z.number().nullable(),
  grace_ms: z.number(),
  last_run: z
    .object({ started_at: z.number(), over: z.boolean(), failed: z.boolean(), reason: z.string().nullable() })
    .nullable(),
})

/**
 * Opens an incident for each source that has brought no value for longer than its plan explains. Closes those of
 * sources that have, and those of sources that are gone, off or paused.
 */
export async function judgeSources(settings: Config, database: Database): Promise<void> {
  const plans = new Map((await readSources(settings, database)).map((source) => [source.id, source]))
  const rows = await database.any(sql.type(silenceRow)`
    SELECT s.id, s.source_name AS name,
      (SELECT count(*) FROM public.company_data_source l WHERE l.data_source_id = s.id) AS companies,
      ${epochMs(sql.fragment`greatest(
        (SELECT max(last_fed_at) FROM scheduler.company_source c WHERE c.data_source_id = s.id),
        least(s.created_at AT TIME ZONE 'UTC', now()))`)} AS last_value_at,
      (SELECT max(to_slot) FROM scheduler.missed m
        WHERE m.data_source_id = s.id AND reason IN ('inactive', 'paused')) AS last_off_at,
      (coalesce(p.max_attempts, ${settings.MAX_ATTEMPTS})::float8 * s.max_run_seconds + coalesce(p.jitter_seconds, 0)
        + ${settings.STALE_GRACE_SECONDS}) * 1000 AS grace_ms,
      (SELECT json_build_object('started_at', ${epochMs(sql.fragment`r.started_at`)}, 'over', r.outcome IS NOT NULL,
          'failed', coalesce(r.outcome = 'failed', false) OR r.finished_at IS NULL, 'reason', r.reason)
        FROM scheduler.run r WHERE r.data_source_id = s.id AND r.started_at IS NOT NULL
        ORDER BY r.started_at DESC LIMIT 1) AS last_run
    FROM public.data_source s LEFT JOIN scheduler.source_policy p ON p.data_source_id = s.id`)
  const stale: Incident[] = []
  const well: IncidentKey[] = []
  for (const { id, name, companies, ...row } of rows) {
    const source = plans.get(id)
    if (!source) continue
    const has_companies = companies > 0 || bringsCompanies(name)
    const silence = { ...row, off: source.off, rhythm: rhythmOf(source), has_companies }
    const found = judgeSilence(silence, source.now)
    const key: IncidentKey = { kind: 'stale', data_source_id: id, company_id: null }
    if (!found) well.push(key)
    else {
      const since = formatTime(found.since)
      const { what, because } = found
      const message = `No value from ${name} since ${since}: ${because}. \`parma schedule ls\` shows its plan and last run.`
      stale.push({ ...key, subject: name, message, facts: { what, since, because } })
    }
  }
  await database.transaction((tx) => openIncidents(tx, stale))
  await database.transaction((tx) => closeIncidents(tx, well))
  await database.transaction(closePointless)
}

/** Closes incidents that no longer matter: the source or link was deleted, or the source was switched off or paused. */
async function closePointless(tx: Transaction): Promise<void> {
  await closeIncidentsWhere(
    tx,
    sql.fragment`
      NOT EXISTS (SELECT FROM public.data_source d WHERE d.id = s.data_source_id)
      OR s.company_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.company_data_source l WHERE l.data_source_id = s.data_source_id AND l.company_id = s.company_id)
      OR s.kind = 'stale' AND EXISTS (
        SELECT FROM public.data_source d LEFT JOIN scheduler.source_policy p ON p.data_source_id = d.id
        WHERE d.id = s.data_source_id AND (NOT d.is_active OR ${isPaused}))`,
  )
}
