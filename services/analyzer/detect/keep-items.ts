import type { ObservedValue } from '#schemas/generated/types.ts'
import { outerKey } from './item-keys.ts'
import {
  belongsAfter,
  followAbsence,
  followTurnover,
  isUnlikely,
  settledAfter,
  type Turnover,
} from './sampled-lists.ts'

export type Item = { key: string; label: string; values: ObservedValue[] }

/**
 * An item that was seen. `missing`: for how many payloads it has been missing, and when it was last seen, ms since
 * 1970. `wavers`: it was gone before and came back, so it is not news if it is gone again. `seen`: in how many payloads
 * since it appeared or came back; old stored states lack it. `absent`: in what share of the newest payloads it was missing,
 * if in any. `waits`: it is news when it is seen a second time.
 */
export type KnownItem = {
  label: string
  missing?: { payloads: number; since: number }
  wavers?: true
  seen?: number
  absent?: number
  waits?: true
}

export type ItemPolicy = {
  /** An item is gone after this many payloads without it. */
  goneAfter: number
  /** More items of one list at once get one news item together. */
  maxItemNews: number
  /** How many gone items of a list are remembered. A forgotten one would appear as new. */
  maxGoneItems: number
  /** Items of a list that is a sample are told only with other evidence (see sampled-lists.ts). */
  knowsSamples?: boolean
}

/**
 * The items of a list to remember, and those that are gone with this payload. `waiting`: keys of new items that are news
 * when they are seen again.
 */
export function keepItems(
  before: Readonly<Record<string, KnownItem>>,
  items: ReadonlyMap<string, Item>,
  renamed: ReadonlyMap<string, string>,
  lastSeenAt: number,
  { goneAfter, maxGoneItems, knowsSamples }: ItemPolicy,
  isFirst: boolean,
  waiting: ReadonlySet<string>,
) {
  const gone: (Item & { since: number })[] = []
  const missing: [string, KnownItem][] = []
  const known = new Set(renamed.values())
  // Sorted, because a state that was stored comes back with its members in another order.
  const notHere = Object.entries(before).filter(([key]) => !items.has(key) && !known.has(key))
  for (const [key, item] of notHere.sort(([a], [b]) => (a < b ? -1 : 1))) {
    const payloads = Math.min((item.missing?.payloads ?? 0) + 1, goneAfter + 1)
    const since = item.missing?.since ?? lastSeenAt
    const { waits, ...rest } = item
    missing.push([key, { ...rest, ...(waits && payloads < goneAfter && { waits }), missing: { payloads, since } }])
    // An item that is often missing must be missing for longer.
    const isGone = (count: number) => count >= goneAfter && (!knowsSamples || isUnlikely(item.absent, count))
    const wasGone = payloads === item.missing?.payloads || isGone(payloads - 1)
    if (isGone(payloads) && !wasGone && !item.wavers) gone.push({ key, label: item.label, values: [], since })
  }
  const here = [...items.values()].map(({ key, label }): [string, KnownItem] => {
    const old = renamed.get(key) ?? key
    const was = Object.hasOwn(before, old) ? before[old] : undefined
    const isBack = was?.missing !== undefined && was.missing.payloads >= goneAfter
    const seen = knowsSamples ? countSeen(was, isBack, isFirst) : undefined
    const wavers = (was?.wavers ?? isBack) && !(seen !== undefined && seen >= belongsAfter)
    const absent = knowsSamples ? followAbsence(was?.absent, isBack ? 0 : (was?.missing?.payloads ?? 0)) : 0
    const waits = waiting.has(key)
    return [
      key,
      {
        label,
        ...(wavers && { wavers }),
        ...(seen !== undefined && { seen }),
        ...(absent > 0 && { absent }),
        ...(waits && { waits }),
      },
    ]
  })
  const isLong = ([, { missing: absent }]: [string, KnownItem]) => absent!.payloads >= goneAfter
  // Items that have been gone the longest are forgotten first.
  const remembered = missing.filter(isLong).sort(([, a], [, b]) => b.missing!.since - a.missing!.since)
  const briefly = missing.filter((one) => !isLong(one))
  return { kept: Object.fromEntries([...here, ...briefly, ...remembered.slice(0, maxGoneItems)]), gone }
}

/** Undefined if it is not known since when the item is there. */
function countSeen(was: KnownItem | undefined, isBack: boolean, isFirst: boolean): number | undefined {
  if (was === undefined) return isFirst ? settledAfter : 1
  if (isBack) return 1
  return was.seen === undefined ? was.wavers && 1 : Math.min(was.seen + 1, belongsAfter)
}

/** What the list gained and lost by now, with what was missing only once. `wasThere`: the items that had such a list before. */
export function followItems(
  last: { turnover?: Turnover } | undefined,
  before: Readonly<Record<string, KnownItem>>,
  items: ReadonlyMap<string, Item>,
  renamed: ReadonlyMap<string, string>,
  wasThere: ReadonlySet<string>,
  observedAt: number,
): Turnover {
  const wasHere = (key: string) => Object.hasOwn(before, key) && !before[key]!.missing
  const known = new Set(renamed.values())
  const gained = [...items.keys()].some((key) => !wasHere(renamed.get(key) ?? key))
  const lost = Object.keys(before).some((key) => wasHere(key) && !items.has(key) && !known.has(key))
  const isUnknown = (key: string) => !Object.hasOwn(before, renamed.get(key) ?? key)
  // What a new item brings with it says nothing of the lists in others.
  const fresh = [...items].flatMap(([key, { values }]) =>
    isUnknown(key) && wasThere.has(outerKey(key)) ? [values] : [],
  )
  return followTurnover(last?.turnover, { gained, lost, fresh, observedAt })
}
