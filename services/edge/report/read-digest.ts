import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'

const chart = z.object({
  title: z.string(),
  mark: z.string(),
  points: z.array(z.tuple([z.number(), z.number()])),
})

const line = z.object({
  heading: z.string().optional(),
  mark: z.string(),
  isGood: z.literal(true).optional(),
  title: z.string(),
  details: z.array(z.string()),
  story: z.object({ name: z.string().nullable(), sentence: z.string(), more: z.array(z.string()) }).optional(),
  link: z.string().optional(),
  chart: chart.optional().catch(undefined),
})

/** The message of a digest, as the notifier stores it: members are only added. */
const message = z.object({
  subject: z.string(),
  headline: z.string().optional(),
  context: z.string(),
  lines: z.array(line),
  rest: z.string(),
})

const digestRow = z.object({ user_id: z.int(), message })

export type StoredDigest = z.output<typeof digestRow>
export type DigestLine = StoredDigest['message']['lines'][number]

/** The next digest of a person, which they asked to see; null: that is not known, or nothing would be sent. */
export function readPreview(database: Database, person: number, change: string): Promise<StoredDigest | null> {
  return database.maybeOne(sql.type(digestRow)`
    SELECT user_id, message FROM notifier.digest_preview_view
    WHERE change_id = ${change}::uuid AND user_id = ${person} AND message IS NOT NULL`)
}

/** What a reader got; null: there is no such digest. */
export function readDigest(database: Database, digestId: string): Promise<StoredDigest | null> {
  return database.maybeOne(sql.type(digestRow)`
    SELECT user_id, message FROM notifier.digest_view WHERE digest_id = ${digestId}::uuid`)
}
