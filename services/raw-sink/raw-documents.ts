import type { Firestore, Query, QueryDocumentSnapshot } from '@google-cloud/firestore'
import { UsageError } from '#runtime/commands/commands.ts'

/** The data sources that have raw documents, or only the one of this name. */
export async function findSources(firestore: Firestore, only: string | undefined): Promise<string[]> {
  const names = (await firestore.collection('parma/mining/datasource').listDocuments()).map(({ id }) => id)
  if (only === undefined) return names
  if (names.includes(only)) return [only]
  throw new UsageError(`--source is ${JSON.stringify(only)}: there are no raw documents of a data source of that name.`)
}

/** The documents of a query by their ids, `size` at once. */
export async function* pagesOf(query: Query, size: number): AsyncGenerator<QueryDocumentSnapshot[]> {
  for (let last: QueryDocumentSnapshot | undefined; ;) {
    const ordered = query.orderBy('__name__').limit(size)
    const { docs } = await (last ? ordered.startAfter(last) : ordered).get()
    if (docs.length > 0) yield docs
    if (docs.length < size) return
    last = docs.at(-1)
  }
}
