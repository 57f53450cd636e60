import { z } from 'zod'
import { UsageError } from '#runtime/commands.ts'
import { type Database, sql } from '#runtime/postgres.ts'

const bucketRow = z.object({ id: z.number(), is_id: z.boolean() })

/** Id of the bucket with this id or title. A UsageError when there is none, or several of this title. */
export async function findBucket(database: Pick<Database, 'any'>, text: string): Promise<number> {
  const rows = await database.any(sql.type(bucketRow)`
    SELECT id, id::text = ${text} AS is_id FROM public.bucket WHERE id::text = ${text} OR title = ${text} ORDER BY id`)
  const one = rows.find(({ is_id }) => is_id) ?? rows[0]
  if (!one) throw new UsageError(`There is no bucket ${JSON.stringify(text)}: give its id or title.`)
  if (!one.is_id && rows.length > 1)
    throw new UsageError(
      `${rows.length} buckets are called ${JSON.stringify(text)}: give one of the ids ${rows.map(({ id }) => id).join(', ')}.`,
    )
  return one.id
}
