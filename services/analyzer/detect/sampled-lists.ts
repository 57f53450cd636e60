import type { ObservedValue } from '#schemas/generated/types.ts'

/** In how many payloads a list was seen, and in what share of the newest ones it gained, lost and showed new items. */
export type Turnover = { payloads: number; gains: number; losses: number; novel: number }

/** How many payloads count. */
const newest = 8

export function followTurnover(
  turnover: Turnover | undefined,
  gained: boolean,
  lost: boolean,
  isNew: boolean,
): Turnover {
  const { payloads, gains, losses, novel } = turnover ?? { payloads: 0, gains: 0, losses: 0, novel: 0 }
  const weight = 1 / Math.min(newest, payloads + 1)
  return {
    payloads: Math.min(newest, payloads + 1),
    gains: gains + (Number(gained) - gains) * weight,
    losses: losses + (Number(lost) - losses) * weight,
    novel: novel + (Number(isNew) - novel) * weight,
  }
}

/**
 * Whether a list that keeps gaining and losing items shows a part of a larger one, such as the first hundred or a
 * random choice: that an item is in it says nothing then.
 */
export function isSample({ gains, losses }: Turnover): boolean {
  return Math.min(gains, losses) >= 0.3
}

/** Whether it is news that a list has an item that it never had. */
export function isGain(turnover: Turnover, values: readonly ObservedValue[], observedAt: number): boolean {
  // A sample that has shown what it has shows few new items.
  return !isSample(turnover) || turnover.novel <= 0.2 || isBorn(values, observedAt)
}

/** Whether a list lost items lately. */
export function losesItems(turnover: Turnover | undefined): boolean {
  return turnover !== undefined && turnover.losses >= 0.04
}

/** Over so many payloads it is remembered how often an item was missing. */
const rememberedAbsence = 30
/** An item is gone if it would be missing for so long by chance less often than this. */
const chance = 0.003

/** The share of payloads without an item, when it is there after `missed` payloads without it. */
export function followAbsence(absent = 0, missed: number): number {
  let share = absent
  for (let i = 0; i < missed; i++) share += (1 - share) / rememberedAbsence
  return Math.round(1000 * share * (1 - 1 / rememberedAbsence)) / 1000
}

/** Whether an item is hardly missing from so many payloads in a row by chance. */
export function isUnlikely(absent = 0, payloads: number): boolean {
  return absent ** payloads < chance
}

/** An item is not one that only passes by after this many payloads. Those of the first payload are not. */
export const settledAfter = 3
/** An item that a sample had in this many payloads belongs to it. */
export const belongsAfter = 20

/** Whether it is news that an item is gone. `seen`: in how many payloads it was; undefined if that is not known. */
export function isLoss(seen: number | undefined, fromSample: boolean): boolean {
  return seen === undefined || seen >= (fromSample ? belongsAfter : settledAfter)
}

const ofBirth = /creat|launch|found|publish|announc|releas|open(ed|ing)|start/i
const freshMs = 60 * 86_400_000

/** Whether a date of an item says that it is new, and not only new to us. */
export function isBorn(values: readonly ObservedValue[], observedAt: number): boolean {
  return values.some(
    ({ date, measurement_name }) =>
      date !== null && ofBirth.test(measurement_name) && Math.abs(observedAt - date) < freshMs,
  )
}
