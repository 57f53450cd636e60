// Keys of list items as the normalizer makes them: `outer>inner`, with backslashes and `>` of the keys themselves escaped.

/** Whether an item is known only by its position in the list, where another one may be next time. */
export function isPositional(key: string): boolean {
  return /(^|>)#\d+$/.test(key)
}

/** The keys of the items around an item: of `a>b>c`, `a>b` and `a`. */
export function outerKeys(key: string): string[] {
  return findMarks(key, '>').map((at) => key.slice(0, at))
}

/** The key of the item that holds the list with this item; empty outside of lists. */
export function outerKey(key: string): string {
  return outerKeys(key).at(-1) ?? ''
}

/** The keys an item had before several items had them: of `7\+role\=CEO`, `7`. */
export function sharedKeysOf(key: string): string[] {
  const own = findMarks(key, '>').at(-1) ?? -1
  return findMarks(key, '\\+').flatMap((at) => (at > own ? key.slice(0, at) : []))
}

/** Whether an item lacks the member by which its list is known, and has a key of another one: `name\=Ann`. */
export function isMakeshift(key: string): boolean {
  const own = findMarks(key, '>').at(-1) ?? -1
  const first = findMarks(key, '\\=').find((at) => at > own)
  return first !== undefined && !findMarks(key, '\\+').some((at) => at > own && at < first)
}

/** Where `mark` stands in a key, outside of escaped characters. */
function findMarks(key: string, mark: '>' | '\\+' | '\\='): number[] {
  const found: number[] = []
  for (let at = 0; at < key.length; at++) {
    if (key.startsWith(mark, at)) found.push(at)
    if (key[at] === '\\') at++
  }
  return found
}
