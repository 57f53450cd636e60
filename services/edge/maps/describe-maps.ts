import type { MapChange } from './compare-maps.ts'
import type { MapRow } from './read-maps.ts'

/** How a version came to be, for people. */
export function describeOrigin({ origin, same_as: sameAs }: Pick<MapRow, 'origin' | 'same_as'>): string {
  if (origin === 'rollback') return `rolled back to version ${sameAs}`
  return origin === 'activate' ? 'activated' : 'handshake'
}

/** How an entry differs, on one line. */
export function describeChange({ path, change, was, is, differs }: MapChange): string {
  const { type, name } = (is ?? was)!
  const more = differs.length === 0 ? '' : `: ${differs.join(', ')}`
  const sign = { added: '+', removed: '-', changed: '~' }[change]
  return `${sign} ${path} (${type}, ${name})${more}`
}
