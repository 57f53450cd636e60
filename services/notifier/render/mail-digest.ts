import { formatCount } from '#runtime/text/format.ts'
import { escapeHtml } from '#runtime/web/escape-html.ts'
import type { DigestView, FurtherCompany, Thing } from '../message/message.ts'
import type { Extras } from './extras.ts'
import { asHtmlActions, asHtmlChart, asHtmlLabel, asHtmlStory } from './mail-parts.ts'

/** Bytes of a digest's HTML: programs cut off what is above 100 kB. The rest is for what is around. */
const maxBytes = 94_000

/** A digest as HTML, at most `maxBytes`: further companies lose their links, then the last are only counted. */
export function asHtmlDigest(view: DigestView, extras: Extras): string {
  const head = [
    `<h1>${escapeHtml(view.headline)}</h1>`,
    `<p class="s">${escapeHtml(view.period)}</p>`,
    `<p>${escapeHtml(view.summary)}${asHtmlPageLink(view)}</p>`,
    ...view.things.map((thing) => asHtmlThing(thing, extras)),
  ]
  const counts = view.counts.map((text) => `<li class="n">${escapeHtml(text)}</li>`).join('')
  const foot = counts && `<h2>Besides</h2><ul>${counts}</ul>`
  const room = maxBytes - Buffer.byteLength(head.join('') + foot)
  return [...head, asHtmlFurther(view, room), foot].filter(Boolean).join('\n')
}

function asHtmlPageLink({ page }: DigestView): string {
  return page === undefined ? '' : ` <a href="${escapeHtml(page)}">Open this report as a page</a>`
}

function asHtmlThing(thing: Thing, extras: Extras): string {
  const { story, title, details, reason, link } = thing
  const { more, ...told } = story ?? { name: null, sentence: title, more: details }
  const why = link ? ` <a href="${escapeHtml(link)}">See why</a>` : ''
  return [
    `<div class="th"><div class="t">${asHtmlStory(told)}</div>`,
    `<div>${asHtmlLabel(thing, ' ')}${more.map(escapeHtml).join(' ')}</div>`,
    asHtmlChart(thing, extras),
    `<p class="s">${escapeHtml(reason)}${why}</p>`,
    asHtmlActions(thing, extras),
    '</div>',
  ]
    .filter((part) => part && part !== '<div></div>')
    .join('')
}

function asHtmlFurther({ things, further }: DigestView, room: number): string {
  if (further.length === 0) return ''
  const heading = `<h2>${things.length > 0 ? 'Further companies' : 'Companies'}</h2>`
  for (const isLinked of [true, false]) {
    const lines = further.map((one) => asHtmlCompany(one, isLinked))
    const size = lines.reduce((sum, line) => sum + Buffer.byteLength(line), 200)
    if (size <= room || !isLinked) return `${heading}${clip(lines, room - 200)}`
  }
  return ''
}

function clip(lines: readonly string[], room: number): string {
  let left = room
  const shown = lines.filter((line) => (left -= Buffer.byteLength(line)) >= 0)
  const rest = lines.length - shown.length
  return `<ul>${shown.join('')}</ul>${rest > 0 ? `<p>… and ${rest} further companies.</p>` : ''}`
}

function asHtmlCompany({ company, sentence, more, link }: FurtherCompany, isLinked: boolean): string {
  const said = sentence === null ? sayMore(more) : escapeHtml(sentence)
  const text = link && isLinked ? `<a href="${escapeHtml(link)}">${said}</a>` : said
  const rest = sentence !== null && more > 0 ? `, and ${sayMore(more)}` : ''
  return `<li class="f"><b><bdi>${escapeHtml(company)}</bdi></b>: ${text}${rest}</li>`
}

/** Of a company that stands above, or of which one news item is told. */
export function sayMore(more: number): string {
  return formatCount(more, 'more news item')
}
