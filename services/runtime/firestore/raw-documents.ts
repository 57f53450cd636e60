import type { Firestore, Query, QueryDocumentSnapshot } from '@google-cloud/firestore'

/** The data sources that have raw documents. */
export async function listSources(firestore: Firestore): Promise<string[]> {
  return (await firestore.collection('parma/mining/datasource').listDocuments()).map(({ id }) => id)
}

/** The raw documents of a data source. */
export function rawDocuments(firestore: Firestore, source: string) {
  return firestore.collection(`parma/mining/datasource/${source}/raw_data`)
}

/** The documents of a query, `size` at once, by their ids or by the field that the query compares. */
export async function* pagesOf(
  query: Query,
  size: number,
  by: '__name__' | 'received_at' = '__name__',
): AsyncGenerator<QueryDocumentSnapshot[]> {
  for (let last: QueryDocumentSnapshot | undefined; ;) {
    const ordered = query.orderBy(by).limit(size)
    const { docs } = await (last ? ordered.startAfter(last) : ordered).get()
    if (docs.length > 0) yield docs
    if (docs.length < size) return
    last = docs.at(-1)
  }
}

/** Documents deleted in one commit, each with up to nine parts. */
const atOnce = 50

/** Deletes raw documents with the parts that hold their bytes: each document and its parts at once. */
export async function deleteRawDocuments(
  firestore: Firestore,
  documents: readonly QueryDocumentSnapshot[],
): Promise<void> {
  for (let start = 0; start < documents.length; start += atOnce) {
    const batch = firestore.batch()
    for (const document of documents.slice(start, start + atOnce)) {
      const parts = Number(document.get('body_parts') ?? 0)
      for (let part = 1; part <= parts; part += 1) batch.delete(document.ref.collection('parts').doc(String(part)))
      batch.delete(document.ref)
    }
    await batch.commit()
  }
}
