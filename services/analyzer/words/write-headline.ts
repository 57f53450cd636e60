const minWords = 4
const maxWords = 7

/**
 * A headline of four to seven words: what it is about, and the first of `endings` that fits. With an item, naming the
 * item comes before a longer ending. If none fits, it ends with the last one, and the rest is cut.
 */
export function writeHeadline(
  thing: string,
  { company, item }: { company: string; item: string | null },
  endings: readonly [string, ...string[]],
): string {
  const named = endings.map((ending) => `${thing} of ${item ?? company} ${ending}`)
  const unnamed = endings.map((ending) => `${thing} ${ending}`)
  const candidates = item === null ? named.flatMap((text, index) => [text, unnamed[index]!]) : [...named, ...unnamed]
  const fitting = candidates.find((text) => countWords(text) >= minWords && countWords(text) <= maxWords)
  const short = endings.at(-1) as string
  return capitalize(fitting ?? `${firstWords(`${thing} of ${item ?? company}`, maxWords - countWords(short))} ${short}`)
}

export function countWords(text: string): number {
  return text.split(/\s+/).filter(Boolean).length
}

export function capitalize(text: string): string {
  return text.replace(/^\p{Ll}/u, (letter) => letter.toUpperCase())
}

function firstWords(text: string, count: number): string {
  const words = text.split(' ')
  return words.length <= count ? text : `${words.slice(0, count).join(' ')}…`
}
