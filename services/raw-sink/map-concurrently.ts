/**
 * The results of `work` for all items, in order, with at most `limit` at once. After the first error no further item
 * starts.
 */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  const entries = items.entries()
  let failed = false
  async function run(): Promise<void> {
    for (const [index, item] of entries) {
      if (failed) return
      results[index] = await work(item).catch((error: unknown) => {
        failed = true
        throw error
      })
    }
  }
  await Promise.all(Array.from({ length: limit }, run))
  return results
}
