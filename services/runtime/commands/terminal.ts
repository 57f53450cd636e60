const graphemes = new Intl.Segmenter('en')

/** Control and format characters, line separators and half surrogates; not the two joiners that scripts and emoji need. */
const unprintable = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu
const unprintableExceptLines = new RegExp(`(?!\\n)${unprintable.source}`, 'gu')
const wide =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff01-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|\ufe0f/u
const zeroWide = /^[\p{M}\u200c\u200d]/u

/**
 * A text in one line for a terminal. What could move the cursor, change the direction or hide is written as in JSON:
 * `\n`, `\u001b`, `\u202e`.
 */
export function escapeLine(text: string): string {
  return text.replace(unprintable, escapeCharacter)
}

/** The same for a text of several lines, which stay lines. JSON stays JSON with the same meaning. */
export function escapeLines(text: string): string {
  return text.replace(unprintableExceptLines, escapeCharacter)
}

function escapeCharacter(character: string): string {
  const json = JSON.stringify(character).slice(1, -1)
  if (json !== character) return json
  const units = Array.from({ length: character.length }, (_, n) => character.charCodeAt(n))
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
}

/** Columns that a text without line breaks takes in a terminal. */
export function measureWidth(text: string): number {
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += widthOf(segment)
  return width
}

function widthOf(grapheme: string): number {
  if (wide.test(grapheme)) return 2
  return zeroWide.test(grapheme) ? 0 : 1
}

/** The text with blanks up to `width` columns. */
export function padToWidth(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - measureWidth(text)))
}

/** The text, if it takes more than `width` columns its beginning and an ellipsis. */
export function cutToWidth(text: string, width: number): string {
  let taken = 0
  let kept = ''
  let fitting = ''
  for (const { segment } of graphemes.segment(text)) {
    taken += widthOf(segment)
    if (taken > width) return `${fitting}…`
    kept += segment
    if (taken < width) fitting = kept
  }
  return text
}

/** A text broken at blanks into lines of at most `width` columns, each with `indent` in front. A longer word stays whole. */
export function wrapText(text: string, width: number, indent = ''): string {
  const lines: string[] = []
  let line = ''
  for (const word of escapeLine(text).split(/ +/)) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && measureWidth(indent + longer) > width) {
      lines.push(indent + line)
      line = word
    } else line = longer
  }
  return [...lines, indent + line].join('\n')
}
