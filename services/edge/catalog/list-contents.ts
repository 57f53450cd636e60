import { formatCount, formatList } from '#runtime/text/format.ts'

/** What goes with a row that is removed: `always`, and what there is of the rest. Empty if that is nothing. */
export function listContents(always: readonly string[], counts: readonly (readonly [number, string])[]): string {
  const present = counts.filter(([count]) => count > 0).map(([count, noun]) => formatCount(count, noun))
  const all = [...always, ...present]
  return all.length === 0 ? '' : formatList(all)
}
