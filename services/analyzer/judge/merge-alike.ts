import { innermostList } from '#runtime/text/value-path.ts'
import { isDefault } from '../detect/defaults.ts'
import type { Total } from '../detect/find-totals.ts'
import { numberOf } from '../values/value.ts'
import type { ValueFound } from './merge-firings.ts'

/**
 * Numbers without a rule that move the same way in one payload: those of one item are told together, so are items of
 * a list, and a total is told with an item that moved it. The one with the highest score makes the news item, which
 * names the others. `totalOf`: null if a value is no total.
 */
export function mergeAlike(
  found: readonly ValueFound[],
  totalOf: (value: ValueFound['value']) => Total | null,
): ValueFound[] {
  return mergeItems(mergeLists(found, totalOf))
}

/** Stars and forks of one item that rise together are one story. */
function mergeItems(found: readonly ValueFound[]): ValueFound[] {
  const groups = Map.groupBy(found, (one) => {
    const way = one.value.item_key === null ? null : wayOf(one, null)
    return way && JSON.stringify([innermostList(one.value.path), one.value.item_key, way.direction, one.silent])
  })
  return [...groups].flatMap(([way, alike]) => {
    if (way === null) return alike
    const [best, ...others] = alike.toSorted((a, b) => scoreOf(b) - scoreOf(a))
    return [addTo(best!, others)]
  })
}

function mergeLists(found: readonly ValueFound[], totalOf: (value: ValueFound['value']) => Total | null): ValueFound[] {
  const groups = Map.groupBy(found, (one) => {
    const way = wayOf(one, totalOf(one.value))
    return way && JSON.stringify([way.number, way.direction, one.silent])
  })
  return [...groups].flatMap(([way, alike]) => {
    if (way === null) return alike
    const totals = alike.filter(({ value }) => totalOf(value) !== null)
    const items = alike.filter((one) => !totals.includes(one)).sort((a, b) => scoreOf(b) - scoreOf(a))
    const [best, ...others] = items
    return best ? [addTo(best, [...others, ...totals])] : totals
  })
}

/** Which number of a list's items moves, or of which it is a total, and in which direction. Null: told by itself. */
function wayOf({ firing, value }: ValueFound, total: Total | null): { number: number; direction: number } | null {
  const [before, now] = [numberOf(firing.before), numberOf(firing.now)]
  const list = value.item_key === null ? null : innermostList(value.path)
  if (firing.rule === null || !isDefault(firing.rule) || before === null || now === null) return null
  if (total === null && list === null) return null
  return { number: total?.summand ?? value.company_measurement_id, direction: Math.sign(now - before) }
}

function scoreOf({ firing }: ValueFound): number {
  return firing.signal?.score ?? 0
}

function addTo(one: ValueFound, others: readonly ValueFound[]): ValueFound {
  if (others.length === 0) return one
  const names = others.flatMap(({ value: { measurement_name: name, item_key: key, item_label: label }, also }) => {
    const isOwn = key === null || key === one.value.item_key
    return [isOwn ? name : `${name} of ${label ?? key}`, ...(isOwn ? also.measurements : [])]
  })
  const rules = others.flatMap(({ also }) => also.rules)
  return {
    ...one,
    also: {
      rules: [...new Set([...one.also.rules, ...rules])],
      measurements: [...new Set([...one.also.measurements, ...names])],
    },
  }
}
