export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** The value as Python's `repr` prints it. Modules send their map in this form (contract section 4.1). */
export function printPython(value: Json): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'string') return printText(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new RangeError(`${value} has no Python literal`)
    return String(value)
  }
  if (Array.isArray(value)) return `[${value.map(printPython).join(', ')}]`
  return `{${Object.entries(value)
    .map(([key, member]) => `${printText(key)}: ${printPython(member)}`)
    .join(', ')}}`
}

const named: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function printText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  // What Python calls not printable: Unicode's categories "other" and "separator", except the plain blank.
  const escaped = text.replace(/[\\\p{C}\p{Z}]/gu, (char) => (char === ' ' ? char : (named[char] ?? escape(char))))
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote
}

function escape(char: string): string {
  const code = char.codePointAt(0) ?? 0
  const hex = code.toString(16)
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}
