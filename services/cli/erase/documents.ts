import type { DocumentReference, Firestore, QueryDocumentSnapshot } from '@google-cloud/firestore'
import type { Mark } from '#runtime/erase/recognise.ts'
import { redact, redactJson } from '#runtime/erase/redact.ts'
import { deleteRawDocuments, listSources, pagesOf, rawDocuments } from '#runtime/firestore/raw-documents.ts'
import type { Found } from './rows.ts'

/** Full documents read at once: each is up to 1 MiB, and so are its parts. */
const page = 20

/** Deletes all raw documents of a company, also those of the predecessor. With `dryRun` only counts. */
export async function eraseCompanyDocuments(firestore: Firestore, company: number, dryRun: boolean): Promise<Found[]> {
  let rows = 0
  for (const source of await listSources(firestore)) {
    const all = rawDocuments(firestore, source).where('company_id', '==', String(company)).select('body_parts')
    for await (const documents of pagesOf(all, 500)) {
      if (!dryRun) await deleteRawDocuments(firestore, documents)
      rows += documents.length
    }
  }
  return rows === 0 ? [] : [{ where: 'Firestore: raw documents', rows, what: 'deleted' }]
}

/** Takes a text out of all raw documents and results of reports. With `dryRun` only counts. */
export async function eraseTextDocuments(firestore: Firestore, mark: Mark, dryRun: boolean): Promise<Found[]> {
  let raw = 0
  for (const source of await listSources(firestore))
    for await (const documents of pagesOf(rawDocuments(firestore, source), page))
      for (const document of documents) if (await eraseInRaw(firestore, document, mark, dryRun)) raw += 1
  const reports = await eraseTextReports(firestore, mark, dryRun)
  return [
    ...(raw > 0 ? [{ where: 'Firestore: raw documents', rows: raw, what: 'text taken out' } as const] : []),
    ...reports,
  ]
}

/** The same for results of reports alone. */
export async function eraseTextReports(firestore: Firestore, mark: Mark, dryRun: boolean): Promise<Found[]> {
  let rows = 0
  for await (const documents of pagesOf(firestore.collection('report'), page)) {
    for (const document of documents) {
      const changes = changesOf(document, mark)
      if (Object.keys(changes).length === 0) continue
      if (!dryRun) await document.ref.update(changes)
      rows += 1
    }
  }
  return rows === 0 ? [] : [{ where: 'Firestore: results of reports', rows, what: 'text taken out' }]
}

/** The bytes in the parts, and what of them stands in the document: at once. */
async function eraseInRaw(firestore: Firestore, document: QueryDocumentSnapshot, mark: Mark, dryRun: boolean) {
  const changes = changesOf(document, mark)
  const parts = await readParts(firestore, document)
  const bodies = parts.map(({ bytes }) => bytes)
  const body = Buffer.concat(bodies).toString('utf8')
  const redacted = redactJson(body, [mark])
  if (redacted === body && Object.keys(changes).length === 0) return false
  if (dryRun) return true
  const batch = firestore.batch()
  const left = Buffer.from(redacted)
  let from = 0
  for (const [index, { ref, bytes }] of parts.entries()) {
    // The last one takes what is left: a replacement may be longer.
    const end = index === parts.length - 1 ? left.length : Math.min(left.length, from + bytes.length)
    batch.update(ref, { bytes: left.subarray(from, end) })
    from = end
  }
  batch.update(document.ref, { ...changes, redacted: true, ...(parts.length > 0 && { body_bytes: left.length }) })
  await batch.commit()
  return true
}

type Part = { ref: DocumentReference; bytes: Buffer }

async function readParts(firestore: Firestore, document: QueryDocumentSnapshot): Promise<Part[]> {
  const count = Number(document.get('body_parts') ?? 0)
  if (count === 0) return []
  const refs = Array.from({ length: count }, (_, index) => document.ref.collection('parts').doc(String(index + 1)))
  return (await firestore.getAll(...refs)).map((part) => ({ ref: part.ref, bytes: part.get('bytes') as Buffer }))
}

/** The fields of a document in which the text is, without it. */
function changesOf(document: QueryDocumentSnapshot, mark: Mark): Record<string, unknown> {
  const fields = Object.entries(document.data() as Record<string, unknown>)
  return Object.fromEntries(
    fields.flatMap(([name, before]) => {
      const after = redact(before, [mark])
      return after === before ? [] : [[name, after]]
    }),
  )
}
