import { labelOf } from '../message/is-good.ts'
import type { DigestView, FurtherCompany, Thing } from '../message/message.ts'
import { sayMore } from './mail-digest.ts'
import { cutEscaped, escapeSlack, linkSlack } from './slack-text.ts'

const maxThing = 1500
const maxCompany = 400

/** A news item of a digest in Slack's markup, at most `maxThing` characters, with its series as a row of bars. */
export function asSlackThing({ story, title, details, bars, reason, link, ...line }: Thing): string {
  const { name, sentence, more } = story ?? { name: null, sentence: title, more: details }
  const label = labelOf(line)
  const end = `${label ? ` [${escapeSlack(label)}]` : ''}${link ? ` ${linkSlack(link, 'See why')}` : ''}`
  const first = `${name === null ? '' : `${escapeSlack(name)}\n`}- ${escapeSlack(sentence)}`
  const below = [...more, ...(bars === null ? [] : [bars]), reason].map((text) => `\n   ${escapeSlack(text)}`).join('')
  const told = cutEscaped(first, maxThing - end.length) + end
  return told + cutEscaped(below, Math.max(0, maxThing - told.length))
}

/** A further company of a digest, at most `maxCompany` characters. */
export function asSlackCompany({ company, sentence, more, link }: FurtherCompany): string {
  const name = `• ${escapeSlack(company)}: `
  if (sentence === null) return name + sayMore(more)
  const rest = more > 0 ? `, and ${sayMore(more)}` : ''
  const why = link ? ` ${linkSlack(link, 'See why')}` : ''
  return cutEscaped(name + escapeSlack(sentence), maxCompany - rest.length - why.length) + rest + why
}

/** All of them as parts that stand below each other. What has a picture has no bars. */
export function asSlackDigest(
  { things, further, counts, page }: DigestView,
  pictures: ReadonlyMap<number, unknown>,
): string[] {
  const heading = things.length > 0 ? '*Further companies*' : '*Companies*'
  return [
    ...things.map((thing, at) => asSlackThing(pictures.has(at) ? { ...thing, bars: null } : thing)),
    ...(further.length > 0
      ? [`${heading}\n${further.map(asSlackCompany)[0]}`, ...further.slice(1).map(asSlackCompany)]
      : []),
    ...counts.map(escapeSlack),
    ...(page === undefined ? [] : [linkSlack(page, 'Open this report as a page')]),
  ]
}
