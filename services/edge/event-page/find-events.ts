import { z } from 'zod'
import { dayMs } from '#runtime/text/time.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { backward, id, isForward, time, timeOf } from '../ask/parameters.ts'
import { text } from '../http/validation.ts'

/** What an event is searched by. The address of the page holds it. */
export const eventQuery = z
  .object({
    q: text(500).optional().describe('The id of an event, or the path of its raw document.'),
    task: id.optional().describe('Payloads of the run of this task.'),
    company: text(200).optional().describe('Id or name of a company.'),
    source: id.optional(),
    since: time.optional().describe('Received from this time on; 30 days ago without it.'),
    until: time.optional(),
  })
  .refine(isForward, backward)
export type EventQuery = z.output<typeof eventQuery>

/** The id of an event: in a text that is one, or in the path of a raw document. */
export function eventIdIn(q: string): string | null {
  return /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/i.exec(q)?.[0].toLowerCase() ?? null
}

const eventRow = z.object({
  event_id: z.string(),
  source_name: z.string(),
  company_id: z.string(),
  company: z.string().nullable(),
  task_id: z.number().nullable(),
  received_at: z.number(),
  reason: z.string().nullable(),
  stored: z.number(),
  refused: z.number(),
})
export type FoundEvent = z.output<typeof eventRow>

/** Events that a search lists: whoever looks for one narrows the time down. */
const most = 50
const usualDays = 30

type Searched = { [K in keyof EventQuery]: EventQuery[K] | null }

/** The newest payloads that fit, source by source because that is how they are indexed. */
export function findEvents(database: Database, query: EventQuery, now: number): Promise<readonly FoundEvent[]> {
  const { task = null, company, source = null, since, until }: Searched = query
  // A task names its payloads, however old they are.
  const from = timeOf(since ?? undefined) ?? (task === null ? new Date(now - usualDays * dayMs).toISOString() : null)
  const name = company ?? null
  return database.any(sql.type(eventRow)`
    WITH wanted AS (
      SELECT id::text FROM public.company
      WHERE lower(name) = lower(${name}::text) OR id::text = ${name}::text
      UNION SELECT ${name}::text WHERE ${name}::text IS NOT NULL
    )
    SELECT l.event_id, l.source_name, l.company_id, c.name AS company, l.task_id, l.received_at, l.reason, l.stored, l.refused
    FROM public.data_source s
    CROSS JOIN LATERAL (
      SELECT * FROM normalizer.lineage l
      WHERE l.data_source_id = s.id AND l.replay_id = ''
        AND (l.received_at >= ${from}::timestamptz OR ${from}::timestamptz IS NULL)
        AND (l.received_at < ${timeOf(until ?? undefined)}::timestamptz OR ${timeOf(until ?? undefined)}::timestamptz IS NULL)
        AND (l.task_id = ${task} OR ${task}::int IS NULL)
        AND (${name}::text IS NULL OR l.company_id IN (SELECT id FROM wanted))
      ORDER BY l.received_at DESC LIMIT ${most}
    ) l
    LEFT JOIN public.company c ON c.id::text = l.company_id
    WHERE (s.id = ${source} OR ${source}::int IS NULL)
      AND (${task}::int IS NULL OR s.id = (SELECT data_source_id FROM public.scheduled_task WHERE task_id = ${task}))
    ORDER BY l.received_at DESC, l.event_id LIMIT ${most}`)
}

const sourceRow = z.object({ id: z.number(), name: z.string() })
export type NamedSource = z.output<typeof sourceRow>

/** The sources, as a filter offers them. */
export function listSources(database: Database): Promise<readonly NamedSource[]> {
  return database.any(sql.type(sourceRow)`
    SELECT id, source_name AS name FROM public.data_source ORDER BY source_name, id LIMIT 1000`)
}
