/**
 * A key of an object, a list, or whatever is neither, as in a path that was cut. Keys that could be misread are quoted as
 * JSON: `a["b.c"][].d`.
 */
const part = /\["(?:[^"\\]|\\.)*"\]|\[\]|[^.[]+|[^]/gu

/** The path of a value, in place of a longer one: its lists are not known. */
const cut = /…sha256:[0-9a-f]{64}$/

/**
 * The path of the innermost list that a value is in, `repos[]` of `repos[].stars`; null if it is in none, or if the path
 * was cut.
 */
export function innermostList(path: string): string | null {
  if (cut.test(path)) return null
  let end = 0
  for (const { 0: found, index } of path.matchAll(part)) if (found === '[]') end = index + found.length
  return end === 0 ? null : path.slice(0, end)
}

/** The last key of a path, as the module sends it: `x[]` of `repos[]["x[]"][]`. */
export function lastKey(path: string): string {
  const keys = [...path.matchAll(part)].map(([found]) => found).filter((found) => !['[]', '.', '['].includes(found))
  const last = keys.at(-1) ?? ''
  return last.startsWith('["') ? (JSON.parse(last.slice(1, -1)) as string) : last
}
