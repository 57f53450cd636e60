import { dayMs } from '#runtime/text/time.ts'
// Numbers, times and texts as a person writes them. What stands in a message is also one of its facts, letter for letter.

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const full = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 17 })
const compact = new Intl.NumberFormat('en-US', {
  notation: 'compact',
  compactDisplay: 'long',
  maximumSignificantDigits: 3,
})
const decimals = new Intl.NumberFormat('en-US', { maximumFractionDigits: 2 })
const small = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 })
const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' })
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short', timeZone: 'UTC' })

/** 1,234,567; 12.3 million; 4.57; 0.00123; 1.2 × 10^300. */
export function formatNumber(number: number): string {
  const size = Math.abs(number)
  if (size === 0) return '0'
  if (size >= 1e15 || size < 1e-4) return formatPower(number.toExponential(2))
  if (size >= 1e7) return compact.format(number)
  if (size < 1) return small.format(number)
  return Number.isInteger(number) ? whole.format(number) : decimals.format(number)
}

/** Two numbers, written so that a difference is visible. */
export function formatNumbers(a: number, b: number): [string, string] {
  const said: [string, string] = [formatNumber(a), formatNumber(b)]
  if (said[0] !== said[1] || a === b) return said
  const isPlain = Math.abs(a) < 1e15 && Math.abs(a) >= 1e-4
  return isPlain ? [full.format(a), full.format(b)] : [formatPower(String(a)), formatPower(String(b))]
}

/** 1.20e+300 as 1.2 × 10^300. */
function formatPower(text: string): string {
  return text.replace(/(?:\.0+|(\.\d*?)0+)?e\+?(-?\d+)$/, '$1 × 10^$2')
}

/** The size of a change: 14%, 5.2%, 0.04%, 1.3 × 10^-14%. */
export function formatPercent(percent: number): string {
  const size = Math.abs(percent)
  return `${formatNumber(size >= 10 ? Math.round(size) : Number(size.toPrecision(2)))}%`
}

/** 1 day, 2 days. */
export function formatCount(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

const twoDaysMs = 2 * dayMs

/** A day: 16 November 2026. With the time if `now` is less than two days later: 16 November 2026, 10:03 UTC. */
export function formatTime(at: number, now = Infinity): string {
  return now - at < twoDaysMs ? `${day.format(at)}, ${clock.format(at)} UTC` : day.format(at)
}

/** `text` on one line, at most `length` long. A cut text ends with an ellipsis, never within a number. */
export function excerpt(text: string, length: number): string {
  const line = text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
  if (line.length <= length) return line
  const kept = line.slice(0, length - 1)
  const atWord = kept.replace(/\s+\S*$/, '')
  return `${(atWord.length > length / 2 ? atWord : kept).replace(/[\d\p{P}\s\ud800-\udbff]+$/u, '')}…`
}

/** a, b and 3 more. */
export function formatList(items: readonly string[], most: number): string {
  const shown = items.slice(0, most).map((item) => excerpt(item, 60) || 'an empty text')
  const rest = items.length - shown.length
  if (rest > 0) return `${shown.join(', ')} and ${rest} more`
  return shown.length > 1 ? `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}` : (shown[0] ?? 'nothing')
}
