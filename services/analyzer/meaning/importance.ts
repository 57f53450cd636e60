import { methods } from '../values/aggregate.ts'
import { missingIn, numberOf, type Value, wordsOf } from '../values/value.ts'
import { type Evidence, isName } from './evidence.ts'

/** What importance is the product of, each from 0 to 1. */
export type Parts = { score: number; size: number; polarity: number; rarity: number }

/** Weighs a news item. Pure. A model is one file with one such function: see README.md. */
export type Weigh = (evidence: Evidence) => Parts

/** The default model. */
export const weigh: Weigh = (evidence) => ({
  score: rateScore(evidence),
  size: evidence.items ? sizeOfItems(evidence.items, evidence.kind) : sizeOfChange(evidence.change!),
  polarity: ratePolarity(evidence),
  rarity: rateRarity(evidence.past),
})

/** The detectors' score is low where a change just passes: its root keeps such changes apart from nothing. */
function rateScore({ score, kind }: Evidence): number {
  if (score !== null) return Math.sqrt(Math.min(1, Math.max(0, score)))
  return { threshold: 0.7, changed: 0.9, appeared: 0.85, gone: 0.7 }[kind]
}

/** A turn, such as a deprecation, is important whatever it stands in. Moves for the worse count a little more. */
function ratePolarity({ meaning, change }: Evidence): number {
  const { polarity, weight } = meaning
  if (change?.isTurn) return 1
  const [before, now] = change ? [numberOf(change.before), numberOf(change.now)] : [null, null]
  if (before === null || now === null || polarity === 'neither') return weight
  return (polarity === 'good') === now > before ? 0.95 * weight : weight
}

/** What happens often, here or anywhere, says less. */
function rateRarity({ series, company, others }: Evidence['past']): number {
  return 1 / (1 + 0.35 * series + 0.02 * company + 0.02 * others)
}

/** No total of a list is larger than this, nor is a change of many items: they move with what the list shows. */
const largestOfList = 0.45

function sizeOfChange({ before, now, isCount, isTotal, isTurn }: NonNullable<Evidence['change']>): number {
  if (isTurn) return 1
  const [a, b] = [numberOf(before), numberOf(now)]
  if (before.kind === 'bool' || a === null || b === null) return sizeOfText(before, now)
  const size = isCount ? sizeOfCount(a, b) : towardsOne(shareOf(a, b), 0.15)
  return isTotal ? Math.min(largestOfList, size) : size
}

/** A large share of the value, or a large number by itself. Counts below 70 or so stay small whatever they do. */
function sizeOfCount(a: number, b: number): number {
  const largest = Math.max(Math.abs(a), Math.abs(b))
  const most = Math.min(1, 0.27 * Math.log10(1 + largest))
  // Only the detectors tell of a number that did not move: it stands still against its habit.
  if (a === b) return most / 2
  const [share, number] = [towardsOne(shareOf(a, b), 0.25), weightOf(Math.abs(b - a)) ** 2]
  return most * (1 - (1 - share) * (1 - number))
}

/** A name is another one or not; of longer texts the share of new words counts. */
function sizeOfText(before: Value, now: Value): number {
  if (before.kind === 'bool' || (isName(before) && isName(now))) return 0.9
  return Math.max(0.2, shareOfWords(before, now).share)
}

/** Of two texts or lists: the share of their words or members that only one of them has, and how many the longer has. */
export function shareOfWords(before: Value, now: Value): { share: number; words: number } {
  const [old, fresh] = [before, now].map(partsOf) as [readonly string[], readonly string[]]
  const changed = missingIn(old, fresh).length + missingIn(fresh, old).length
  return { share: changed / Math.max(1, old.length + fresh.length), words: Math.max(old.length, fresh.length) }
}

function partsOf(value: Value): readonly string[] {
  return value.kind === 'set' ? value.members : value.kind === 'text' ? wordsOf(value.text) : []
}

/** Days after which an item that is new in a list is not new in itself: the list shows others than before. */
const young = 60

function sizeOfItems({ count, numbers, ageDays }: NonNullable<Evidence['items']>, kind: Evidence['kind']): number {
  if (count > 1) return largestOfList
  if (kind === 'gone') return 0.5
  const telling = numbers.filter(({ meaning }) => meaning.polarity !== 'neither')
  const known = telling.map(({ number, meaning }) => meaning.weight * weightOf(Math.abs(number)))
  const size = known.length === 0 ? 0.6 : methods.max(known)
  return ageDays !== null && ageDays > young ? 0.4 * size : size
}

/** 0 to 1 for 0 to 10,000 and more. */
function weightOf(number: number): number {
  return Math.min(1, Math.log10(1 + number) / 4)
}

/** 0 to 1: how much of the larger number the change is. */
export function shareOf(a: number, b: number): number {
  const largest = Math.max(Math.abs(a), Math.abs(b))
  return largest === 0 ? 0 : Math.min(1, Math.abs(b - a) / largest)
}

function towardsOne(share: number, half: number): number {
  return 1 - Math.exp(-share / half)
}
