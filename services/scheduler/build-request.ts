/** The identifiers of a company as a module gets them: the values of each property. */
type Identifiers = Record<string, string[]>

export type Identifier = {
  type: 'AUTOMATICALLY_DISCOVERED' | 'MANUALLY_ADDED'
  property: string
  value: string
  /** Whether its validity has passed. */
  expired: boolean
}

export type CompanyIdentifiers = { company_id: number; identifiers: readonly Identifier[] }

/** Body of `POST /companies` (contract section 4.3). */
export type CompaniesRequest = { task_id: number; companies: Record<string, Identifiers> | null }

/** Whether a source finds its companies itself. It is neither asked for identifiers nor given any. */
export function bringsCompanies(sourceName: string): boolean {
  return sourceName === 'affinity'
}

/**
 * The body of a run's call: the identifiers of each company, each value once and expired ones included. Companies
 * without identifiers are left out.
 */
export function buildRequest(
  taskId: number,
  sourceName: string,
  companies: readonly CompanyIdentifiers[],
): CompaniesRequest {
  if (bringsCompanies(sourceName)) return { task_id: taskId, companies: null }
  const named = companies.filter(({ identifiers }) => identifiers.length > 0)
  return {
    task_id: taskId,
    companies: Object.fromEntries(
      named.map(({ company_id, identifiers }) => [String(company_id), groupValues(identifiers)]),
    ),
  }
}

function groupValues(identifiers: readonly Identifier[]): Identifiers {
  const values = new Map<string, Set<string>>()
  for (const { property, value } of identifiers) values.set(property, (values.get(property) ?? new Set()).add(value))
  return Object.fromEntries([...values].map(([property, set]) => [property, [...set]]))
}
