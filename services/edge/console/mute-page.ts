import { randomUUID } from 'node:crypto'
import { excerpt } from '#runtime/text/shorten.ts'
import { choice, postForm } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { foreign } from '../design/parts.ts'
import type { Why } from '../trace/read-why.ts'

/** The form that mutes what a news item is about. */
export function muteMain({ news_id, title, company, measurement, item_key: item }: Why, back: string): Html {
  const name = measurement.name ?? 'this measurement'
  const owner = company.name ?? 'this company'
  const scopes = [
    { value: 'series', text: shorten(item === null ? `${name} of ${owner}` : `${name} of ${item} at ${owner}`) },
    { value: 'measurement', text: shorten(`${name} of every company`) },
    { value: 'company', text: shorten(`Everything about ${owner}`) },
  ]
  const times = [
    { value: 'week', text: 'For a week' },
    { value: 'day', text: 'For a day' },
    { value: 'month', text: 'For 30 days' },
    { value: 'worse', text: 'Until it gets worse' },
    { value: 'good', text: 'For good' },
  ]
  const fields = [choice('scope', 'Mute', scopes, 'series'), choice('time', 'How long', times, 'week')]
  return html`<p>You get no messages about what you mute. Digests still have it, and you end a mute at <a href="/console/me#mutes">My page</a>.</p>
<p>News item: ${foreign(title)}</p>
${postForm(`/console/news/${news_id}/mute`, fields, 'Mute', { back, key: randomUUID() })}
<p><a href="${back}">Back, without muting</a></p>`
}

const shorten = (text: string) => excerpt(text, 90)
