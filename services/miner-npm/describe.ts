import type { Facts } from './facts.ts'
import { compareVersions } from './releases.ts'

/** The raw_data of a payload; see map.ts for the type of each member. */
export type RawData = Record<string, unknown>

/** The package as it is now, with all that the registry knows. Releases before `since` (ISO 8601) are not listed. */
export function describeToday(facts: Facts, since: string): RawData {
  return {
    ...describeReleases(facts, facts.latest, Object.entries(facts.published), since),
    ...(facts.description !== undefined && { description: facts.description }),
    ...(facts.license !== undefined && { license: facts.license }),
    ...(facts.homepage !== undefined && { homepage: facts.homepage }),
    ...(facts.keywords && { keywords: facts.keywords }),
    ...(facts.maintainers && { maintainers: facts.maintainers }),
    dependencies_count: facts.dependencies,
    ...(facts.unpackedSize !== undefined && { unpacked_size: facts.unpackedSize }),
    deprecated: facts.deprecated,
  }
}

/**
 * The package as it was at a past time; null before its first release. It has only what publish dates tell, because the
 * registry keeps no earlier descriptions, sizes or maintainers. Its latest version is the highest release published by
 * then that is not above today's `latest`.
 */
export function describeAt(facts: Facts, at: Date, since: string): RawData | null {
  const published = Object.entries(facts.published).filter(([, date]) => Date.parse(date) <= at.getTime())
  const latest = published
    .map(([version]) => version)
    .filter((version) => compareVersions(version, facts.latest) <= 0)
    .sort(compareVersions)
    .at(-1)
  return latest === undefined ? null : describeReleases(facts, latest, published, since)
}

function describeReleases({ name }: Facts, latest: string, published: [string, string][], since: string): RawData {
  return {
    // The natural key of the payload: two packages of one company are two subjects, not one that alternates.
    url: `https://www.npmjs.com/package/${name}`,
    name,
    latest_version: latest,
    version_count: published.length,
    last_published: published[0]?.[1],
    releases: published
      .filter(([, date]) => Date.parse(date) >= Date.parse(since))
      .map(([version, date]) => ({ version, published_at: date })),
  }
}
