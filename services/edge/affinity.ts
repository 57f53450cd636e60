import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres.ts'
import { lockTable, utcNow } from '#runtime/public-tables.ts'
import { linkMissing } from './links.ts'
import { createMemory, type MemoryOptions } from './memory.ts'
import { text, validate } from './validation.ts'

/** The one source whose module knows companies by the ids of its own CRM (contract section 15.2). */
export const affinityName = 'affinity'

const crmCompany = z.object({
  raw_data: z.object({
    name: text(1000).refine((name) => name.trim() !== '', 'must name a company'),
    domain: text(1000).nullable().default(null),
  }),
})

const companyRow = z.object({ id: z.number() })

/** Our company id, as text, for a body of the CRM's module. A Refusal when the body names no company. */
export type ResolveCompany = (body: unknown) => Promise<string>

/**
 * Companies are the same when their names are, whatever the case and the blanks around them; one that is not there yet is
 * made, with its domain as description and linked to every source, as the triggers of parma-web do it. Names once
 * resolved are remembered, so that feeds of known companies go on without the database.
 */
export function openAffinity(database: Database, options: MemoryOptions): ResolveCompany {
  const memory = createMemory<string>(options)
  return async (body) => {
    const { name, domain } = validate(crmCompany, body, 'body').raw_data
    const load = async () => String(await getOrCreateCompany(database, name.trim(), domain))
    return (await memory.recall(name.trim().toLowerCase(), load)) as string
  }
}

async function getOrCreateCompany(database: Database, name: string, domain: string | null): Promise<number> {
  return database.transaction(async (tx) => {
    await lockTable(tx, 'company')
    const found = await tx.maybeOne(sql.type(companyRow)`
      SELECT id FROM public.company WHERE lower(btrim(name)) = lower(${name}) ORDER BY id LIMIT 1`)
    if (found) return found.id
    const { id } = await tx.one(sql.type(companyRow)`
      INSERT INTO public.company (name, description, created_at, modified_at)
      VALUES (${name}, ${domain}, ${utcNow}, ${utcNow})
      RETURNING id`)
    await linkMissing(tx, { companyId: id })
    return id
  })
}
