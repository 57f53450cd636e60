import { isoDay } from '#runtime/text/format.ts'
import { maxDriftPerPayload, type Normalized } from '#runtime/understand/normalize.ts'
import { payloadRemedies } from '#runtime/understand/remedies.ts'
import type { Understood } from '#runtime/understand/understand.ts'
import type { RawPayload } from '#schemas/generated/types.ts'
import type { ReportedIncident } from './incidents.ts'

/**
 * How an incident ends with a payload of the company and subject that showed it: a sentence for operators, or null while
 * it lasts. Null rates end by isNullRateOver.
 */
export function describeEnd(
  { kind, subject, facts }: ReportedIncident,
  { source_name: source, company_id: company }: RawPayload,
  { map, mapVersion, normalized }: Understood,
): string | null {
  switch (kind) {
    case 'missing-path':
      return hasPath(normalized, subject) ? `${source} sends ${subject} again.` : null
    case 'unknown-path':
      return hasPath(normalized, subject) ? `The map of ${source} has ${subject} now.` : null
    case 'retyped-path':
      return hasPath(normalized, subject) && !isRetyped(normalized, subject)
        ? `${source} sends ${subject} as its map says.`
        : null
    case 'map-fault':
      return mapVersion > Number(facts.map_version) && !map.faults.some(({ path }) => path === subject)
        ? `Version ${mapVersion} of the map of ${source} has no fault at ${subject}.`
        : null
    default:
      return Object.hasOwn(payloadRemedies, kind)
        ? `Payloads of ${source} for company ${company} are understood again.`
        : null
  }
}

/** Leaves at a path on a day, and how many of them are null. */
export type Nulls = { day: string; leaves: number; nulls: number }

/** Whether the share of nulls has halved on a later day than the incident began. */
export function isNullRateOver({ facts, seen_at }: ReportedIncident, { day, leaves, nulls }: Nulls): boolean {
  const began = facts.day ?? isoDay(seen_at)
  return day > began && nulls / leaves <= Number(facts.nulls) / Number(facts.leaves) / 2
}

const pathsOf = new WeakMap<Normalized, ReadonlySet<string>>()

function hasPath(normalized: Normalized, path: string): boolean {
  const { values, refused, nullPaths, nestedPaths } = normalized
  const known = pathsOf.get(normalized)
  const paths = known ?? new Set([...[...values, ...refused].map((place) => place.path), ...nullPaths, ...nestedPaths])
  if (!known) pathsOf.set(normalized, paths)
  return paths.has(path)
}

/** A payload that differs everywhere does not say where it is right. */
function isRetyped({ drift, nullPaths }: Normalized, path: string): boolean {
  if (drift.length >= maxDriftPerPayload || nullPaths.includes(path)) return true
  return drift.some((one) => one.kind === 'retyped-path' && one.path === path)
}
