import lexicon from './sentiment.json' with { type: 'json' }

/** How much of a long comment is read, in characters. */
const maxText = 5000
/** In words: how far a negation reaches. */
const reach = 3

const wordsOf = (text: string) => text.split(' ')
const weights = new Map(
  Object.entries(lexicon.words).flatMap(([weight, lines]) =>
    lines.flatMap(wordsOf).map((word): [string, number] => [word, Number(weight)]),
  ),
)
const symbols = new Map(
  Object.entries(lexicon.symbols).flatMap(([weight, [signs = '', faces = '']]) =>
    [...signs, ...wordsOf(faces)].map((symbol): [string, number] => [symbol, Number(weight)]),
  ),
)
const setOf = (words: string) => new Set(wordsOf(words))
const [stronger, weaker, negations] = [setOf(lexicon.stronger), setOf(lexicon.weaker), setOf(lexicon.negations)]
/** `shared`: English words that other languages have, too. */
const [english, shared, foreign] = [setOf(lexicon.english), setOf(lexicon.shared), setOf(lexicon.foreign)]

/**
 * How a comment in English sounds: 0 negative, 5 neutral, 10 positive (contract section 15.3). Null for other languages,
 * and where there is nothing to read. Pure. Whoever has a better model replaces this function.
 */
export function scoreSentiment(text: string): number | null {
  const said = text.slice(0, maxText).toLowerCase().replaceAll('’', "'")
  const words = said.match(/[\p{L}\p{N}]+(?:['-][\p{L}\p{N}]+)*/gu) ?? []
  const signs = sumSymbols(said)
  if (words.length === 0) return signs === 0 ? null : onScale(signs)
  return isEnglish(words) ? onScale(sumWords(words) + signs) : null
}

/** The part after the last "but" counts more than the part before it. */
function sumWords(words: readonly string[]): number {
  const turn = words.lastIndexOf('but')
  return words.reduce((sum, word, at) => {
    const weight = weights.get(word) ?? 0
    if (weight === 0) return sum
    const before = words.slice(Math.max(0, at - reach), at)
    const isNegated = before.some((one) => negations.has(one.replaceAll("'", '')))
    const last = before.at(-1) ?? ''
    const degree = stronger.has(last) ? 1.3 : weaker.has(last) ? 0.7 : 1
    const place = turn < 0 ? 1 : at > turn ? 1.5 : 0.5
    return sum + weight * degree * place * (isNegated ? -0.75 : 1)
  }, 0)
}

function sumSymbols(text: string): number {
  let sum = 0
  for (const [symbol, weight] of symbols) if (text.includes(symbol.toLowerCase())) sum += weight
  return sum
}

/** Sums of any size fit between 0 and 10; two strong words are near an end. */
function onScale(sum: number): number {
  return Math.round(5 + (5 * sum) / Math.sqrt(sum * sum + 8))
}

/**
 * Whether most of the telling words are English, and one of them is so alone. A word with letters that English lacks
 * tells of another language.
 */
function isEnglish(words: readonly string[]): boolean {
  const own = words.filter((word) => english.has(word) || weights.has(word))
  const other = words.filter((word) => (foreign.has(word) && !english.has(word)) || /[^a-z0-9'-]/.test(word)).length
  const isSure = own.some((word) => !shared.has(word))
  return isSure && own.length > other && own.length >= 0.2 * words.length
}
