import type { Firestore } from '@google-cloud/firestore'
import { readPayloads, UnreadableDocument } from '#runtime/firestore/read-payload.ts'
import type { RawPayload } from '#schemas/generated/types.ts'

/** Documents of one call, and calls at once. */
const pageSize = 50
const calls = 4

/** The payloads whose raw documents are at `paths`, in their order, and why others cannot be read. */
export async function readDocuments(
  firestore: Firestore,
  paths: readonly string[],
): Promise<{ payloads: RawPayload[]; unreadable: string[] }> {
  const pages = Array.from({ length: Math.ceil(paths.length / pageSize) }, (_, n) =>
    paths.slice(n * pageSize, (n + 1) * pageSize),
  )
  const read: (RawPayload | UnreadableDocument)[] = []
  for (let at = 0; at < pages.length; at += calls) {
    const some = await Promise.all(pages.slice(at, at + calls).map((page) => readAll(firestore, page)))
    read.push(...some.flat())
  }
  return {
    payloads: read.filter((one): one is RawPayload => !(one instanceof UnreadableDocument)),
    unreadable: read.filter((one) => one instanceof UnreadableDocument).map(({ message }) => message),
  }
}

async function readAll(firestore: Firestore, paths: readonly string[]): Promise<(RawPayload | UnreadableDocument)[]> {
  const read: (RawPayload | UnreadableDocument)[] = []
  // Of large ones a call returns only the first.
  while (read.length < paths.length) read.push(...(await readPayloads(firestore, paths.slice(read.length))))
  return read
}
