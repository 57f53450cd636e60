import type { ObservedValue } from '#schemas/generated/types.ts'

/**
 * In how many payloads a list was seen, and in what share of the newest ones it gained, lost and showed new items.
 * `since`: when it was first seen, in ms since 1970, while it is young. `isPart`: it has shown an item that was there
 * before. Old stored states lack both.
 */
export type Turnover = {
  payloads: number
  gains: number
  losses: number
  novel: number
  since?: number
  isPart?: true
}

/** What a payload with a list shows. `fresh`: the items that the list never had. */
export type Shown = { gained: boolean; lost: boolean; fresh: readonly (readonly ObservedValue[])[]; observedAt: number }

/** How many payloads count. */
const newest = 8

/** `shown`: what counts of the first payload is only its time. */
export function followTurnover(turnover: Turnover | undefined, { gained, lost, fresh, observedAt }: Shown): Turnover {
  if (!turnover) return { payloads: 1, gains: 0, losses: Number(lost), novel: 0, since: observedAt }
  const { since } = turnover
  const payloads = Math.min(newest, turnover.payloads + 1)
  const follow = (share: number, is: boolean) => share + (Number(is) - share) / Math.min(newest, turnover.payloads + 1)
  const isPart = since !== undefined && (turnover.isPart || fresh.some((values) => wasThereBefore(values, since)))
  return {
    ...{ payloads, gains: follow(turnover.gains, gained), losses: follow(turnover.losses, lost) },
    novel: follow(turnover.novel, fresh.length > 0),
    // Later what the list gains and loses says enough.
    ...(payloads < newest && since !== undefined && { since, ...(isPart && { isPart }) }),
  }
}

const ofBeing = /creat|launch|publish|push|updat|modif|commit|upload|post|announc|open|releas/i

/** Whether a date of an item says that it was there before a time. When something was founded says nothing of it. */
function wasThereBefore(values: readonly ObservedValue[], time: number): boolean {
  return values.some(({ date, measurement_name }) => date !== null && date < time && ofBeing.test(measurement_name))
}

/**
 * Whether a list shows a part of a larger one, such as the first hundred or a random choice, because it keeps gaining and
 * losing items, or is young and had left out what was there: that an item is in it says nothing then.
 */
export function isSample({ gains, losses, isPart }: Turnover): boolean {
  return isPart === true || Math.min(gains, losses) >= 0.3
}

/** Whether it is news that a list has an item that it never had. */
export function isGain(turnover: Turnover, values: readonly ObservedValue[], observedAt: number): boolean {
  // A sample that has shown what it has shows few new items.
  return !isSample(turnover) || (!turnover.isPart && turnover.novel <= 0.2) || isBorn(values, observedAt)
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
