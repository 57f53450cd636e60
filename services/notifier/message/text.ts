/** `text` on one line: control characters, line breaks and marks that turn the reading direction become spaces. */
export function clean(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .trim()
}

/** `text` with at most `length` characters (UTF-16 units), an ellipsis in place of what is left out. */
export function cut(text: string, length: number): string {
  return text.length <= length
    ? text
    : `${text
        .slice(0, length - 1)
        .replace(/[\ud800-\udbff]$/, '')
        .trimEnd()}…`
}

/** A change in percent with its sign, as +12.5 %. */
export function formatPercent(percent: number): string {
  const digits = Math.abs(percent) < 100 ? 1 : 0
  const number = Math.abs(percent).toLocaleString('en-GB', { maximumFractionDigits: digits })
  return `${percent < 0 ? '−' : '+'}${number} %`
}

const timeFormat = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })

/** A time in ms since 1970 as 24 Nov 2026, 19:35 UTC. */
export function formatTime(ms: number): string {
  return `${timeFormat.format(ms)} UTC`
}

const dateFormat = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'UTC' })

/** A time in ms since 1970 as 24 Nov 2026, the day it was in UTC. */
export function formatDate(ms: number): string {
  return dateFormat.format(ms)
}

/** A number as 1,234.5, with as much of it as people read. */
export function formatNumber(value: number): string {
  const size = Math.abs(value)
  const notation = size >= 1e15 || (size > 0 && size < 1e-6) ? 'scientific' : 'standard'
  return value.toLocaleString('en-GB', { maximumSignificantDigits: 6, notation }).replace(/^-/, '−')
}
