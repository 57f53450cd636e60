import { z } from 'zod'
import { type Apply, RefusedError } from '#runtime/changes/apply-changes.ts'
import type { Payload } from '#runtime/changes/kinds.ts'
import { sql } from '#runtime/postgres/database.ts'

const policyRow = z.object({ policy: z.string() })

/** Has what is refused at a path ignored, by the source's policy of drift, or counted again. */
export const ignorePath: Apply<Payload<'normalizer.path.ignore'>> = async (tx, { source, path, ignored, reason }) => {
  if (!(await tx.exists(sql.unsafe`SELECT FROM public.data_source WHERE id = ${source}`)))
    throw new RefusedError(`There is no data source ${source}.`)
  const isIt = sql.fragment`data_source_id = ${source} AND kind = '' AND path = ${path}`
  const policy = await tx.maybeOneFirst(sql.type(policyRow)`
    SELECT policy FROM normalizer.drift_policy WHERE ${isIt} FOR UPDATE`)
  if (policy !== null && policy !== 'ignore')
    throw new RefusedError(`It has the policy ${policy} already, which \`parma drift policy\` changes.`)
  const name = path.slice(0, 200)
  if ((policy !== null) === ignored)
    return { message: ignored ? `${name} is ignored already.` : `${name} counts already.`, before: null, after: null }
  await tx.query(
    ignored
      ? sql.unsafe`
          INSERT INTO normalizer.drift_policy (data_source_id, kind, path, policy) VALUES (${source}, '', ${path}, 'ignore')
          ON CONFLICT (data_source_id, kind, path) DO NOTHING`
      : sql.unsafe`DELETE FROM normalizer.drift_policy WHERE ${isIt}`,
  )
  return ignored
    ? {
        message: `${name} is ignored: it no longer counts as refused. “Also what is ignored” shows it, to undo this.`,
        before: null,
        after: { path, policy: 'ignore', reason },
      }
    : { message: `${name} counts again.`, before: { path, policy: 'ignore' }, after: null }
}
