import { type Content, html, type Html, trusted } from './html.ts'

/** Text of a module or a person: its direction is found from its letters. */
export function foreign(text: string): Html {
  return html`<bdi>${text}</bdi>`
}

const severities: Record<string, { sign: string; word: string }> = {
  info: { sign: '●', word: 'Info' },
  warning: { sign: '▲', word: 'Warning' },
  critical: { sign: '◆', word: 'Critical' },
}

/** How severe a news item is: a shape and a word, besides a colour. */
export function severity(name: string): Html {
  const { sign, word } = severities[name] ?? { sign: '●', word: name }
  return html`<span class="badge ${name}"><span aria-hidden="true">${sign}</span> ${word}</span>`
}

/** The shapes of states, for where many stand in a row. A word says what each means. */
export const stateSigns = { good: '●', late: '◐', bad: '▲', none: '○' } as const

/** How something is: a shape in a colour, and what it means in words. */
export function state(kind: keyof typeof stateSigns, text: Content): Html {
  return html`<span class="state ${kind}"><span aria-hidden="true">${stateSigns[kind]}</span> ${text}</span>`
}

/** The one next step of whoever has nothing to see. */
export type Step = { text: string; href: string }

/** What stands where there is nothing to list: why, and the next step. */
export function empty(title: string, text: Content, next?: Step): Html {
  return html`<section class="empty">
<h2>${title}</h2>
<p>${text}</p>
${next && html`<p><a class="button" href="${next.href}">${next.text}</a></p>`}
</section>`
}

/** A sentence on top of a page: what was done (`good`), or what did not work (`bad`). Screen readers say it at once. */
export function notice(kind: 'good' | 'bad', text: Content): Html {
  return html`<p class="notice ${kind}" role="${kind === 'bad' ? 'alert' : 'status'}"><span aria-hidden="true">${kind === 'bad' ? '▲' : '✓'}</span> ${text}</p>`
}

/** Where a page says what became of the form that led to it. */
export const saidAnchor = 'said'

/** What became of the form that led to the page: it has the focus, unless the page’s address names another place. */
export function sayOutcome(kind: 'good' | 'bad', text: Content): Html {
  return html`<div id="${saidAnchor}" tabindex="-1" autofocus>${notice(kind, text)}</div>`
}

/** What is known of a thing: names and texts. What is null is left out. */
export function facts(rows: readonly (readonly [name: string, text: Content])[]): Html {
  const known = rows.filter(([, text]) => text !== null && text !== undefined && text !== false)
  return html`<dl>
${known.map(([name, text]) => html`<dt>${name}</dt><dd dir="auto">${text}</dd>\n`)}</dl>`
}

/** `text`: what is shown. `sort`: what the script sorts by, if it is not the text. */
export type Cell = { text: Content; sort?: string | number }
export type Column = {
  name: Content
  isNumber?: boolean
  /** The column has a state of its own, such as the one that the server sorted by. */
  sorted?: 'ascending' | 'descending' | undefined
}

/**
 * A table. With `isNamed` the heading above says what it lists, and the caption is not shown. With `sortable` the script sorts
 * its rows by any column. With `cards` phones show a row as lines below each other. The first cell of a row names it.
 */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  { sortable = false, isNamed = false, cards = false }: { sortable?: boolean; isNamed?: boolean; cards?: boolean } = {},
): Html {
  const heads = columns.map(
    ({ name, isNumber, sorted }) =>
      html`<th scope="col"${isNumber && html` class="number"`}${sorted && html` aria-sort="${sorted}"`}>${name}</th>`,
  )
  const body = rows.map((cells) => html`<tr>${cells.map((cell, at) => tableCell(cell, at, columns[at], cards))}</tr>\n`)
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0">
<table${cards && html` class="cards"`}${sortable && html` data-sortable`}>
<caption${isNamed && html` class="hidden-text"`}>${caption}</caption>
<thead><tr>${heads}</tr></thead>
<tbody>
${body}</tbody>
</table>
</div>`
}

function tableCell({ text, sort }: Cell, at: number, column: Column | undefined, isOfCard: boolean): Html {
  const attributes = html`${column?.isNumber && html` class="number"`}${sort !== undefined && html` data-sort="${sort}"`}`
  const name = isOfCard && typeof column?.name === 'string' && html` data-name="${column.name}"`
  return at === 0 ? html`<th scope="row"${attributes}>${text}</th>` : html`<td${attributes}${name}>${text}</td>`
}

/** A picture as SVG for phones and one for wider screens and paper, of which a page shows one. */
export function figure(narrow: string, wide: string): Html {
  return html`<figure>
<div class="narrow-only">${trusted(narrow)}</div>
<div class="wide-only">${trusted(wide)}</div>
</figure>`
}

/** The address of this page with other parameters. Empty ones are left out. */
export function withQuery(path: string, parameters: Record<string, string | number | null | undefined>): string {
  const kept = Object.entries(parameters).flatMap(([name, value]) =>
    value === null || value === undefined || value === '' ? [] : [[name, String(value)] as [string, string]],
  )
  return kept.length > 0 ? `${path}?${new URLSearchParams(kept).toString()}` : path
}

/** The way to the next page of a list; nothing on the last. */
export function morePages(next: string | null): Html | null {
  return next === null
    ? null
    : html`<nav aria-label="Pages"><a class="button plain" rel="next" href="${next}">Next page</a></nav>`
}
