import { Feed } from 'feed'
import { dayMs } from '#runtime/text/time.ts'
import { clean } from '#runtime/text/shorten.ts'
import { escapeHtml } from '#runtime/web/escape-html.ts'
import { type LinkSettings, makeWhyLink } from '#runtime/web/signed-links.ts'
import type { NewsPage } from '../ask/news.ts'

/** Links in a feed are good for one to two of these, and the same for as long: else each request would get new ones. */
const linkSpanMs = 60 * dayMs

/** `title` and texts of news items are of any content. `id` stays the same for good. `now`: ms since 1970. */
export type FeedContent = { id: string; title: string; news: NewsPage['news']; now: number }

/** An Atom feed (RFC 4287) of news items, with links to the pages that explain them. */
export function composeAtom(settings: LinkSettings, { id, title, news, now }: FeedContent): string {
  const home = settings.PUBLIC_URL ?? 'urn:parma'
  const until = (Math.floor(now / linkSpanMs) + 2) * linkSpanMs
  const updated = Math.max(0, ...news.map(({ created_at }) => Date.parse(created_at)))
  const feed = new Feed({
    ...{ id, title: plain(title), link: home, generator: 'parma-analytics', updated: new Date(updated) },
    author: { name: 'parma-analytics' },
  })
  for (const one of news) {
    const { news_id, observed_at, created_at, company, source, measurement } = one
    const origin = [company.name, source.name, measurement.name].flatMap((name) => (name === null ? [] : [plain(name)]))
    feed.addItem({
      id: `urn:uuid:${news_id}`,
      // Both are HTML in Atom.
      title: escapeHtml(plain(one.title)),
      content: `<p>${escapeHtml(plain(one.message))}</p>\n<p>${escapeHtml(origin.join(' · '))}</p>`,
      link: makeWhyLink(settings, news_id, until) ?? home,
      date: new Date(created_at),
      published: new Date(observed_at),
      category: [{ term: one.severity }, { term: one.kind }],
    })
  }
  return feed.atom1()
}

/** What XML 1.0 cannot hold is left out. */
function plain(text: string): string {
  return clean(text).replaceAll(/[\ufffe\uffff]/g, '')
}
