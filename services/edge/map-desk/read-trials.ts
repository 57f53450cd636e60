import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { utcIso, utcTime } from '../http/time.ts'

const count = z.int()
const totals = z.looseObject({
  ...{ leaves: count, stored: count, null: count, unmapped: count, refused: count },
  refused_as_a_whole: count.describe('Documents.'),
})
const side = z.looseObject({
  ...{ measurement: z.string().nullable(), type: z.string().nullable() },
  ...{ values: count, null: count, unmapped: count, refused: count },
})
const shown = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]).nullable()
const news = z.looseObject({ document: count, severity: z.string(), title: z.string(), silent: z.boolean() })

/** What the normalizer has found. */
const report = z.looseObject({
  in_force: count.nullable().describe('The version that was in force; null: none.'),
  documents: count,
  unreadable: count.describe('Documents that could not be read.'),
  before: totals.describe('By the map in force.'),
  after: totals.describe('By the map that is tried.'),
  paths: z.array(
    z.looseObject({
      ...{ path: z.string(), before: side, after: side, added: count, removed: count, changed: count },
      samples: z.array(z.looseObject({ document: count, item: z.string().nullable(), before: shown, after: shown })),
      refusals: z.array(z.looseObject({ reason: z.string(), leaves: count, sample: z.string(), remedy: z.string() })),
    }),
  ),
  same: count.describe('Paths without a difference.'),
  faults: z.array(z.looseObject({ path: z.string(), message: z.string() })),
  news: z
    .looseObject({ gained: z.array(news), lost: z.array(news), same: count })
    .nullable()
    .describe('Null: not judged yet, or `no_news` says why not.'),
  no_news: z.string(),
  left_out: z.looseObject({ paths: count, faults: count, news: count }).describe('What the report has no room for.'),
})

export const trialSchema = z.object({
  trial: z.uuid(),
  version: count.nullable().describe('The stored version that is tried; null: a map that is not in force.'),
  draft: count.nullable(),
  last: count.describe('On so many of the last documents at most.'),
  state: z.enum(['running', 'judging', 'done', 'failed']).describe('judging: only the news items are missing.'),
  message: z.string().describe('Why it failed.'),
  actor: z.string(),
  asked_at: utcTime,
  finished_at: utcTime.nullable(),
  report: report.nullable().describe('Null: not done.'),
})
export type Trial = z.output<typeof trialSchema>
export type Report = z.output<typeof report>

const tooLarge = 'The documents are too large to judge news items of them.'
const notJudged = 'The analyzer has not judged them.'

/** The normalizer's report, with the news items of the analyzer, which has an hour to judge them. */
export function readTrial(database: Database, sourceId: number, trial: string): Promise<Trial | null> {
  return database.maybeOne(sql.type(trialSchema)`
    SELECT trial_id AS trial, version, draft_id AS draft, last, t.actor,
      CASE WHEN t.state = 'done' AND is_observed AND n.state IS NULL AND finished_at > now() - interval '1 hour'
        THEN 'judging' ELSE t.state END AS state, t.message,
      ${utcIso(sql.fragment`asked_at`)} AS asked_at, ${utcIso(sql.fragment`finished_at`)} AS finished_at,
      report || jsonb_build_object('news', n.news,
        'no_news', coalesce(n.message, CASE WHEN is_observed THEN ${notJudged}::text ELSE ${tooLarge} END),
        'left_out', (report -> 'left_out') || jsonb_build_object('news', coalesce(n.left_out, 0))) AS report
    FROM normalizer.map_trial_view t LEFT JOIN analyzer.map_trial_news_view n USING (trial_id)
    WHERE data_source_id = ${sourceId} AND trial_id = ${trial}::uuid`)
}
