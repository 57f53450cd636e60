import { clean } from '#runtime/text/shorten.ts'

/** Widths of the characters from space to tilde in DejaVu Sans, in hundredths of the font's size. */
const widths = (
  '32 40 46 84 64 95 78 27 39 39 50 84 32 36 32 34 64 64 64 64 64 64 64 64 64 64 34 34 84 84 84 53 100 68 69 70 77 63 ' +
  '58 77 75 29 29 66 56 86 75 79 60 79 69 63 61 73 68 99 69 61 69 39 34 39 84 50 50 61 63 55 63 62 35 63 63 28 28 58 ' +
  '28 97 63 61 63 63 41 52 39 63 59 82 59 59 52 64 34 64 84'
)
  .split(' ')
  .map((hundredths) => Number(hundredths) / 100)

/** Texts are looked at up to here: none in a picture has room for more. */
const maxRead = 400
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/**
 * How wide `text` is at a font size, at most. It is that of the font which pictures have as PNG; those of readers are
 * narrower. Characters beyond ASCII count as wide ones of their script.
 */
export function textWidth(text: string, size: number): number {
  let width = 0
  // Each of these characters stands alone, and finding that out takes longer than all else here.
  if (/^[ -~]*$/.test(text)) {
    for (let place = 0; place < text.length; place++) width += widths[text.charCodeAt(place) - 32] as number
    return width * size
  }
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment)
  return width * size
}

function graphemeWidth(grapheme: string): number {
  const code = grapheme.codePointAt(0) ?? 32
  const known = widths[code - 32]
  if (known !== undefined) return known
  if (grapheme === '\u00a0') return 0.32
  return code < 0x250 ? 0.72 : code < 0x1100 ? 0.9 : 1.05
}

/** `text` on one line and at most `width` wide; what is cut ends with an ellipsis. Empty: not even one fits. */
export function fitText(text: string, width: number, size: number): string {
  const whole = clean(text.slice(0, maxRead * 4)).slice(0, maxRead)
  const isCut = text.length > maxRead
  if (!isCut && textWidth(whole, size) <= width) return whole
  let kept = ''
  let left = width - size
  for (const { segment } of graphemes.segment(whole)) {
    left -= graphemeWidth(segment) * size
    if (left < 0) break
    kept += segment
  }
  return kept === '' ? (width >= size ? '…' : '') : `${kept.trimEnd()}…`
}
