import type { Firestore } from '@google-cloud/firestore'
import { UsageError } from '#runtime/commands/commands.ts'
import { listSources } from '#runtime/firestore/raw-documents.ts'

/** The data sources that have raw documents, or only the one of this name. */
export async function findSources(firestore: Firestore, only: string | undefined): Promise<string[]> {
  const names = await listSources(firestore)
  if (only === undefined) return names
  if (names.includes(only)) return [only]
  throw new UsageError(`--source is ${JSON.stringify(only)}: there are no raw documents of a data source of that name.`)
}
