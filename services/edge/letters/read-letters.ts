import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { type Asked, cutPage, readCursor } from '../http/cursor.ts'
import { utcIso, utcTime } from '../http/time.ts'
import { fits, type LetterFilter, type LetterState } from './filter.ts'

export const letterSchema = z.object({
  letter_no: z.int(),
  id: z.string().describe('`<dead letter topic>/<partition>/<offset>`'),
  topic: z.string(),
  service: z.string(),
  reason: z.string(),
  message: z.string(),
  stage: z.string(),
  schema: z.int().nullable().describe('Id of the schema that the value names.'),
  event_id: z.string().nullable(),
  record_key: z.string().nullable(),
  data_source_id: z.int().nullable(),
  source: z.string().nullable(),
  from_partition: z.int().nullable(),
  from_offset: z.number().nullable(),
  bytes: z.int(),
  left_out: z.string().nullable(),
  first_failed_at: utcTime,
  written_at: utcTime,
  replays: z.int().describe('How often it was replayed before it failed this time.'),
  state: z.enum(['open', 'replayed', 'mended', 'dropped']),
  handled_at: utcTime.nullable(),
  handled_by: z.string().nullable(),
  handled_why: z.string().nullable(),
  in_work: z.boolean().describe('A replay has it in work.'),
  trouble: z.string().nullable().describe('Why it could not be sent when somebody tried.'),
})
export type Letter = z.output<typeof letterSchema>

const letterColumns = sql.fragment`
  letter_no, dlq_topic || '/' || partition || '/' || "offset" AS id, topic, service, reason, message, stage,
  schema_id AS schema, event_id, record_key, data_source_id,
  (SELECT source_name FROM public.data_source s WHERE s.id = data_source_id) AS source, from_partition,
  from_offset::float8 AS from_offset, bytes, left_out, ${utcIso(sql.fragment`first_failed_at`)} AS first_failed_at,
  ${utcIso(sql.fragment`written_at`)} AS written_at, replays, state, ${utcIso(sql.fragment`handled_at`)} AS handled_at,
  handled_by, handled_why, claimed_by IS NOT NULL AS in_work, trouble`

/** A page of dead letters, those that failed last first. */
export async function listLetters(
  database: Database,
  asked: Asked,
  {
    filter,
    state,
    limit,
    cursor,
  }: { filter: LetterFilter; state: LetterState; limit: number; cursor?: string | undefined },
): Promise<{ letters: Letter[]; next: string | null }> {
  const after = cursor === undefined ? null : readCursor(z.tuple([utcTime, z.int()]), asked, cursor)
  const beyond = after
    ? sql.fragment`(first_failed_at, letter_no) < (${after[0]}::timestamptz, ${after[1]}::bigint)`
    : sql.fragment`true`
  const found = await database.any(sql.type(letterSchema)`
    SELECT ${letterColumns} FROM edge.dead_letter WHERE ${fits(filter, state)} AND ${beyond}
    ORDER BY edge.dead_letter.first_failed_at DESC, letter_no DESC LIMIT ${limit + 1}`)
  const { rows, next } = cutPage(asked, found, limit, (one) => [one.first_failed_at, one.letter_no])
  return { letters: rows, next }
}

const groupSchema = z.object({
  service: z.string(),
  topic: z.string(),
  reason: z.string(),
  schema: z.number().nullable(),
  state: z.string(),
  letters: z.number(),
  oldest: z.string(),
  newest: z.string(),
})

/** How many there are of each service, topic, reason and schema. */
export function countLetters(database: Database, filter: LetterFilter, state: LetterState) {
  return database.any(sql.type(groupSchema)`
    SELECT service, topic, reason, schema_id AS schema, state, count(*)::int AS letters,
      ${utcIso(sql.fragment`min(first_failed_at)`)} AS oldest, ${utcIso(sql.fragment`max(first_failed_at)`)} AS newest
    FROM edge.dead_letter WHERE ${fits(filter, state)}
    GROUP BY service, topic, reason, schema_id, state ORDER BY service, topic, reason, schema_id, state`)
}

/** One dead letter by its number; null: there is none, or its topic does not keep it any more. */
export function readLetter(database: Database, letterNo: number): Promise<Letter | null> {
  return database.maybeOne(sql.type(letterSchema)`
    SELECT ${letterColumns} FROM edge.dead_letter WHERE letter_no = ${letterNo}`)
}

const relativeRow = z.object({ letter_no: z.number(), way: z.enum(['before', 'after']), reason: z.string() })

/** The dead letter whose replay became this one, and those that its own replays became. */
export function readRelatives(database: Database, letterNo: number) {
  return database.any(sql.type(relativeRow)`
    SELECT b.letter_no, 'before' AS way, b.reason FROM edge.dead_letter l JOIN edge.dead_letter b ON b.replay_id = l.came_by
    WHERE l.letter_no = ${letterNo}
    UNION ALL
    SELECT a.letter_no, 'after', a.reason FROM edge.dead_letter l JOIN edge.dead_letter a ON a.came_by = l.replay_id
    WHERE l.letter_no = ${letterNo} ORDER BY letter_no`)
}

const sourceRow = z.object({ id: z.number(), name: z.string() })

/** The sources that dead letters are of. */
export function listLetterSources(database: Database) {
  return database.any(sql.type(sourceRow)`
    SELECT s.id, s.source_name AS name FROM public.data_source s
    WHERE s.id IN (SELECT DISTINCT data_source_id FROM edge.dead_letter) ORDER BY s.source_name, s.id LIMIT 1000`)
}
