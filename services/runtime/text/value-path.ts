/**
 * A key of an object, a list, or whatever is neither, as in a path that was cut. Keys that could be misread are quoted as
 * JSON: `a["b.c"][].d`.
 */
const part = /\["(?:[^"\\]|\\.)*"\]|\[\]|[^.[]+|[^]/gu

/** The path of a value, in place of a longer one: its last keys and lists are not known. */
const cut = /…sha256:[0-9a-f]{64}$/
/** One that more follows. */
const cutBefore = /…sha256:[0-9a-f]{64}(?=[.[])/g

/** Where the keys begin that are whole, since they follow what was cut. */
function startOf(path: string): number {
  const found = [...path.matchAll(cutBefore)].at(-1)
  return found ? found.index + found[0].length : 0
}

/**
 * The path of the innermost list that a value is in, `repos[]` of `repos[].stars`; null if it is in none, or if where the
 * list is was cut.
 */
export function innermostList(path: string): string | null {
  if (cut.test(path)) return null
  const start = startOf(path)
  let length = 0
  for (const { 0: found, index } of path.slice(start).matchAll(part)) if (found === '[]') length = index + found.length
  return length === 0 ? null : path.slice(0, start + length)
}

/** The last key of a path, as the module sends it: `x[]` of `repos[]["x[]"][]`. */
export function lastKey(path: string): string {
  const keys = [...path.slice(startOf(path)).matchAll(part)]
    .map(([found]) => found)
    .filter((found) => !['[]', '.', '['].includes(found))
  const last = keys.at(-1) ?? ''
  return last.startsWith('["') ? (JSON.parse(last.slice(1, -1)) as string) : last
}
