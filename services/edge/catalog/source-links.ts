import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'

/**
 * Links companies with every source, or a source with every company, as the triggers of parma-web do. Links that exist
 * stay unchanged. Returns whether there is a new one.
 */
export async function linkMissing(
  tx: Transaction,
  { companyIds, sourceId }: { companyIds?: readonly number[]; sourceId?: number },
): Promise<boolean> {
  const { rowCount } = await tx.query(sql.unsafe`
    INSERT INTO public.company_data_source
      (data_source_id, company_id, is_data_source_active, health_status, created_at, modified_at)
    SELECT s.id, c.id, true, 'UP', ${utcNow}, ${utcNow} FROM public.data_source s CROSS JOIN public.company c
    WHERE (${companyIds === undefined} OR c.id = ANY(${sql.array(companyIds ?? [], 'int4')}))
      AND s.id = coalesce(${sourceId ?? null}::int, s.id)
    ON CONFLICT (data_source_id, company_id) DO NOTHING`)
  return rowCount > 0
}
