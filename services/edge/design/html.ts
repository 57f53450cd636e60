import { escapeHtml } from '#runtime/web/escape-html.ts'

/** Markup that is safe to send. Only `html` and `trusted` make it, so no text becomes markup by mistake. */
export class Html {
  readonly #markup: string
  constructor(markup: string) {
    this.#markup = markup
  }
  toString(): string {
    return this.#markup
  }
}

/** What stands in a template: texts are escaped, lists are joined, and what is null, undefined or false is left out. */
export type Content = Html | string | number | null | undefined | false | readonly Content[]

/** Markup from a template. Every value is escaped unless it is markup itself. Attributes need quotes. */
export function html(parts: TemplateStringsArray, ...values: Content[]): Html {
  return new Html(parts.map((part, at) => (at === 0 ? part : markupOf(values[at - 1]) + part)).join(''))
}

/** Markup of our own making, such as a picture. */
export function trusted(markup: string): Html {
  return new Html(markup)
}

function markupOf(content: Content): string {
  if (content === null || content === undefined || content === false) return ''
  if (content instanceof Html) return content.toString()
  if (typeof content === 'object') return content.map(markupOf).join('')
  return escapeHtml(String(content))
}
