const window = 6

/**
 * How many pairs of places have six or more equal lines in a row. Blank lines, imports, indentation and lines without a word
 * (closing brackets) do not count.
 */
export function countDuplicates(texts: Map<string, string>): number {
  const places = new Map<string, { path: string; index: number }[]>()
  for (const [path, text] of texts) {
    const lines = text
      .split('\n')
      .map((line) => line.trim())
      .filter(isTelling)
    for (let index = 0; index + window <= lines.length; index++) {
      const key = lines.slice(index, index + window).join('\n')
      places.set(key, [...(places.get(key) ?? []), { path, index }])
    }
  }
  // A longer stretch is many windows that follow each other: only its first one counts.
  const seen = new Set<string>()
  let pairs = 0
  for (const found of places.values())
    for (const [n, a] of found.entries())
      for (const b of found.slice(n + 1)) {
        if (!seen.has(`${a.path} ${a.index - 1} ${b.path} ${b.index - 1}`)) pairs++
        seen.add(`${a.path} ${a.index} ${b.path} ${b.index}`)
      }
  return pairs
}

function isTelling(line: string): boolean {
  return /\w/.test(line) && !/^(import|export) .*from '/.test(line)
}
