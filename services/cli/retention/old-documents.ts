import type { Firestore, QueryDocumentSnapshot } from '@google-cloud/firestore'
import { deleteRawDocuments, listSources, pagesOf, rawDocuments } from '#runtime/firestore/raw-documents.ts'

const page = 500

/** How many raw documents were received before the cutoff. Those of the predecessor have no such time and stay. */
export async function countOldDocuments(firestore: Firestore, cutoff: Date): Promise<number> {
  let count = 0
  for await (const { length } of oldPages(firestore, cutoff)) count += length
  return count
}

/** Deletes them, and returns how many there were. It may be stopped and run again. */
export async function deleteOldDocuments(firestore: Firestore, cutoff: Date): Promise<number> {
  let count = 0
  for await (const documents of oldPages(firestore, cutoff)) {
    await deleteRawDocuments(firestore, documents)
    count += documents.length
  }
  return count
}

/** By time, because the query is by time: an order by ids alone would need an index of its own. */
async function* oldPages(firestore: Firestore, cutoff: Date): AsyncGenerator<QueryDocumentSnapshot[]> {
  for (const source of await listSources(firestore)) {
    const old = rawDocuments(firestore, source).where('received_at', '<', cutoff).select('body_parts')
    yield* pagesOf(old, page, 'received_at')
  }
}
