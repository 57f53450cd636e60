/**
 * `text` on one line: line breaks, control characters, marks that turn the direction and runs of spaces are one space.
 */
export function clean(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .trim()
}

/**
 * `text` with at most `length` characters (UTF-16 units). What is cut ends with an ellipsis: at a word, where one ends
 * in the second half, and never within a character or a number.
 */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text
  const kept = text.slice(0, length - 1).replace(/[\ud800-\udbff]$/u, '')
  const atWord = kept.replace(/\s+\S*$/, '')
  const whole = (atWord.length > length / 2 ? atWord : kept).replace(/[\d\p{P}\s]+$/u, '')
  return `${whole || kept}…`
}

/** `text` on one line, with at most `length` characters. */
export function excerpt(text: string, length: number): string {
  // Texts of modules have any length, and most are shown as a line.
  const head = text.slice(0, 20 * length)
  return cut(head.length < text.length ? `${clean(head)}…` : clean(head), length)
}
