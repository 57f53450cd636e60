import { cut } from '#runtime/text/shorten.ts'
import { escapeHtml } from '#runtime/web/escape-html.ts'

/**
 * Escapes text so that Slack shows it unchanged. With `&`, `<` and `>` escaped it has no <!channel> and no link,
 * https://docs.slack.dev/messaging/formatting-message-text#escaping. Slack has no escape for bold, code and emoji: a
 * zero-width space after their marks disables them. In an address it would be part of the address, so there `*` and
 * backticks are percent-encoded, and everything else stays.
 */
export function escapeSlack(text: string): string {
  return escapeCharacters(text)
    .split(addresses)
    .map((part, index) => (index % 2 === 0 ? part.replace(marks, '$&\u200b') : encodeMarks(part)))
    .join('')
}

const addresses = /(\bhttps?:\/\/\S+)/i
const marks = /[*~`]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])|:(?=[a-z_+-][\w+'-]*:)/gu

/** A link in Slack's markup. Its address stays as it is, but for `|`, which would end it. */
export function linkSlack(address: string, text: string): string {
  return `<${escapeCharacters(address).replaceAll('|', '%7C')}|${escapeSlack(text)}>`
}

const escapeCharacters = (text: string) => text.replace(/[&<>]/g, escapeHtml)
const encodeMarks = (address: string) => address.replaceAll('*', '%2A').replaceAll('`', '%60')

/** Cuts escaped text, but never inside an entity. */
export function cutEscaped(text: string, length: number): string {
  return text.length <= length ? text : `${cut(text, length).replace(/&[a-z]*…$/, '…')}`
}

/** Joins parts, in order, into texts of at most `length` characters. A longer part is a text of its own. */
export function pack(parts: readonly string[], length: number, separator: string): string[] {
  const texts: string[] = []
  for (const part of parts) {
    const joined = `${texts.at(-1)}${separator}${part}`
    if (texts.length > 0 && joined.length <= length) texts[texts.length - 1] = joined
    else texts.push(part.trimStart())
  }
  return texts
}
