import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs'

export type Journal<T> = {
  /** When it returns, `entry` is on disk. */
  append(entry: T): void
  all(): readonly T[]
}

/**
 * A list that outlives the process: one JSON line per entry. A last line that a crash cut short is dropped. An entry
 * takes the place of an earlier one with the same `keyOf`.
 */
export function openJournal<T>(file: string, keyOf?: (entry: T) => string): Journal<T> {
  const bytes = existsSync(file) ? readFileSync(file) : Buffer.alloc(0)
  const complete = bytes.subarray(0, bytes.lastIndexOf('\n') + 1)
  if (complete.length < bytes.length) truncateSync(file, complete.length)
  const lines = complete.toString('utf8').split('\n').slice(0, -1)
  const entries: T[] = []
  const put = (entry: T) => {
    const at = keyOf === undefined ? -1 : entries.findLastIndex((earlier) => keyOf(earlier) === keyOf(entry))
    entries[at < 0 ? entries.length : at] = entry
  }
  for (const line of lines) put(JSON.parse(line) as T)
  return {
    append(entry) {
      appendFileSync(file, `${JSON.stringify(entry)}\n`)
      put(entry)
    },
    all: () => entries,
  }
}
