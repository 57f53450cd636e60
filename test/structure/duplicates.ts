const window = 6

/** The first lines of two stretches that are equal. */
export type Duplicate = { places: [string, string]; line: string }

/**
 * Pairs of places with six or more equal lines in a row. Blank lines, imports, indentation and lines without a word
 * (closing brackets) do not count.
 */
export function findDuplicates(texts: Map<string, string>): Duplicate[] {
  const places = new Map<string, Place[]>()
  for (const [path, text] of texts) {
    const lines = withoutImports(text)
      .split('\n')
      .map((line, index) => ({ text: line.trim(), number: index + 1 }))
      .filter((line) => /\w/.test(line.text))
    for (let index = 0; index + window <= lines.length; index++) {
      const stretch = lines.slice(index, index + window)
      const key = stretch.map((line) => line.text).join('\n')
      places.set(key, [...(places.get(key) ?? []), { path, index, line: stretch[0]?.number ?? 0 }])
    }
  }
  // A longer stretch is many windows that follow each other: only its first one counts.
  const seen = new Set<string>()
  const duplicates: Duplicate[] = []
  for (const [key, found] of places)
    for (const [n, a] of found.entries())
      for (const b of found.slice(n + 1)) {
        if (!seen.has(`${a.path} ${a.index - 1} ${b.path} ${b.index - 1}`))
          duplicates.push({ places: [`${a.path}:${a.line}`, `${b.path}:${b.line}`], line: key.split('\n')[0] ?? '' })
        seen.add(`${a.path} ${a.index} ${b.path} ${b.index}`)
      }
  return duplicates
}

type Place = { path: string; index: number; line: number }

/** Imports become empty lines, so that the others keep their numbers. */
function withoutImports(text: string): string {
  return text.replaceAll(/^(import|export) [^;'"]*from '[^']*'$/gm, (found) => found.replaceAll(/[^\n]/g, ''))
}
