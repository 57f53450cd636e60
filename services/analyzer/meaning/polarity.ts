import table from './polarity.json' with { type: 'json' }

/** What more of a measurement means, and how much a reader cares about it, from 0 to 1. */
export type Meaning = { polarity: 'good' | 'bad' | 'neither'; weight: number }

/** What a measurement means by its name, or the items of a list by the list's. */
export type MeaningOf = (name: string, of?: 'measurement' | 'items') => Meaning

type Entry = Meaning & { words: readonly string[] }

const polarities = ['good', 'bad', 'neither'] as const
const built = {
  measurement: polarities.flatMap((polarity) => readSection(table[polarity], polarity)),
  items: readSection(table.items, 'neither'),
}
const unknown: Meaning = { polarity: 'neither', weight: table.otherwise }

function readSection(section: Record<string, readonly string[]>, polarity: Meaning['polarity']): Entry[] {
  return Object.entries(section).flatMap(([weight, lines]) =>
    lines
      .flatMap((line) => line.split(', '))
      .map((phrase) => ({ polarity, weight: Number(weight), words: stemsOf(phrase) })),
  )
}

/** As in `open issues=bad` and `headcount=good:0.8`. */
const override = /^(?<phrase>[^=]*[^=\s])\s*=\s*(?<polarity>good|bad|neither)(?::(?<weight>0(?:\.\d+)?|1(?:\.0+)?))?$/i

/** What is wrong with an override; null if nothing is. */
export function findFault(text: string): string | null {
  const { phrase } = override.exec(text)?.groups ?? {}
  // Without words it would mean every measurement.
  return phrase !== undefined && stemsOf(phrase).length > 0
    ? null
    : `${text}: write words=good, words=bad or words=neither, with :0 to :1 for a weight`
}

/**
 * The built-in table (polarity.json) with `overrides` before it. The longest phrase in a name decides; of equally long
 * ones a bad one, as in "customer churn", else the first in the name.
 */
export function compileMeanings(overrides: readonly string[]): MeaningOf {
  const own = overrides.flatMap(readOverride)
  const answers = { measurement: new Map<string, Meaning>(), items: new Map<string, Meaning>() }
  return (name, of = 'measurement') => {
    const known = answers[of].get(name)
    if (known) return known
    const words = stemsOf(name)
    const { polarity, weight } = findLongest(own, words) ?? findLongest(built[of], words) ?? unknown
    if (answers[of].size >= maxAnswers) answers[of].clear()
    answers[of].set(name, { polarity, weight })
    return { polarity, weight }
  }
}

/** Without a weight it keeps the table's. */
function readOverride(text: string): Entry[] {
  const { phrase, polarity, weight } = override.exec(text)?.groups ?? {}
  if (phrase === undefined) return []
  const words = stemsOf(phrase)
  const known = findLongest(built.measurement, words) ?? unknown
  const given = weight === undefined ? known.weight : Number(weight)
  return [{ words, polarity: polarity!.toLowerCase() as Meaning['polarity'], weight: given }]
}

const maxAnswers = 10_000

function findLongest(entries: readonly Entry[], words: readonly string[]): Entry | undefined {
  const found = entries.flatMap((entry) => {
    const at = words.findIndex((_, start) => entry.words.every((word, index) => words[start + index] === word))
    return at < 0 ? [] : [{ entry, at }]
  })
  const rank = ({ entry, at }: (typeof found)[number]) =>
    entry.words.length * 1e6 + (entry.polarity === 'bad' ? 1e5 : 0) - at
  return found.toSorted((a, b) => rank(b) - rank(a))[0]?.entry
}

/** The first `most` words in lower case and in the singular: num, open and issue of `num_openIssues`. */
function stemsOf(name: string, most = 50): string[] {
  const words = name
    .replace(/(?<=\p{Ll})(?=\p{Lu})/gu, ' ')
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu)
  return (words ?? []).slice(0, most).map(singularOf)
}

/** Enough for both sides of a comparison: what it does with a word it does with the same word of the table. */
function singularOf(word: string): string {
  if (word.length < 4 || /(?:ss|us|is|ws|as)$/.test(word)) return word
  if (word.endsWith('ies')) return `${word.slice(0, -3)}y`
  return /(?:sh|ch|x|ss)es$/.test(word) ? word.slice(0, -2) : word.replace(/s$/, '')
}

const tellingWords = table['telling words'].flatMap((line) => line.split(', ').map((phrase) => stemsOf(phrase)))

/** Of a text, in words. */
const maxWords = 5000

/** Whether a text has words that tell of an end or a turn, such as "deprecated" or "acquired", that were not there before. */
export function tellsOfTurn(before: string, now: string): boolean {
  const [old, fresh] = [stemsOf(before, maxWords), stemsOf(now, maxWords)]
  const has = (words: readonly string[], phrase: readonly string[]) =>
    words.some((_, start) => phrase.every((word, index) => words[start + index] === word))
  return tellingWords.some((phrase) => has(fresh, phrase) && !has(old, phrase))
}
