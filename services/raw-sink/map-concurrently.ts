/** Results of `work` for all items, in their order, with at most `limit` under way. The first error ends it: nothing new is begun. */
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
