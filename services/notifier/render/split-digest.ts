import type { DigestView, Message } from '../message/message.ts'
import { asSlackCompany, asSlackThing } from './slack-digest.ts'

/**
 * Splits a digest into parts of about `maxChars` characters, as Slack counts them. Each news item and company is in one
 * part, in their order; the counts are in the last.
 */
export function splitDigest(message: Message, maxChars: number): Message[] {
  const { digest } = message
  if (digest === undefined) return [message]
  const parts: Pick<DigestView, 'things' | 'further'>[] = []
  let chars = 0
  const roomFor = (text: string) => {
    if (parts.length === 0 || chars + text.length + 2 > maxChars) {
      parts.push({ things: [], further: [] })
      chars = 0
    }
    chars += text.length + 2
    return parts.at(-1)!
  }
  for (const thing of digest.things) roomFor(asSlackThing(thing)).things.push(thing)
  for (const company of digest.further) roomFor(asSlackCompany(company)).further.push(company)
  if (parts.length <= 1) return [message]
  return parts.map((part, index) => ({
    ...message,
    subject: `${message.subject} (${index + 1} of ${parts.length})`,
    lines: [],
    digest: { ...digest, ...part, counts: index === parts.length - 1 ? digest.counts : [] },
  }))
}
