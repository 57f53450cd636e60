import { z } from 'zod'
import { excerpt } from '#runtime/text/shorten.ts'
import type { SearchResult } from '../ask/search.ts'
import { html, type Html } from '../design/html.ts'
import { empty, foreign } from '../design/parts.ts'
import { text } from '../http/validation.ts'

export const searchPageQuery = z.object({ q: text(200).optional().describe('Part of a name.') })

/** What has the words in its name, with links to its page. `found` null: nothing was searched for. */
export function searchMain(q: string, found: SearchResult | null): Html {
  if (found === null)
    return empty('Search for a company', 'Enter a part of its name above.', {
      text: 'Go to the watchlist',
      href: '/console/watchlist',
    })
  const { companies, buckets } = found
  if (companies.length + buckets.length === 0)
    return empty(
      'Nothing found',
      html`No company and no bucket that you may see has ${foreign(excerpt(q, 80))} in its name. You see the companies of your buckets, those that you added, and those that you follow.`,
      { text: 'Go to the watchlist', href: '/console/watchlist' },
    )
  return html`${list('Companies', companies, (id) => `/console/companies/${id}`)}
${list('News of buckets', buckets, (id) => `/console?bucket=${id}`)}`
}

function list(heading: string, hits: SearchResult['companies'], href: (id: number) => string): Html | null {
  if (hits.length === 0) return null
  return html`<section><h2>${heading}</h2>
<ul>${hits.map(({ id, name }) => html`<li><a href="${href(id)}">${foreign(excerpt(name, 160))}</a></li>\n`)}</ul></section>`
}
