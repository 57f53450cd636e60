import { sql, type Transaction } from '#runtime/postgres/database.ts'

/**
 * Removes a company with everything in `public` that refers to it. Its row is locked first: what the services write about
 * it at the same time waits, and finds no company.
 */
export async function removeCompany(tx: Transaction, id: number): Promise<void> {
  await tx.query(sql.unsafe`SELECT FROM public.company WHERE id = ${id} FOR UPDATE`)
  await tx.query(sql.unsafe`DELETE FROM public.notification WHERE company_id = ${id}`)
  await tx.query(sql.unsafe`DELETE FROM public.report WHERE company_id = ${id}`)
  await tx.query(sql.unsafe`DELETE FROM public.company WHERE id = ${id}`)
}

/**
 * The same for a source. Without `withNews` it throws an error for which isStillReferenced is true if news items refer to
 * the source: people read them in parma-web.
 */
export async function removeSource(tx: Transaction, id: number, withNews: boolean): Promise<void> {
  await tx.query(sql.unsafe`SELECT FROM public.data_source WHERE id = ${id} FOR UPDATE`)
  await tx.query(sql.unsafe`DELETE FROM public.notification WHERE data_source_id = ${id}`)
  if (withNews) {
    await tx.query(sql.unsafe`
      DELETE FROM public.news WHERE data_source_id = ${id}
        OR source_measurement_id IN (SELECT id FROM public.source_measurement WHERE source_module_id = ${id})`)
  }
  await tx.query(sql.unsafe`DELETE FROM public.data_source WHERE id = ${id}`)
}
