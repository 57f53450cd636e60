import type { TriedNews } from './try-observations.ts'

/** News items that only the second of two judgings makes, those that only the first makes, and how many both make. */
export type NewsDifference = { gained: TriedNews[]; lost: TriedNews[]; same: number }

export function compareNews(before: readonly TriedNews[], after: readonly TriedNews[]): NewsDifference {
  const keyOf = ({ event_id, kind, severity, title, message, silent }: TriedNews) =>
    JSON.stringify([event_id, kind, severity, title, message, silent])
  const left = Map.groupBy(before, keyOf)
  const gained = after.filter((one) => left.get(keyOf(one))?.pop() === undefined)
  return { gained, lost: [...left.values()].flat(), same: after.length - gained.length }
}
