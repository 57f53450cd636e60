import { tryJson } from './try-json.ts'

/** One of several JSON texts. `place`: where it stands, for messages; empty if it is the only one. */
export type PayloadText = { text: string; place: string }

/**
 * The payloads of a text: of a JSON array its elements, of NDJSON its lines, else the one that it is. Each is the text as
 * it was written, so numbers keep their digits. It need not be JSON. Null: the text begins as an array and is none.
 */
export function splitPayloads(text: string): PayloadText[] | null {
  const whole = text.replace(/^\uFEFF/, '').trim()
  if (whole === '') return []
  if (whole.startsWith('[')) {
    if (tryJson(whole) === undefined) return null
    return splitArray(whole).map((element, index) => ({ text: element, place: `element ${index}` }))
  }
  const lines = whole.split('\n')
  if (lines.length > 1 && tryJson(lines[0]!) !== undefined)
    return lines.flatMap((line, index) =>
      line.trim() === '' ? [] : [{ text: line.trim(), place: `line ${index + 1}` }],
    )
  return [{ text: whole, place: '' }]
}

/** The texts of the elements of a JSON array. */
function splitArray(array: string): string[] {
  const elements: string[] = []
  let depth = 0
  let start = 1
  // Strings as a whole, so that what stands in them does not count.
  for (const { 0: token, index } of array.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{},]/gs)) {
    if (token === '[' || token === '{') depth++
    else if (token === ']' || token === '}') depth--
    if ((depth === 1 && token === ',') || depth === 0) {
      const element = array.slice(start, index).trim()
      if (element !== '') elements.push(element)
      start = index + 1
    }
  }
  return elements
}
