import { type Database, sql } from '#runtime/postgres/database.ts'
import { isStillReferenced } from './foreign-keys.ts'

/**
 * Removes a company with everything in `public` that refers to it. Its row is locked first: what the services write about
 * it at the same time waits, and finds no company.
 */
export async function removeCompany(database: Database, id: number): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.query(sql.unsafe`SELECT FROM public.company WHERE id = ${id} FOR UPDATE`)
    await tx.query(sql.unsafe`DELETE FROM public.notification WHERE company_id = ${id}`)
    await tx.query(sql.unsafe`DELETE FROM public.report WHERE company_id = ${id}`)
    await tx.query(sql.unsafe`DELETE FROM public.company WHERE id = ${id}`)
  })
}

/**
 * The same for a source. Without `withNews` it removes nothing and returns false if news items refer to the source:
 * people read them in parma-web.
 */
export async function removeSource(database: Database, id: number, withNews: boolean): Promise<boolean> {
  const removal = database.transaction(async (tx) => {
    await tx.query(sql.unsafe`SELECT FROM public.data_source WHERE id = ${id} FOR UPDATE`)
    await tx.query(sql.unsafe`DELETE FROM public.notification WHERE data_source_id = ${id}`)
    if (withNews) {
      await tx.query(sql.unsafe`
        DELETE FROM public.news WHERE data_source_id = ${id}
          OR source_measurement_id IN (SELECT id FROM public.source_measurement WHERE source_module_id = ${id})`)
    }
    await tx.query(sql.unsafe`DELETE FROM public.data_source WHERE id = ${id}`)
    return true
  })
  return removal.catch((error: unknown) => {
    if (isStillReferenced(error)) return false
    throw error
  })
}
