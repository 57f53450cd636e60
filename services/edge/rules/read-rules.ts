import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'

const ids = z.array(z.number()).catch([])
/** As much of a definition as pages show. The analyzer checks it. */
const definition = z.looseObject({
  name: z.string().catch(''),
  when: z.looseObject({ kind: z.string().catch('') }).catch({ kind: '' }),
  window: z
    .looseObject({ method: z.string(), runs: z.number().optional(), days: z.number().optional() })
    .nullable()
    .catch(null),
  in_a_row: z.number().catch(1),
  cool_down_days: z.number().catch(0),
  severity: z.string().nullable().catch(null),
  scope: z
    .looseObject({ companies: ids, buckets: ids, sources: ids, measurement: z.string().catch('*') })
    .catch({ companies: [], buckets: [], sources: [], measurement: '*' }),
  enabled: z.boolean().catch(true),
})
export type Definition = z.output<typeof definition>

const ruleRow = z.object({
  rule_id: z.string(),
  version: z.number(),
  definition,
  since: z.number(),
  changed_by: z.string().nullable(),
  problem: z.string().nullable(),
  /** News items of the last 30 days that are not silent. */
  told: z.number(),
})
export type Rule = z.output<typeof ruleRow>

const told = sql.fragment`(SELECT count(*)::int FROM analyzer.news_view n
  WHERE n.rule_id = r.rule_id AND NOT n.silent AND n.created_at > now() - interval '30 days')`

/** Our own rules, or the one with this id, the oldest first. */
export function readRules(database: Database, id: string | null = null): Promise<readonly Rule[]> {
  return database.any(sql.type(ruleRow)`
    SELECT r.rule_id, r.version, r.definition, r.since, r.changed_by, r.problem, ${told} AS told
    FROM analyzer.rule_view r WHERE ${id === null} OR rule_id = ${id ?? ''}
    ORDER BY length(rule_id), rule_id LIMIT 1000`)
}

const publishedRow = z.object({
  id: z.number(),
  name: z.string(),
  measurement: z.string().nullable(),
  threshold: z.string(),
  told: z.number(),
})
export type Published = z.output<typeof publishedRow>

/** The rules of parma-web, which are changed there. */
export function readPublished(database: Database): Promise<readonly Published[]> {
  return database.any(sql.type(publishedRow)`
    SELECT r.id, r.name, r.measurement, r.threshold, ${told} AS told FROM (
      SELECT rule_id AS id, 'notification_rules/' || rule_id AS rule_id, rule_name AS name, threshold::text,
        (SELECT measurement_name FROM public.source_measurement m WHERE m.id = p.source_measurement_id) AS measurement
      FROM public.notification_rules p
    ) r ORDER BY r.id LIMIT 500`)
}

const trialRow = z.object({
  rule_id: z.string().nullable(),
  version: z.number().nullable(),
  definition,
  companies: z.number(),
  tried: z.number(),
  payloads: z.number(),
  told: z.number(),
  silent: z.number(),
  by_month: z.record(z.string(), z.number()),
  newest: z.array(z.object({ observed_at: z.string(), title: z.string(), severity: z.string(), company: z.string() })),
})
export type Trial = z.output<typeof trialRow>

/** What a rule would have told; null: it was not tried, or that was forgotten. */
export function readTrial(database: Database, change: string): Promise<Trial | null> {
  return database.maybeOne(sql.type(trialRow)`
    SELECT rule_id, version, definition, companies, tried, payloads, told, silent, by_month, (
      SELECT coalesce(jsonb_agg(jsonb_build_object('observed_at', n ->> 'observed_at', 'title', n ->> 'title',
        'severity', n ->> 'severity', 'company', n ->> 'company') ORDER BY n ->> 'observed_at' DESC), '[]')
      FROM (SELECT n FROM jsonb_array_elements(news) n ORDER BY n ->> 'observed_at' DESC LIMIT 50) n
    ) AS newest
    FROM analyzer.rule_rehearsal_view WHERE change_id = ${change}::uuid`)
}

const audienceRow = z.object({
  messages: z.number(),
  people: z.array(z.object({ person: z.string(), at: z.string(), messages: z.number(), news: z.number() })),
  without_recipient: z.record(z.string(), z.number()),
})
export type Audience = z.output<typeof audienceRow>

/** Who would have got how many messages; null: that is not known yet. */
export function readAudience(database: Database, change: string): Promise<Audience | null> {
  return database.maybeOne(sql.type(audienceRow)`
    SELECT messages, people, without_recipient FROM notifier.rehearsal_view WHERE change_id = ${change}::uuid`)
}
