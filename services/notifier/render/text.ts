import type { Message } from '../message/message.ts'
import type { Extras } from './extras.ts'
import { labelOf } from './label.ts'
import { asTextSections, hasSections } from './render-digest.ts'

/** A message as plain text. It begins with what happened. */
export function asText(message: Message, extras: Extras): string {
  const body = hasSections(message)
    ? [message.context, ...asTextSections(message)]
    : [message.headline, ...asTextLines(message, extras), message.context]
  const unsubscribe = extras.unsubscribe && `Unsubscribe: ${extras.unsubscribe}`
  const footer = [extras.why, message.trace, unsubscribe].filter(Boolean).join('\n')
  return `${[...body, message.rest, footer].filter(Boolean).join('\n\n')}\n`
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
