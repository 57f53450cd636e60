import { z } from 'zod'
import { excerpt } from '#runtime/text/shorten.ts'
import { filterForm, input } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { empty, foreign, table } from '../design/parts.ts'
import { time } from '../design/time.ts'
import { text } from '../http/validation.ts'
import type { FoundNews } from './find-news.ts'

export const heardQuery = z.object({
  q: text(4000).optional().describe('Words of its title, the name of its company, its id, or a link to it.'),
})

type HeardMain = { q: string; found: readonly FoundNews[]; zone: string; isPerson: boolean }

/** The page on which somebody finds the news item that they did, or did not, hear of. */
export function heardMain({ q, found, zone, isPerson }: HeardMain): Html {
  const rows = found.map(({ news_id, title, company, created_at, silent }) => [
    { text: html`<a href="/console/why/${news_id}#heard">${foreign(excerpt(title, 160))}</a>` },
    { text: foreign(excerpt(company, 60)) },
    { text: html`${time(created_at, zone)}${silent && html` <span class="muted">silent</span>`}` },
  ])
  const columns = [{ name: 'News item' }, { name: 'Company' }, { name: 'When it came' }]
  return html`<p>Choose a news item. Its page says by what you were told of it and when, or why you were not. You can paste a link from a message, too.</p>
${filterForm('/console/heard', input('search', 'q', 'Words of it, or of its company', q, { maxlength: 2000 }), 'Find')}
${rows.length > 0 ? table(q.trim() !== '' ? 'News items found' : isPerson ? 'The newest at the companies that you follow' : 'The newest', columns, rows) : nothing(q, isPerson)}`
}

function nothing(q: string, isPerson: boolean): Html {
  if (q.trim() !== '')
    return empty(
      'No such news item',
      'In the last 60 days there was none with these words that you may see. Older ones are found by their link.',
      { text: 'Show the newest', href: '/console/heard' },
    )
  const what = isPerson ? 'at the companies that you follow' : 'at any company'
  return empty('All quiet', `There was no news item in the last 60 days ${what}.`, {
    text: isPerson ? 'Choose companies' : 'Show the news',
    href: isPerson ? '/console/me#follow' : '/console',
  })
}
