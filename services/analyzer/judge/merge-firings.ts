import type { ObservedValue, Severity } from '#schemas/generated/types.ts'
import { isDefault, severityOf } from '../detect/defaults.ts'
import { identify } from '../values/value.ts'
import type { Firing } from './judge.ts'

/** A value that is news. `silent`: nobody is notified. `isTotal`: it is the sum of a list's items. */
export type ValueFound = { firing: Firing; value: ObservedValue; silent: boolean; also: Also; isTotal?: boolean }

/** Names of other rules that fired for the same change, and of other measurements of the item that made the same move. */
export type Also = { rules: readonly string[]; measurements: readonly string[] }

type Single = Omit<ValueFound, 'also'>

const ranks: Record<Severity, number> = { info: 0, warning: 1, critical: 2 }

/**
 * One news item for each value, by the most severe of its firings, and one for values of an item that made the same
 * move, such as stars and watchers. What is merged into a news item is named in it.
 */
export function mergeFirings(found: readonly Single[]): ValueFound[] {
  const byValue = [...Map.groupBy(found, ({ value }) => value).values()]
  const byMove = Map.groupBy(byValue, (firings) => moveOf(pickMostSevere(firings)))
  return [...byMove.values()].map((alike) => {
    const told = pickMostSevere(alike.map(pickMostSevere))
    const rules = alike.flat().flatMap(({ firing: { rule } }) => rule ?? [])
    const others = alike.flat().filter(({ value }) => value !== told.value)
    const also = {
      rules: rules.filter((one) => one.id !== told.firing.rule?.id && !isDefault(one)).map(({ name }) => name),
      measurements: others.map(({ value }) => value.measurement_name),
    }
    return { ...told, also: { rules: [...new Set(also.rules)], measurements: [...new Set(also.measurements)] } }
  })
}

/** The first of the most severe. */
function pickMostSevere(some: readonly Single[]): Single {
  return some.reduce((best, one) => (rankOf(one) > rankOf(best) ? one : best))
}

function rankOf({ firing: { rule, percent } }: Single): number {
  return ranks[rule?.severity ?? severityOf(percent)]
}

/** Equal for equal moves of one item. Switches move alike by chance, so that each is a move of its own. */
function moveOf({ firing: { before, now, window }, value, silent }: Single): string {
  const own = now.kind === 'bool' ? value.company_measurement_id : null
  const over = window && [window.method, window.length, window.days]
  return JSON.stringify([value.item_key, own, silent, over, identify(before), identify(now)])
}
