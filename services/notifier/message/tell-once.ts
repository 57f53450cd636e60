import { clean, cut } from '#runtime/text/shorten.ts'
import type { Story } from './message.ts'

type Told = { company: string; title: string; details: readonly string[] }

const maxName = 120
const maxSentence = 300

/**
 * A news item in one sentence and what else there is to say, each fact once. Mostly its message says what its title says
 * and more; then the title is left out. `isOnlyCompany`: its name stands above already.
 */
export function tellOnce({ company, title, details: [message = '', ...rest] }: Told, isOnlyCompany: boolean): Story {
  const [heading, text] = [clean(title), clean(message)]
  const isSaid = text !== '' && covers(text, heading)
  const [name, told] = splitName(company, isSaid ? text : heading || text)
  const more = isSaid || heading === '' ? rest : [text, ...rest]
  const [sentence, ...others] = splitSentence(told)
  const shown = isOnlyCompany ? withoutCompany(company, name) : name
  return {
    name: shown === null ? null : cut(shown, maxName),
    sentence: cut(sentence, maxSentence),
    more: [...others, ...more].filter(Boolean),
  }
}

/** Of a title's words its message may leave out one in three, such as `among them`. */
const leastSaid = 2 / 3

function covers(text: string, heading: string): boolean {
  const known = new Set(wordsOf(text))
  const words = wordsOf(heading)
  return words.filter((word) => known.has(word)).length >= leastSaid * words.length
}

const wordsOf = (text: string) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []

/** "acme/app: stars rose" is about "acme/app"; a text that does not begin with its company is about the company. */
function splitName(company: string, text: string): [name: string, rest: string] {
  const head = text.slice(0, company.length)
  if (head.toLowerCase() !== company.toLowerCase()) return [company, text]
  const [, item, rest] = /^( ?\/ ?.*?|): (.+)$/u.exec(text.slice(company.length)) ?? []
  return item === undefined || rest === undefined ? [company, text] : [head + item, rest]
}

function withoutCompany(company: string, name: string): string | null {
  return name.slice(company.length).replace(/^ ?\/ ?/, '') || null
}

/** The first sentence, and the others as one text. */
function splitSentence(text: string): [string, string] {
  const end = /[.!?](?=\s+\p{Lu})/u.exec(text)
  return end === null ? [text, ''] : [text.slice(0, end.index + 1), text.slice(end.index + 1).trim()]
}
