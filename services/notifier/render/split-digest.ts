import type { Line, Message } from '../message/message.ts'
import { escapeSlack } from './slack-text.ts'

/** As long as the name of a company is at most. */
const maxName = 80

/**
 * Splits a digest into parts of about `maxChars` characters, as Slack counts them. Every part begins with the name of
 * its company.
 */
export function splitDigest(message: Message, maxChars: number): Message[] {
  const parts: Line[][] = []
  let [chars, heading] = [0, '']
  for (const line of message.lines) {
    heading = line.heading ?? heading
    const size = sizeOf(line)
    const last = parts.at(-1)
    if (last && chars + size <= maxChars) {
      last.push(line)
      chars += size
    } else {
      parts.push([{ ...line, heading }])
      chars = size
    }
  }
  if (parts.length <= 1) return [message]
  return parts.map((lines, index) => ({
    ...message,
    subject: `${message.subject} (${index + 1} of ${parts.length})`,
    lines,
    rest: index === parts.length - 1 ? message.rest : '',
  }))
}

/** Characters of a line in Slack, with a company's name, which any line may have to repeat, and markup. */
function sizeOf({ title, details, link = '' }: Line): number {
  const texts = [title, ...details, link].map((text) => escapeSlack(text).length + 10)
  return texts.reduce((sum, length) => sum + length, maxName)
}
