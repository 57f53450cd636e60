import { isSafeNumber } from 'lossless-json'
import { z } from 'zod'
import { countJsonValues } from '#runtime/text/count-json-values.ts'
import { readIso } from '#runtime/text/iso-time.ts'
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

const answer = z.object({ identifiers: z.record(z.string(), z.unknown()), validity: z.unknown() })

/** A company has a few identifiers. Counted before anything is parsed, because memory goes by values. */
const maxValues = 100_000

/** The identifiers of one company. A null, in place of a value or of a whole list, counts as left out. */
const identifiersOfCompany = z.record(z.string().refine(isStorable), z.array(text.nullable()).nullable()).nullable()

const wrongForm: Discovery = { verdict: 'failed', reason: 'the answer of /discover has the wrong form' }

/**
 * Reads the answer of `POST /discover` for one company (contract section 4.2) and ignores other companies in it. A
 * number keeps the digits that the module wrote.
 */
export function readDiscovery(body: string, companyId: number): Discovery {
  const values = countJsonValues(Buffer.from(body))
  if (values > maxValues)
    return { verdict: 'failed', reason: `/discover answered ${values} JSON values, and at most ${maxValues} are read` }
  const parsed = answer.safeParse(parseJson(body))
  if (!parsed.success) return wrongForm
  const { identifiers, validity } = parsed.data
  const key = String(companyId)
  const others = Object.keys(identifiers).slice(0, 3)
  if (!Object.hasOwn(identifiers, key) && others.length > 0) {
    const named = others.map((other) => excerpt(other.replaceAll('\0', '�'), 20)).join(', ')
    return { verdict: 'failed', reason: `/discover answered for company ${named} instead` }
  }
  const own = identifiersOfCompany.safeParse(identifiers[key] ?? null)
  if (!own.success) return wrongForm
  const found = Object.entries(own.data ?? {}).flatMap(([property, values]) =>
    [...new Set(values)].flatMap((value) => (value ? [{ property, value }] : [])),
  )
  if (found.length === 0) return { verdict: 'empty', reason: '/discover found nothing' }
  return { verdict: 'found', identifiers: found, valid_until: typeof validity === 'string' ? readIso(validity) : null }
}

// Not in TypeScript's lib yet: https://github.com/tc39/proposal-json-parse-with-source
const json = JSON as unknown as {
  parse(text: string, revive: (name: string, value: unknown, context: { source: string }) => unknown): unknown
}

/** The value of a JSON text, in which a number that a double cannot hold is its source text. */
function parseJson(text: string): unknown {
  try {
    return json.parse(text, (_name, value, { source }) =>
      typeof value === 'number' && !isSafeNumber(source) ? source : value,
    )
  } catch {
    return undefined
  }
}
