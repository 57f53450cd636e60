import { z } from 'zod'
import { excerpt } from '#runtime/text/shorten.ts'
import type { CompanyIdentifiers } from './build-request.ts'

/** The result of a company's discovery. `valid_until`: ms since 1970; null: the module did not say. */
export type Discovery =
  | { verdict: 'found'; identifiers: { property: string; value: string }[]; valid_until: number | null }
  | { verdict: 'empty' | 'failed'; reason: string }

/** The last discovery of a company, when it found nothing or failed. `waiting`: its back-off has not passed. */
export type Miss = { verdict: 'empty' | 'failed'; reason: string; failures: number; waiting: boolean }

export type LinkedCompany = CompanyIdentifiers & { link_id: number; name: string; miss: Miss | null }

/**
 * A company is looked up when it has no identifiers or a discovered one has expired, and its back-off has passed.
 * Manual identifiers stay in use after they have expired; a company that has only those is not looked up.
 */
export function needsDiscovery({ identifiers, miss }: LinkedCompany): boolean {
  if (miss?.waiting) return false
  return (
    identifiers.length === 0 || identifiers.some(({ type, expired }) => expired && type === 'AUTOMATICALLY_DISCOVERED')
  )
}

/** Seconds until a company is looked up again after a discovery without a result, doubled each time in a row. */
export function missBackOff(
  verdict: Miss['verdict'],
  last: Miss | null,
  limits: { emptySeconds: number; failedSeconds: number; maxSeconds: number },
): { failures: number; seconds: number } {
  const failures = last?.verdict === verdict ? last.failures + 1 : 1
  const base = verdict === 'empty' ? limits.emptySeconds : limits.failedSeconds
  return { failures, seconds: Math.min(base * 2 ** Math.min(failures - 1, 40), limits.maxSeconds) }
}

// Postgres stores no U+0000 in text.
const isStorable = (value: string) => !value.includes('\0')

const text = z
  .union([z.string(), z.number().transform(String)])
  .transform((value) => value.trim())
  .refine(isStorable)

const answer = z.object({
  identifiers: z.record(z.string(), z.record(z.string().refine(isStorable), z.array(text))),
  validity: z.unknown(),
})

/** Reads the answer of `POST /discover` for one company (contract section 4.2) and ignores other companies in it. */
export function readDiscovery(body: string, companyId: number): Discovery {
  const parsed = answer.safeParse(parseJson(body))
  if (!parsed.success) return { verdict: 'failed', reason: 'the answer of /discover has the wrong form' }
  const { identifiers, validity } = parsed.data
  const own = identifiers[String(companyId)]
  const others = Object.keys(identifiers).slice(0, 3)
  if (!own && others.length > 0) {
    const named = others.map((key) => excerpt(key, 20)).join(', ')
    return { verdict: 'failed', reason: `/discover answered for company ${named} instead` }
  }
  const found = Object.entries(own ?? {}).flatMap(([property, values]) =>
    [...new Set(values)].filter(Boolean).map((value) => ({ property, value })),
  )
  if (found.length === 0) return { verdict: 'empty', reason: '/discover found nothing' }
  return { verdict: 'found', identifiers: found, valid_until: readUtc(validity) }
}

/** ISO 8601 as ms since 1970. Modules write it without a zone and mean UTC. */
function readUtc(value: unknown): number | null {
  if (typeof value !== 'string') return null
  const zoned = /(Z|[+-]\d\d:?\d\d)$/i.test(value.trim())
  const time = Date.parse(zoned ? value.trim() : `${value.trim()}Z`)
  return Number.isNaN(time) ? null : time
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
