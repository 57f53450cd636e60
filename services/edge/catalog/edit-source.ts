import { z } from 'zod'
import { writeAudit } from '#runtime/changes/audit.ts'
import { readRow } from '#runtime/changes/audit-command.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { lockTable, utcNow } from '#runtime/postgres/public-tables.ts'
import { frequencies } from './add-source.ts'

/** What people change of a source. What is not given stays. `frequency` is one of `frequencies`, in any case. */
export type SourceEdit = {
  name?: string | undefined
  endpoint?: string | undefined
  frequency?: string | undefined
  maxRunSeconds?: number | undefined
  description?: string | undefined
  active?: boolean | undefined
}

/** Changes a source, with its audit row. For pages and commands. */
export async function editSource(tx: Transaction, id: number, edit: SourceEdit, actor: string): Promise<void> {
  const { name, endpoint, frequency, maxRunSeconds, description, active } = edit
  await lockTable(tx, 'data_source')
  const read = () => readRow(tx, ['public', 'data_source'], { key: 'id', id })
  const before = await read()
  await tx.query(sql.unsafe`
    UPDATE public.data_source SET source_name = coalesce(${name ?? null}, source_name),
      invocation_endpoint = coalesce(${endpoint ?? null}, invocation_endpoint),
      frequency = coalesce(${frequency?.toUpperCase() ?? null}::public.frequency, frequency),
      max_run_seconds = coalesce(${maxRunSeconds ?? null}::int, max_run_seconds),
      description = coalesce(${description ?? null}, description), is_active = coalesce(${active ?? null}::bool, is_active),
      modified_at = ${utcNow}
    WHERE id = ${id}`)
  const after = await read()
  if (JSON.stringify(before) !== JSON.stringify(after))
    await writeAudit(tx, 'edge', { actor, kind: 'edge.source.edit', subject: `source:${id}`, before, after })
}

const fieldsRow = z.object({
  name: z.string(),
  endpoint: z.string(),
  frequency: z.enum(frequencies),
  max_run_seconds: z.int(),
  description: z.string(),
  active: z.boolean(),
})

/** What a form shows of a source. */
export type SourceFields = z.output<typeof fieldsRow>

/** Null: there is no such source. */
export function readSourceFields(connection: Pick<Transaction, 'maybeOne'>, id: number): Promise<SourceFields | null> {
  return connection.maybeOne(sql.type(fieldsRow)`
    SELECT source_name AS name, invocation_endpoint AS endpoint, lower(frequency::text) AS frequency, max_run_seconds,
      coalesce(description, '') AS description, is_active AS active
    FROM public.data_source WHERE id = ${id}`)
}
