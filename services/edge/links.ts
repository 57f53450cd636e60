import { sql, type Transaction } from '#runtime/postgres.ts'

/**
 * Links a company with every source, or a source with every company, as the triggers of parma-web do. Where they have
 * done it nothing is left to do.
 */
export async function linkMissing(
  tx: Transaction,
  { companyId, sourceId }: { companyId?: number; sourceId?: number },
): Promise<void> {
  await tx.query(sql.unsafe`
    INSERT INTO public.company_data_source (data_source_id, company_id, is_data_source_active, health_status, created_at, modified_at)
    SELECT s.id, c.id, true, 'UP', ${utcNow}, ${utcNow} FROM public.data_source s CROSS JOIN public.company c
    WHERE c.id = coalesce(${companyId ?? null}::int, c.id) AND s.id = coalesce(${sourceId ?? null}::int, s.id)
    ON CONFLICT (data_source_id, company_id) DO NOTHING`)
}

/** Nobody else makes rows of this table while the transaction lasts: almost nothing is unique in parma-web's tables. */
export async function lockTable(tx: Transaction, table: 'company' | 'data_source'): Promise<void> {
  await tx.query(sql.unsafe`SELECT pg_advisory_xact_lock(hashtextextended(${`public.${table}`}, 0))`)
}

/** Now, as parma-web's tables want it: timestamp(3) without zone, UTC. */
export const utcNow = sql.fragment`(now() AT TIME ZONE 'UTC')`
