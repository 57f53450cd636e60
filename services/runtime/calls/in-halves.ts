/** Below this a second connection costs more than it saves. */
const fewest = 80

/**
 * What `read` gives of the items, asked for in two halves at once: Postgres answers each query on one core. `from`: how
 * many items are before the half.
 */
export function inHalves<T, R>(items: readonly T[], read: (half: readonly T[]) => Promise<R>): Promise<Half<R>[]> {
  const middle = items.length < fewest ? items.length : Math.ceil(items.length / 2)
  const starts = middle === items.length ? [0] : [0, middle]
  return Promise.all(starts.map(async (from) => ({ from, rows: await read(items.slice(from, from + middle)) })))
}

type Half<R> = { from: number; rows: R }
