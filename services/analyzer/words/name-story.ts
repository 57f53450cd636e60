import { createHash } from 'node:crypto'
import type { ItemsFound } from '../detect/judge-items.ts'
import type { Firing } from '../judge/judge.ts'
import { nameOf } from '../values/reading.ts'
import { identify, numberOf } from '../values/value.ts'

/**
 * What a change tells, the last part of a dedupe key: a second change of the same series and day with the same name is
 * the same story. Of a number it is the direction, and the level that it crossed. Of anything else it is the new value.
 */
export function nameStory({ before, now, rule }: Pick<Firing, 'before' | 'now' | 'rule'>): string {
  const [a, b] = [numberOf(before), numberOf(now)]
  if (a === null || b === null) return `changed to ${hash(identify(now))}`
  const direction = b > a ? 'up' : 'down'
  const { condition } = rule ?? {}
  return condition && 'level' in condition ? `${direction} ${condition.kind} ${condition.level}` : direction
}

/** The same of items. A single one is named by its key, which is a part of the dedupe key anyway. */
export function nameItemsStory({ kind, items }: Pick<ItemsFound, 'kind' | 'items'>): string {
  return items.length === 1 ? kind : `${kind} ${hash(items.map(({ key }) => nameOf(key)).sort())}`
}

function hash(content: unknown): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('base64url').slice(0, 16)
}
