const versions = new Intl.Collator('en', { numeric: true })

/** Sorts versions by their numbers, lowest first. */
export const compareVersions = versions.compare

/**
 * The releases of a package with their publish dates (ISO 8601, UTC), newest first. A release is a version without a
 * prerelease part, so that nightly builds make no news. If the package's own `latest` is a prerelease, every version is
 * one.
 *
 * A registry that mirrors another one may date an old version with the day on which it first served it. A release
 * therefore never counts as published after a higher one of its major version.
 */
export function findReleases(latest: string, listed: string[], dates: Record<string, string>): Record<string, string> {
  const counts = isPrerelease(latest) ? () => true : (version: string) => !isPrerelease(version)
  const earliest = new Map<string, number>()
  return Object.fromEntries(
    listed
      .filter((version) => counts(version) && !Number.isNaN(Date.parse(dates[version] ?? '')))
      .sort((a, b) => compareVersions(b, a))
      .map((version) => {
        const major = version.split('.')[0] ?? ''
        const published = Math.min(earliest.get(major) ?? Infinity, Date.parse(dates[version] ?? ''))
        earliest.set(major, published)
        return [version, published] as const
      })
      .sort(([, a], [, b]) => b - a)
      .map(([version, published]) => [version, new Date(published).toISOString()]),
  )
}

function isPrerelease(version: string): boolean {
  return version.split('+')[0]?.includes('-') ?? false
}
