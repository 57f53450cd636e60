import { escapeHtml } from '#runtime/escape-html.ts'
import { cut } from './text.ts'

/** https://docs.slack.dev/messaging/formatting-message-text#escaping: with these three there is no <!channel> and no link. */
export function escapeSlack(text: string): string {
  return text.replace(/[&<>]/g, escapeHtml)
}

/** Cuts escaped text, never within an entity. */
export function cutEscaped(text: string, length: number): string {
  return text.length <= length ? text : `${cut(text, length).replace(/&[a-z]*…$/, '…')}`
}

/** Joins parts to texts of at most `length` characters, in order; a longer part is a text of its own. */
export function pack(parts: readonly string[], length: number, separator: string): string[] {
  const texts: string[] = []
  for (const part of parts) {
    const joined = `${texts.at(-1)}${separator}${part}`
    if (texts.length > 0 && joined.length <= length) texts[texts.length - 1] = joined
    else texts.push(part.trimStart())
  }
  return texts
}
