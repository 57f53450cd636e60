import type { Firestore, Query, QueryDocumentSnapshot } from '@google-cloud/firestore'
import { deleteRawDocuments, listSources, rawDocuments } from '#runtime/firestore/raw-documents.ts'

const page = 500

/** How many raw documents were received before the cutoff. Those of the predecessor have no such time and stay. */
export async function countOldDocuments(firestore: Firestore, cutoff: Date): Promise<number> {
  let count = 0
  for await (const query of queries(firestore, cutoff)) for await (const { length } of readPages(query)) count += length
  return count
}

/** Deletes them, and returns how many there were. It may be stopped and run again. */
export async function deleteOldDocuments(firestore: Firestore, cutoff: Date): Promise<number> {
  let count = 0
  for await (const query of queries(firestore, cutoff)) {
    for await (const documents of readPages(query)) {
      await deleteRawDocuments(firestore, documents)
      count += documents.length
    }
  }
  return count
}

async function* queries(firestore: Firestore, cutoff: Date): AsyncGenerator<Query> {
  for (const source of await listSources(firestore))
    yield rawDocuments(firestore, source).where('received_at', '<', cutoff).select('body_parts')
}

/** By time, because the query is by time: an order by ids alone would need an index of its own. */
async function* readPages(query: Query): AsyncGenerator<QueryDocumentSnapshot[]> {
  for (let last: QueryDocumentSnapshot | undefined; ;) {
    const ordered = query.orderBy('received_at').limit(page)
    const { docs } = await (last ? ordered.startAfter(last) : ordered).get()
    if (docs.length > 0) yield docs
    if (docs.length < page) return
    last = docs.at(-1)
  }
}
