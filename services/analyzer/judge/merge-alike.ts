import { innermostList } from '#runtime/text/value-path.ts'
import { isDefault } from '../detect/defaults.ts'
import type { Total } from '../detect/find-totals.ts'
import { numberOf } from '../values/value.ts'
import type { ValueFound } from './merge-firings.ts'

/** So many items of a list that move alike are one news item. */
const manyItems = 3

/**
 * Numbers without a rule that move the same way in one payload: a total is told with an item that moved it, and many
 * items of a list are told together. The one with the highest score makes the news item, which names the others.
 * `totalOf`: null if a value is no total.
 */
export function mergeAlike(
  found: readonly ValueFound[],
  totalOf: (value: ValueFound['value']) => Total | null,
): ValueFound[] {
  const groups = Map.groupBy(found, (one) => wayOf(one, totalOf(one.value)))
  return [...groups].flatMap(([way, alike]) => {
    if (way === null) return alike
    const totals = alike.filter(({ value }) => totalOf(value) !== null)
    const items = alike.filter((one) => !totals.includes(one)).sort((a, b) => scoreOf(b) - scoreOf(a))
    const [best, ...others] = items
    if (!best) return totals
    return items.length < manyItems ? [addTo(best, totals), ...others] : [addTo(best, [...others, ...totals])]
  })
}

/** Equal for what moves alike: the direction of a number of a list's items. Null for what is told by itself. */
function wayOf({ firing, value, silent }: ValueFound, total: Total | null): string | null {
  const [before, now] = [numberOf(firing.before), numberOf(firing.now)]
  const list = value.item_key === null ? null : innermostList(value.path)
  if (firing.rule === null || !isDefault(firing.rule) || before === null || now === null) return null
  if (total === null && list === null) return null
  const summand = total?.summand ?? value.company_measurement_id
  return `${summand} ${Math.sign(now - before)} ${silent}`
}

function scoreOf({ firing }: ValueFound): number {
  return firing.signal?.score ?? 0
}

function addTo(one: ValueFound, others: readonly ValueFound[]): ValueFound {
  if (others.length === 0) return one
  const names = others.flatMap(({ value: { measurement_name: name, item_key: key, item_label: label }, also }) => [
    key === null ? name : `${name} of ${label ?? key}`,
    ...(key === null ? also.measurements : []),
  ])
  return { ...one, also: { ...one.also, measurements: [...one.also.measurements, ...names] } }
}
