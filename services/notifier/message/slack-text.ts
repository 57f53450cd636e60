import { cut } from '#runtime/text/shorten.ts'
import { escapeHtml } from '#runtime/web/escape-html.ts'

/**
 * Escapes text so that Slack shows it unchanged. With `&`, `<` and `>` escaped it has no <!channel> and no link,
 * https://docs.slack.dev/messaging/formatting-message-text#escaping. Slack has no escape for bold, code and emoji: a
 * zero-width space after their marks disables them.
 */
export function escapeSlack(text: string): string {
  return text.replace(/[&<>]/g, escapeHtml).replace(marks, '$&\u200b')
}

const marks = /[*~`]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])|:(?=[a-z_+-][\w+'-]*:)/gu

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
