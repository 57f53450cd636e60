import { labelOf } from '../message/is-good.ts'
import type { DigestView, Message } from '../message/message.ts'
import type { Extras } from './extras.ts'
import { sayMore } from './mail-digest.ts'
import { asTextSections, hasSections } from './render-digest.ts'

/** A message as plain text. It begins with what happened. */
export function asText(message: Message, extras: Extras): string {
  const body = message.digest
    ? asTextDigest(message.digest)
    : hasSections(message)
      ? [message.context, ...asTextSections(message)]
      : [message.headline, ...asTextLines(message, extras), message.context]
  const unsubscribe = extras.unsubscribe && `Unsubscribe: ${extras.unsubscribe}`
  const footer = [extras.why, message.trace, unsubscribe].filter(Boolean).join('\n')
  return `${[...body, message.digest ? '' : message.rest, footer].filter(Boolean).join('\n\n')}\n`
}

function asTextLines({ lines }: Message, extras: Extras): string[] {
  const isOne = lines.length === 1
  return lines.map((line, index) => {
    const label = labelOf(line)
    const { name, sentence, more } = line.story ?? { name: null, sentence: line.title, more: line.details }
    const first = name === null ? sentence : `${name}: ${sentence}`
    const chart = extras.chartOf?.(line)?.text
    const said = [
      ...more,
      ...(chart ? [`Chart of ${chart}`] : []),
      ...(line.link ? [`${line.linkText ?? 'Why'}: ${line.link}`] : []),
      // Each is a long address: among several news items they would be all that is seen.
      ...(isOne ? (extras.actionsOf?.(line) ?? []).map(({ text, url }) => `${text}: ${url}`) : []),
    ]
    if (isOne) return [label ? `${first} [${label}]` : first, ...said].join('\n\n')
    return [`${index + 1}. ${label ? `[${label}] ` : ''}${first}`, ...said.map((one) => `   ${one}`)].join('\n')
  })
}

/** The form of the predecessor's reports: a company's name, and what happened below. */
function asTextDigest({ headline, period, summary, page, things, further, counts }: DigestView): string[] {
  const told = things.map((thing) => {
    const { name, sentence, more } = thing.story ?? { name: null, sentence: thing.title, more: thing.details }
    const label = labelOf(thing)
    const below = [...more, thing.bars, thing.link && `Why: ${thing.link}`, thing.reason].filter(Boolean)
    const said = [`- ${sentence}${label ? ` [${label}]` : ''}`, ...below.map((one) => `  ${one}`)]
    return [...(name === null ? [] : [name]), ...said].join('\n')
  })
  const companies = further.map(({ company, sentence, more }) => {
    if (sentence === null) return `- ${company}: ${sayMore(more)}`
    return `- ${company}: ${sentence}${more > 0 ? `, and ${sayMore(more)}` : ''}`
  })
  return [
    `${headline}\n${period}`,
    page === undefined ? summary : `${summary}\nThis report as a page: ${page}`,
    ...told,
    ...(companies.length > 0 ? [[things.length > 0 ? 'Further companies' : 'Companies', ...companies].join('\n')] : []),
    ...(counts.length > 0 ? [counts.join('\n')] : []),
  ]
}
