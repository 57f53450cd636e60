// Numbers, times and lists as a person writes them. Whoever writes a sentence uses these, so that all messages speak
// alike.

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

const exact = new Intl.NumberFormat('en-US', { maximumFractionDigits: 100 })

/** All digits of a number that is given as text, in groups: 12,345,678.25. What is no plain number stays as it is. */
export function formatExact(text: string): string {
  return /^-?\d{1,300}(\.\d{1,100})?$/.test(text) ? exact.format(text as Intl.StringNumericLiteral) : text
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

/** A change with its direction: +14%, -5.2%, 0%. */
export function formatChange(percent: number): string {
  return `${percent < 0 ? '-' : percent > 0 ? '+' : ''}${formatPercent(percent)}`
}

/** 1 day, 2 days, 2 series. */
export function formatCount(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 || noun.endsWith('series') ? '' : 's'}`
}

/** The day of a time (ms since 1970) in UTC, as a key or in what commands print: 2026-11-16. */
export function isoDay(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}

/** The day of a time (ms since 1970) in UTC: 16 November 2026. */
export function formatDate(at: number): string {
  return day.format(at)
}

/** A time (ms since 1970) to the minute: 16 November 2026, 10:03 UTC. */
export function formatTime(at: number): string {
  return `${day.format(at)}, ${clock.format(at)} UTC`
}

/** A time (ms since 1970) in what commands print, as wide at any time: 2026-11-16 10:03 UTC. */
export function formatShortTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

/** a; a and b; a, b and c; with `most` a, b and 3 more. */
export function formatList(items: readonly string[], most = Infinity): string {
  const shown = items.slice(0, most)
  const rest = items.length - shown.length
  const last = rest > 0 ? `${rest} more` : shown.pop()
  return shown.length > 0 ? `${shown.join(', ')} and ${last}` : (last ?? 'nothing')
}

/** The text with its first letter as a capital. */
export function capitalize(text: string): string {
  return text.replace(/^\p{Ll}/u, (letter) => letter.toUpperCase())
}
