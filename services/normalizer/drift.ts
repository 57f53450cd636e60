import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres.ts'
import type { Story, ToldStory } from './tell.ts'

export type NewStory = Story & { event_no: number; data_source_id: number }

const storyRow = z.object({
  event_no: z.number(),
  data_source_id: z.number(),
  kind: z.string(),
  subject: z.string(),
  message: z.string(),
  facts: z.record(z.string(), z.string()),
  seen_at: z.number(),
})

/** Keeps the stories that are new and returns them. A source with `maxPerSource` stories or more gets no further ones. */
export async function insertStories(
  tx: Transaction,
  stories: readonly NewStory[],
  maxPerSource: number,
): Promise<ToldStory[]> {
  if (stories.length === 0) return []
  const column = <T extends string | number>(type: string, value: (story: NewStory) => T) =>
    sql.array(stories.map(value), type)
  return [
    ...(await tx.any(sql.type(storyRow)`
      INSERT INTO normalizer.drift (data_source_id, kind, subject, event_no, seen_at, message, facts)
      SELECT data_source_id, kind, subject, event_no, now(), message, facts::jsonb
      FROM unnest(
        ${column('int4', (story) => story.data_source_id)},
        ${column('text', (story) => story.kind)},
        ${column('text', (story) => story.subject)},
        ${column('int8', (story) => story.event_no)},
        ${column('text', (story) => story.message)},
        ${column('text', (story) => JSON.stringify(story.facts))}
      ) AS n (data_source_id, kind, subject, event_no, message, facts)
      WHERE (SELECT count(*) FROM normalizer.drift AS d WHERE d.data_source_id = n.data_source_id) < ${maxPerSource}
      ORDER BY data_source_id, kind, subject
      ON CONFLICT (data_source_id, kind, subject) DO NOTHING
      RETURNING event_no, data_source_id, kind, subject, message, facts, seen_at`)),
  ]
}

/** What these events told. */
export async function readStories(tx: Transaction, eventNos: readonly number[]): Promise<ToldStory[]> {
  if (eventNos.length === 0) return []
  return [
    ...(await tx.any(sql.type(storyRow)`
      SELECT event_no, data_source_id, kind, subject, message, facts, seen_at FROM normalizer.drift
      WHERE event_no = ANY(${sql.array(eventNos, 'int8')})
      ORDER BY data_source_id, kind, subject`)),
  ]
}
