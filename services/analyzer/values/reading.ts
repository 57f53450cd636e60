import { decodeHTMLStrict } from 'entities'

/**
 * A text as it is seen: without HTML entities, characters that nobody sees, and differences of Unicode's normal forms.
 */
export function visibleOf(text: string): string {
  return decodeEntities(text)
    .replace(/[´`ʼ‘’′]/gu, "'")
    .replace(/[\p{Default_Ignorable_Code_Point}\p{Cf}\u0640\ufffc]|(?!\s)\p{Cc}/gu, '')
    .replaceAll('\u2800', ' ')
    .normalize('NFKC')
    .replace(/\s+/gu, ' ')
    .trim()
}

/**
 * What a text says, as words. Two texts with the same reading say the same: case, white space and punctuation do not
 * count, nor do numbers within a sentence. Symbols that carry meaning are words: `AA+` is not `AA-`. Numbers are one
 * word each, however their digits are grouped. A short text, or one that begins with a number, is not a sentence.
 */
export function readingOf(text: string): string {
  const words = wordsAndSymbols(text)
  if (words.length === 0) return foldCase(visibleOf(text))
  return (isSentence(words) ? withoutNumbers(words) : words).join(' ')
}

/** A name by which an item is known again. Numbers in it count, and so does all punctuation of an address. */
export function nameOf(name: string): string {
  const words = /\s/u.test(visibleOf(name)) ? wordsAndSymbols(name) : []
  return words.length > 0 ? words.join(' ') : foldCase(visibleOf(name))
}

/** Entities that were encoded twice are decoded twice. */
function decodeEntities(text: string): string {
  const once = text.includes('&') ? decodeHTMLStrict(text) : text
  return once.includes('&') ? decodeHTMLStrict(once) : once
}

/** ß is ss, İ and ı are i. */
function foldCase(text: string): string {
  return text.toUpperCase().toLowerCase().replaceAll('i\u0307', 'i')
}

const word = new RegExp(
  [
    // An address is one word, with its punctuation.
    String.raw`[a-z][a-z0-9+.\-]{0,20}:\/\/\S+`,
    String.raw`\d+(?:[.,'٫٬]\d+)*`,
    // A minus before a number, and a sign after a letter: -5 %, AA-, C#.
    String.raw`(?<=^|[\s\(])-(?=\p{Sc}?\d)`,
    String.raw`(?<=[\p{L}\p{N}\+])-(?=$|[\s\),.;:!?])`,
    String.raw`(?<=\p{L})#`,
    // Japanese and Chinese have no blanks between words.
    String.raw`[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]`,
    // Letters may be followed by numbers: web3.
    String.raw`[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}][\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{M}\d]*`,
    String.raw`[[\p{L}\p{M}]--[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]]+`,
    String.raw`\p{N}`,
    String.raw`[[\p{Sc}\p{Sm}\p{So}%‰]--[\|©®℠™]]`,
  ].join('|'),
  'gv',
)

function wordsAndSymbols(text: string): string[] {
  const folded = foldCase(visibleOf(text.replace(/[©®℠™]/gu, '')))
    .replace(/[^\P{Nd}0-9]/gu, toAscii)
    .replace(/[\p{Pd}−]/gu, '-')
    .replace(/(?<![\d.,])\d{1,3}(?: \d{3})+(?!\d)/gu, (number) => number.replaceAll(' ', ''))
  return (folded.match(word) ?? []).map((one) => (/^\d/.test(one) ? withoutGroups(one) : one))
}

/** Unicode has the ten digits of a script in a row. */
function toAscii(digit: string): string {
  const code = digit.codePointAt(0)!
  let zero = code
  while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--
  return String(code - zero)
}

/** 1,001 as 1001; 1.234,5 as 1234.5; 4,5 as 4.5; 1.2.3 stays. */
function withoutGroups(number: string): string {
  const plain = number.replaceAll('٫', '.').replaceAll('٬', ',')
  if (/^\d{1,3}(?:,\d{2,3})*,\d{3}$|^\d{1,3}(?:'\d{3})+$|^\d{1,3}(?:\.\d{3}){2,}$/.test(plain))
    return plain.replaceAll(/\D/g, '')
  if (/^\d{1,3}(?:,\d{2,3})+\.\d+$|^\d{1,3}(?:'\d{3})+\.\d+$/.test(plain)) return plain.replaceAll(/[,']/g, '')
  if (/^\d{1,3}(?:\.\d{3})+,\d+$/.test(plain)) return plain.replaceAll('.', '').replace(',', '.')
  return plain.replace(/^(\d+),(\d+)$/, '$1.$2')
}

const isNumber = (word: string) => /^\p{N}/u.test(word)
const isSymbol = (word: string) => /^[^\p{L}\p{N}]/u.test(word)

/** The words with every number, as 900k or 1M+, as a 0. */
function withoutNumbers(words: readonly string[]): string[] {
  let isAfterNumber = false
  return words.flatMap((word) => {
    isAfterNumber = isNumber(word) || (isAfterNumber && /^(?:\+|[kmbt]|mn|bn|mio|mrd)$/.test(word))
    return isNumber(word) ? '0' : isAfterNumber ? [] : word
  })
}

/** How many words a word is: scripts without blanks between words have about two letters, or four, to a word. */
function weightOf(word: string): number {
  if (isNumber(word) || isSymbol(word)) return 0
  if (/^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]$/u.test(word)) return 0.5
  const isJoined = /^[\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u.test(word)
  return isJoined ? word.length / 4 : 1
}

function isSentence(words: readonly string[]): boolean {
  const [head] = words.filter((word) => !isSymbol(word))
  if (words.length < 5 || head === undefined || isNumber(head)) return false
  return words.reduce((sum, word) => sum + weightOf(word), 0) >= 4
}
