import { lastKey } from '#runtime/text/value-path.ts'

/** A longer headline has a shorter ending, if there is one. */
const maxHeadline = 110

/**
 * A headline that is understood on its own: company and item, what it is about, and the first of `endings` with which it
 * is short, as in "apple/container: stars rose 48% to 14,818".
 */
export function writeHeadline(
  thing: string,
  about: { company: string; item: string | null },
  endings: readonly [string, ...string[]],
): string {
  const head = `${nameSubject(about)}: ${thing}`
  const fitting = endings.find((ending) => head.length + ending.length < maxHeadline)
  return `${head} ${fitting ?? (endings.at(-1) as string)}`
}

/** "apple/container"; with blanks in a name "Acme Corp / Series B". An item may begin with its company's name already. */
function nameSubject({ company, item }: { company: string; item: string | null }): string {
  if (item === null) return company
  if (item.toLowerCase().startsWith(`${company.toLowerCase()}/`)) return item
  return /\s/.test(company + item) ? `${company} / ${item}` : `${company}/${item}`
}

/**
 * A measurement's name without what a headline says anyway, the company and the list: "repository stars" in `repos[]` is
 * "stars", "description of company" is "description".
 */
export function shortenMeasurement(name: string, list: string | null): string {
  const things = [
    'company',
    ...(list === null
      ? []
      : [
          singularOf(
            lastKey(list)
              .split(/[_\s]+/)
              .at(-1) ?? '',
          ),
        ]),
  ]
  return things.reduce(withoutThing, name)
}

function withoutThing(name: string, thing: string): string {
  if (thing.length < 3) return name
  const words = name.split(' ')
  const isThing = (word: string | undefined) => word !== undefined && isSame(word.toLowerCase(), thing.toLowerCase())
  if (words.length > 1 && isThing(words[0])) return words.slice(1).join(' ')
  const of = words.findLastIndex((word, index) => index < words.length - 1 && !isFiller(word)) + 1
  return of > 0 && of < words.length - 1 && isThing(words.at(-1)) ? words.slice(0, of).join(' ') : name
}

/** Whether two words name one thing: repo and repository, company and companies. */
function isSame(word: string, thing: string): boolean {
  const single = singularOf(word)
  return single === thing || (single.startsWith(thing) && thing.length >= 4)
}

const isFiller = (word: string) => /^(?:of|the|a|an)$/i.test(word)

function singularOf(word: string): string {
  return word.replace(/ies$/i, 'y').replace(/(?<=[^s])s$/i, '')
}

export function countWords(text: string): number {
  return text.split(/\s+/).filter(Boolean).length
}
