import type { Type } from 'avsc'
import { RegistryError } from './ask-registry.ts'
import { DecodeError } from './read-value.ts'
import type { SchemaRegistry } from './registry.ts'

export type LookupOptions = {
  /** How long the registry must keep saying that it does not know an id until it is believed, ms. */
  unknownIdAfterMs?: number
  /** How long one such answer holds before the registry is asked again, ms. */
  askAgainAfterMs?: number
}

/**
 * Finds the schema with an id. "Unknown" alone proves nothing, since a registry that lost its storage or is not the right
 * one says so too: until it was said for `unknownIdAfterMs`, without an outage in between, it is transient.
 */
export function createWriterLookup(
  registry: SchemaRegistry,
  { unknownIdAfterMs = 30_000, askAgainAfterMs = 5_000 }: LookupOptions,
): (id: number) => Promise<Type> {
  const absences = new Map<number, { firstAt: number; lastAt: number }>()

  async function ask(id: number): Promise<Type | undefined> {
    try {
      return await registry.findType(id)
    } catch (error) {
      absences.delete(id)
      if (error instanceof RegistryError) throw error
      throw new DecodeError('undecodable', `schema ${id}: ${(error as Error).message}`, { cause: error })
    }
  }

  return async (id) => {
    // Registries count from 1; what is below comes from bytes that only look like a frame.
    if (id < 1) throw new DecodeError('unknown-schema-id', `no registry gives the id ${id}`)
    let absence = absences.get(id)
    if (!absence || performance.now() - absence.lastAt >= askAgainAfterMs) {
      const type = await ask(id)
      if (type) {
        absences.delete(id)
        return type
      }
      const now = performance.now()
      absence = { firstAt: absence?.firstAt ?? now, lastAt: now }
      absences.set(id, absence)
    }
    const message = `the registry does not know schema ${id}`
    if (absence.lastAt - absence.firstAt >= unknownIdAfterMs) throw new DecodeError('unknown-schema-id', message)
    throw new RegistryError(`${message}; believed when it has said so for ${unknownIdAfterMs} ms`)
  }
}
