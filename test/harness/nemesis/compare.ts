import { eventsIn } from '../counts.ts'

/** What is wrong with `seen`, which should have each of `expected` once and nothing else: one sentence each, with examples. */
export function compare(what: string, expected: Iterable<string>, seen: Iterable<string>): string[] {
  const counts = new Map<string, number>([...expected].map((id) => [id, 0]))
  const strange: string[] = []
  for (const id of seen) {
    const count = counts.get(id)
    if (count === undefined) strange.push(id)
    else counts.set(id, count + 1)
  }
  const of = (is: (count: number) => boolean) => [...counts].filter(([, count]) => is(count)).map(([id]) => id)
  const wrong = { lost: of((count) => count === 0), doubled: of((count) => count > 1), strange }
  return Object.entries(wrong)
    .filter(([, ids]) => ids.length > 0)
    .map(([how, ids]) => `${what}: ${ids.length} ${how} of ${counts.size} (${ids.slice(0, 3).join(', ')})`)
}

/**
 * What is wrong with messages that should tell each event once. One that has too many names some and counts the rest, so
 * that many of all events may be named nowhere; and `unknown` more, of which nobody knows whether they were told.
 */
export function compareTold(
  what: string,
  told: readonly string[],
  texts: readonly string[],
  unknown: number,
): string[] {
  const named = texts.flatMap(eventsIn)
  const rests = texts.flatMap((text) => [...text.matchAll(/… and (\d+) more\./g)])
  const counted = rests.reduce((sum, [, count]) => sum + Number(count), 0)
  const seen = new Set(named)
  const lost = told.filter((id) => !seen.has(id))
  const isLost = lost.length > counted + unknown
  return [
    ...(isLost
      ? [
          `${what}: ${lost.length} lost of ${told.length} (${lost.slice(0, 3).join(', ')}), of which ${counted} are counted and ${unknown} unknown`,
        ]
      : []),
    ...compare(what, told, [...named, ...lost]),
  ]
}
