import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'

/** Rows of a kind that a page shows. There may be more: it says how many. */
const most = 50

const sourceIncident = z.object({
  kind: z.string(),
  source_id: z.int(),
  name: z.string().nullable(),
  /** Null: the whole source. */
  companies: z.int().nullable(),
  message: z.string(),
  since: z.number(),
})
const destination = z.object({
  channel: z.string(),
  address: z.string(),
  reason: z.string(),
  since: z.number().nullable(),
})
const refused = z.object({ source_id: z.int(), name: z.string().nullable(), leaves: z.int(), since: z.number() })
const waitingMap = z.object({ source_id: z.int(), name: z.string().nullable(), losses: z.int(), since: z.number() })
const letters = z.object({ service: z.string(), letters: z.int(), oldest: z.number() })
const lead = z.object({
  sources: z.int(),
  /** One of those that are next: without a map, without a company, without a run. */
  unmapped: z.int().nullable(),
  mapped: z.int(),
  linked: z.boolean(),
  idle: z.int().nullable(),
  fed: z.boolean(),
  heard: z.boolean(),
})
const edge = z.object({ name: z.string(), seen_at: z.number(), reason: z.string().nullable(), waits: z.boolean() })

/** What Postgres knows of what is wrong, and of how far the installation has been set up. Times are ms since 1970. */
export type Facts = {
  incidents: readonly z.output<typeof sourceIncident>[]
  parked: readonly z.output<typeof destination>[]
  refused: readonly z.output<typeof refused>[]
  waitingMaps: readonly z.output<typeof waitingMap>[]
  letters: readonly z.output<typeof letters>[]
  edges: readonly z.output<typeof edge>[]
  lead: z.output<typeof lead>
}

export async function readFacts(database: Database): Promise<Facts> {
  const [incidents, parked, refusals, waitingMaps, open, edges, steps] = await Promise.all([
    readIncidents(database),
    database.any(sql.type(destination)`
      SELECT channel, left(address, 120) AS address, coalesce(parked_reason, problem, '') AS reason, parked_at AS since
      FROM notifier.destination_view WHERE parked_at IS NOT NULL AND unsubscribed_at IS NULL
      ORDER BY parked_at LIMIT ${most}`),
    database.any(sql.type(refused)`
      SELECT r.data_source_id AS source_id, d.source_name AS name, r.leaves, r.since
      FROM (
        SELECT data_source_id, sum(leaves)::int AS leaves, min(refused_at) AS since FROM normalizer.refusal_view
        WHERE reason <> 'unmapped' AND NOT ignored GROUP BY data_source_id
      ) r LEFT JOIN public.data_source d ON d.id = r.data_source_id
      ORDER BY r.leaves DESC, r.data_source_id LIMIT ${most}`),
    database.any(sql.type(waitingMap)`
      SELECT m.data_source_id AS source_id, left(d.source_name, 200) AS name, jsonb_array_length(m.losses) AS losses,
        m.at AS since
      FROM edge.map_draft m LEFT JOIN public.data_source d ON d.id = m.data_source_id
      WHERE m.state = 'waiting' ORDER BY m.at LIMIT ${most}`),
    database.any(sql.type(letters)`SELECT service, letters, oldest FROM edge.open_letters_view ORDER BY service`),
    database.any(sql.type(edge)`
      SELECT name, seen_at, reason, hold_state = 'waiting' IS TRUE AS waits FROM edge.process
      WHERE seen_at > now() - interval '1 minute' ORDER BY name LIMIT ${most}`),
    database.one(leadQuery),
  ])
  return { incidents, parked, refused: refusals, waitingMaps, letters: open, edges, lead: steps }
}

/** Each incident of a whole source; those of companies at it as one, with how many they are. */
function readIncidents(database: Database): Promise<Facts['incidents']> {
  return database.any(sql.type(sourceIncident)`
    WITH open AS (
      SELECT kind, data_source_id, company_id, message, opened_at FROM scheduler.incident_view WHERE resolved_at IS NULL
      UNION ALL SELECT kind, data_source_id, company_id, message, opened_at FROM analyzer.incident_text_view
      WHERE resolved_at IS NULL
      UNION ALL SELECT 'suspect-run', data_source_id, NULL, coalesce(message, ''), suspected_at
      FROM analyzer.suspect_run_view
    ), grouped AS (
      SELECT kind, data_source_id, CASE WHEN company_id IS NULL THEN NULL ELSE count(*)::int END AS companies,
        min(message) AS message, min(opened_at) AS since
      FROM open GROUP BY kind, data_source_id, company_id IS NULL, CASE WHEN company_id IS NULL THEN message END,
        CASE WHEN company_id IS NULL THEN opened_at END
      UNION ALL
      SELECT 'drift', data_source_id, NULL, count(*) || CASE count(*) WHEN 1 THEN ' place' ELSE ' places' END
        || ' where payloads do not fit the map: ' || min(message), min(opened_at)
      FROM normalizer.incident_view WHERE resolved_at IS NULL AND policy <> 'ignore' GROUP BY data_source_id
    )
    SELECT g.kind, g.data_source_id AS source_id, left(d.source_name, 200) AS name, g.companies, g.message, g.since
    FROM grouped g LEFT JOIN public.data_source d ON d.id = g.data_source_id
    ORDER BY CASE g.kind WHEN 'source-down' THEN 0 WHEN 'suspect-run' THEN 1 WHEN 'stale' THEN 2 ELSE 3 END,
      g.companies IS NOT NULL, g.since LIMIT ${4 * most}`)
}

const leadQuery = sql.type(lead)`
  SELECT (SELECT count(*)::int FROM public.data_source) AS sources,
    (SELECT min(id) FROM public.data_source d WHERE is_active
      AND NOT EXISTS (SELECT FROM edge.normalization_map m WHERE m.data_source_id = d.id)) AS unmapped,
    (SELECT count(DISTINCT data_source_id)::int FROM edge.normalization_map) AS mapped,
    EXISTS (SELECT FROM public.company_data_source) AS linked,
    (SELECT min(id) FROM public.data_source d WHERE is_active
      AND EXISTS (SELECT FROM edge.normalization_map m WHERE m.data_source_id = d.id)
      AND NOT EXISTS (SELECT FROM scheduler.run_view r WHERE r.data_source_id = d.id AND r.started_at IS NOT NULL)) AS idle,
    EXISTS (SELECT FROM normalizer.lineage WHERE reason IS NULL) AS fed,
    EXISTS (SELECT FROM public.company_subscription UNION ALL SELECT FROM public.news_subscription
      UNION ALL SELECT FROM notifier.person_subscription_view UNION ALL SELECT FROM public.bucket) AS heard`
