import { z } from 'zod'
import type { Database } from '#runtime/postgres/database.ts'
import { TransientError } from '#runtime/calls/retry.ts'
import { addMissingCompanies, findCompanyByName } from '../catalog/companies.ts'
import { type CacheOptions, createDatabaseCache } from '../http/cache.ts'
import { text, validate } from '../http/validation.ts'

/** The one source whose module sends ids of its CRM instead of company ids (contract section 15.2). */
export const affinityName = 'affinity'

const crmCompany = z.object({
  raw_data: z.object({
    name: text(1000).refine((name) => name.trim() !== '', 'must name a company'),
  }),
})

/** The name of the company in a body of this module. Throws an HttpError if the body names none. */
export function readCompanyName(body: unknown): string {
  return validate(crmCompany, body, 'body').raw_data.name.trim()
}

/** The company id, as text, for the name of a company. */
export type ResolveCompany = (name: string) => Promise<string>

/**
 * Finds a company by name, ignoring case and surrounding blanks. A company that does not exist is added and linked with
 * every source. Names are cached, so that payloads of known companies are accepted while Postgres is down.
 */
export function openAffinity(database: Database, options: CacheOptions): ResolveCompany {
  const cache = createDatabaseCache<string>(options)
  return async (name) => (await cache.get(name.toLowerCase(), () => getOrCreate(database, name))) as string
}

/** The id of the company of this name, as text; null: there is none yet. */
export async function findCrmCompany(database: Database, name: string): Promise<string | null> {
  const company = await database.transaction((tx) => findCompanyByName(tx, name))
  return company && String(company.id)
}

async function getOrCreate(database: Database, name: string): Promise<string> {
  return database.transaction(async (tx) => {
    const [added] = await addMissingCompanies(tx, [name])
    const company = added ?? (await findCompanyByName(tx, name))
    if (!company) throw new TransientError(`company ${JSON.stringify(name)} was there and is gone`)
    return String(company.id)
  })
}
