import { listEntries, type MapEntry } from '#runtime/module/list-entries.ts'

/** How an entry of a map differs. `path`: where it is now, of a removed one where it was. */
export type MapChange = {
  path: string
  change: 'added' | 'removed' | 'changed'
  was: MapEntry | null
  is: MapEntry | null
  /** What is different, for people. */
  differs: string[]
}

/** How the second map differs from the first, in the order of their paths. Both are JSON text. */
export function compareMaps(before: string, after: string): MapChange[] {
  const [earlier, later] = [listEntries(before), listEntries(after)]
  const laterAt = new Map(later.map((entry) => [entry.path, entry]))
  const laterPaths = new Map(later.map((entry) => [entry.id, entry.path]))
  const earlierAt = new Map(earlier.map((entry) => [entry.path, entry]))
  const earlierPaths = new Map(earlier.map((entry) => [entry.id, entry.path]))
  const gone = earlier
    .filter(({ path }) => !laterAt.has(path))
    .map((was): MapChange => {
      const moved = was.id === null ? undefined : laterPaths.get(was.id)
      return {
        path: was.path,
        change: 'removed',
        was,
        is: null,
        differs: moved === undefined ? [] : [`now at ${moved}`],
      }
    })
  const rest = later.flatMap((is): MapChange[] => {
    const was = earlierAt.get(is.path)
    if (!was) {
      const moved = is.id === null ? undefined : earlierPaths.get(is.id)
      const differs = moved === undefined ? [] : [`was at ${moved}`]
      return [{ path: is.path, change: 'added', was: null, is, differs }]
    }
    const differs = listDifferences(was, is)
    return differs.length === 0 ? [] : [{ path: is.path, change: 'changed', was, is, differs }]
  })
  return [...gone, ...rest].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
}

function listDifferences(was: MapEntry, is: MapEntry): string[] {
  const one = (what: string, from: string | number | null, to: string | number | null) =>
    from === to ? [] : [`${what} ${from ?? 'none'} → ${to ?? 'none'}`]
  return [
    ...one('type', was.type, is.type),
    ...one('name', was.name, is.name),
    ...one('measurement', was.id, is.id),
    ...one('item key', was.itemKey, is.itemKey),
  ]
}
