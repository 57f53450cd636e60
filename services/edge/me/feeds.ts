import { excerpt } from '#runtime/text/shorten.ts'
import { html, type Html } from '../design/html.ts'
import { foreign } from '../design/parts.ts'
import { type MeMain, type MeView, saidIn } from './read-me.ts'

/** Addresses of Atom feeds, of which each opens what its person may see. */
export function feeds(given: MeMain): Html {
  const all = given.view.feeds
  if (all === null)
    return html`<section id="feeds"><h2>Atom feeds</h2>
<p>Feeds are not set up here: an operator sets <code>PUBLIC_URL</code> and <code>LINK_SECRET</code>.</p></section>`
  const [first, ...others] = all
  return html`<section id="feeds"><h2>Atom feeds</h2>
${saidIn(given, 'feeds')}
<p>A feed reader shows the news there. Whoever has an address reads as you: end the addresses when one got into other hands.</p>
${first && feed(first, 0)}
${others.length > 0 && html`<details><summary>Of one bucket or company (${others.length})</summary>${others.map((one, at) => feed(one, at + 1))}</details>`}
<p><a class="button plain" href="/console/feeds/revoke">End all feed addresses…</a></p>
</section>`
}

type Feed = NonNullable<MeView['feeds']>[number]

/** The script adds a button that copies: without script the field is selected by hand. */
function feed({ name, address }: Feed, at: number): Html {
  const label = excerpt(name, 80)
  return html`<p class="field"><label for="feed-${at}">${foreign(label)}</label><span class="copy"><input id="feed-${at}" type="text" value="${address}" readonly><button type="button" class="plain" data-copy="feed-${at}" aria-label="Copy the address: ${label}" hidden>Copy</button></span></p>
`
}
