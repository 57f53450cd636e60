import type { Log } from '#runtime/process/log.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { retryTransient } from '#runtime/calls/retry.ts'
import type { Config } from './config.ts'
import { readCompanies, storeDiscovery } from './identifiers.ts'
import type { Module } from './module-client.ts'
import { closeIncidents, type Incident, type IncidentKey, openIncidents } from './incidents.ts'
import { type LinkedCompany, needsDiscovery } from './read-discovery.ts'

export type DiscoverDeps = { config: Config; database: Database; log: Log; stopping: AbortSignal }

/** Discovery calls to one module at once: modules are small, and ask rate-limited sites. */
const callsAtOnce = 4

/**
 * Looks up the companies that lack identifiers, each once and a few at a time, while `hasTime`. Returns all `companies`
 * with their identifiers afterwards. A failure is stored with its company and does not stop the others.
 */
export async function discoverMissing(
  sourceId: number,
  companies: readonly LinkedCompany[],
  module: Module,
  hasTime: () => boolean,
  { config, database, log, stopping }: DiscoverDeps,
): Promise<readonly LinkedCompany[]> {
  const expired = companies.filter(({ identifiers }) =>
    identifiers.some((one) => one.expired && one.type === 'MANUALLY_ADDED'),
  )
  if (expired.length > 0) log.warn({ companies: expired.map((one) => one.company_id) }, 'manual_identifiers_expired')
  await retryTransient(() => reportExpired(database, sourceId, companies, expired), { signal: stopping })
  const missing = companies.filter(needsDiscovery)
  if (missing.length === 0) return companies

  const queue = missing.values()
  async function lookUpInTurn(): Promise<void> {
    for (const company of queue) {
      if (!hasTime() || stopping.aborted) return
      const discovery = await module.discover(company)
      if (stopping.aborted) return
      await retryTransient(() => storeDiscovery(config, database, sourceId, company, discovery), { signal: stopping })
      if (discovery.verdict === 'found') continue
      const { verdict, reason } = discovery
      log.warn({ company_id: company.company_id, verdict, reason }, 'nothing_discovered')
    }
  }
  const lanes = await Promise.allSettled(Array.from({ length: callsAtOnce }, lookUpInTurn))
  const broken = lanes.find((lane) => lane.status === 'rejected')
  if (broken) throw broken.reason
  const read = () => readCompanies(database, [sourceId], config.ONLY_ACTIVE_LINKS)
  return (await retryTransient(read, { signal: stopping })).get(sourceId) ?? []
}

/**
 * Opens an incident for each company whose manual identifiers have expired, and closes those of companies whose have
 * not.
 */
async function reportExpired(
  database: Database,
  data_source_id: number,
  companies: readonly LinkedCompany[],
  expired: readonly LinkedCompany[],
): Promise<void> {
  const keyOf = (company_id: number): IncidentKey => ({ kind: 'identifier-expired', data_source_id, company_id })
  const opened = expired.map(({ company_id, name, identifiers }): Incident => {
    const values = identifiers.filter((one) => one.expired && one.type === 'MANUALLY_ADDED').map(({ value }) => value)
    const message = `The manual identifiers of ${name} have expired (${values.join(', ')}). They stay in use. Confirm them with a later validity, or remove them so that the company is looked up again.`
    return { ...keyOf(company_id), subject: name, message, facts: { values: values.join(', ') } }
  })
  const good = companies.filter((company) => !expired.includes(company))
  const closed = good.map(({ company_id }) => keyOf(company_id))
  await database.transaction(async (tx) => {
    await openIncidents(tx, opened)
    await closeIncidents(tx, closed)
  })
}
