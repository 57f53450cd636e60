import { clean, cut } from '#runtime/text/shorten.ts'
import type { Story } from './message.ts'

type Told = { company: string; title: string; details: readonly string[] }

const maxName = 120
const maxSentence = 300

/**
 * A news item in one sentence and what else there is to say, each fact once. Its message says what its title says and
 * more, so the title stands only where the message is empty. `isOnlyCompany`: its name stands above already.
 */
export function tellOnce({ company, title, details: [message = '', ...more] }: Told, isOnlyCompany: boolean): Story {
  const said = clean(message) || clean(title)
  const [name, rest] = splitName(company, said)
  const [sentence, ...others] = splitSentence(rest)
  const shown = isOnlyCompany ? withoutCompany(company, name) : name
  return {
    name: shown === null ? null : cut(shown, maxName),
    sentence: cut(sentence, maxSentence),
    more: [...others, ...more].filter(Boolean),
  }
}

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
