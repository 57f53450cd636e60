import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Tried } from '../trial/try-payloads.ts'
import { printObservations } from '../trial/judge.ts'
import type { TriedMaps } from './try-map.ts'

/** What the analyzer judges of a trial. Both sides are NDJSON, gzip. */
export type KeptObservations = { eventIds: readonly string[]; before: Buffer; after: Buffer }

/** Of NDJSON of one side. What is larger is not judged. */
const mostCharacters = 32_000_000

const zip = promisify(gzip)

/** Null: they are too large. */
export async function keepObservations({ eventIds, before, after }: TriedMaps): Promise<KeptObservations | null> {
  const print = (side: readonly Tried[]) => printObservations(side.flatMap(({ observations }) => observations))
  const [was, is] = [print(before), print(after)]
  if (was.length > mostCharacters || is.length > mostCharacters) return null
  return { eventIds, before: await zip(was), after: await zip(is) }
}
