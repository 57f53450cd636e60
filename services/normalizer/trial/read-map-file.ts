import { UsageError } from '#runtime/commands/commands.ts'
import { InitializeError } from '#runtime/module/read-initialize.ts'
import { readMapText } from '#runtime/module/read-map-text.ts'

type Entry = { source_measurement_id?: unknown; NestedMappings?: Entry[] | null }

/**
 * The map in a file, as JSON text: a map, or a module's answer to /initialize. Entries that have no id yet get one, as
 * the handshake would give them. A UsageError if it is none.
 */
export function readMapFile(text: string, name: string): { source: string; content: string } {
  try {
    const { source, content } = readMapText(text)
    const map = JSON.parse(content) as { Mappings: Entry[] }
    const all = listEntries(map.Mappings)
    let next = Math.max(0, ...all.map(({ source_measurement_id: id }) => Number(id)).filter(Number.isInteger))
    for (const entry of all) entry.source_measurement_id ??= ++next
    return { source, content: JSON.stringify(map) }
  } catch (error) {
    if (error instanceof InitializeError) throw new UsageError(`${name}: ${error.message}.`)
    throw error
  }
}

function listEntries(entries: readonly Entry[]): Entry[] {
  return entries.flatMap((entry) => [entry, ...listEntries(entry.NestedMappings ?? [])])
}
