import { isRecord, tryJson } from '../read/try-json.ts'
import { readInitialize, readMap } from './read-initialize.ts'

/** The map in a text: a map, or a module's answer to /initialize. Throws an InitializeError that says what is wrong. */
export function readMapText(text: string): { source: string; content: string } {
  const value = tryJson(text)
  const isAnswer = typeof value === 'string' || (isRecord(value) && 'normalization_map' in value)
  return isAnswer ? readInitialize(text) : readMap(text)
}
