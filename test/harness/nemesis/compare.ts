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
