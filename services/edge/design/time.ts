import { html, type Html } from './html.ts'
import { LRUCache } from 'lru-cache'

const formats = new LRUCache<string, Intl.DateTimeFormat>({ max: 200 })

/** A time (ISO, or ms since 1970) as people of `zone` write it: 16 Nov 2026, 10:03. Its title and machine form are ISO. */
export function time(at: string | number, zone: string): Html {
  return markUp(at, zone, { dateStyle: 'medium', timeStyle: 'short' })
}

/** The day of a time in `zone`: 16 Nov 2026. */
export function day(at: string | number, zone: string): Html {
  return markUp(at, zone, { dateStyle: 'medium' })
}

function markUp(at: string | number, zone: string, style: Intl.DateTimeFormatOptions): Html {
  const date = new Date(at)
  const key = `${zone} ${style.timeStyle}`
  const format = formats.get(key) ?? new Intl.DateTimeFormat('en-GB', { ...style, timeZone: zone })
  formats.set(key, format)
  const iso = date.toISOString()
  return html`<time datetime="${iso}" title="${iso}">${format.format(date)}</time>`
}
