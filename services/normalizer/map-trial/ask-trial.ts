import { z } from 'zod'
import { type Apply, RefusedError } from '#runtime/changes/apply-changes.ts'
import type { Payload } from '#runtime/changes/kinds.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { readVersion } from './try-map.ts'

const nameRow = z.object({ source_name: z.string() })
const contentRow = z.object({ content: z.string() })

/** How long answers are kept. */
const keptDays = 30

/** Notes that a dry run of a map is wanted. The loop of trials makes it. */
export const askTrial: Apply<Payload<'normalizer.map.try'>> = async (tx, asked, { id, actor }) => {
  const { source, version = null, draft = null, last } = asked
  const name = await tx.maybeOneFirst(sql.type(nameRow)`
    SELECT source_name FROM public.data_source WHERE id = ${source}`)
  if (name === null) throw new RefusedError(`There is no data source ${source}.`)
  const content = await readContent(tx, asked)
  if (content === null)
    throw new RefusedError(`${name} has no ${version === null ? 'such map' : `version ${version}`}.`)
  await tx.query(sql.unsafe`
    DELETE FROM normalizer.map_trial WHERE asked_at < now() - ${keptDays} * interval '1 day' AND state <> 'running'`)
  await tx.query(sql.unsafe`
    UPDATE normalizer.map_trial SET observed_before = NULL, observed_after = NULL, event_ids = NULL
    WHERE finished_at < now() - interval '1 day' AND observed_before IS NOT NULL`)
  await tx.query(sql.unsafe`
    INSERT INTO normalizer.map_trial (trial_id, data_source_id, source_name, version, draft_id, content, last, actor)
    VALUES (${id}, ${source}, ${name}, ${version}, ${draft}, ${content}, ${last}, ${actor.name})`)
  return { message: `The map is tried on documents of ${name}.`, before: null, after: asked }
}

function readContent(tx: Transaction, { source, version, draft }: Payload<'normalizer.map.try'>) {
  return version === undefined
    ? tx.maybeOneFirst(sql.type(contentRow)`
        SELECT content FROM edge.map_draft WHERE data_source_id = ${source} AND draft_id = ${draft!}`)
    : readVersion(tx, source, version)
}
