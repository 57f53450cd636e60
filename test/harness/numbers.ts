import { defaultTreeAdapter, type DefaultTreeAdapterTypes, parse } from 'parse5'

const unseen = new Set(['head', 'style', 'script', 'template', 'text'])

/**
 * The numbers that people read in HTML, in text and in `alt`, with their separators and percent. Of a drawing those of
 * its title and description: its labels repeat them, and its axes have round numbers of no query.
 */
export function numbersIn(html: string): string[] {
  return numbersOf(textsIn(parse(html)).join(' '))
}

function textsIn(node: DefaultTreeAdapterTypes.Node): string[] {
  if (defaultTreeAdapter.isTextNode(node)) return [node.value]
  if (defaultTreeAdapter.isElementNode(node)) {
    if (unseen.has(node.tagName)) return []
    const alt = node.attrs.find(({ name }) => name === 'alt')?.value
    if (alt !== undefined) return [alt]
    // A drawing's mark says at which news items it is.
    if (node.tagName === 'title' && node.parentNode?.nodeName === 'path') return []
  }
  return 'childNodes' in node ? node.childNodes.flatMap(textsIn) : []
}

/** The numbers of a text: 1,234, 4.57, 12%, 10:03, and of 24 November 2026 two. */
export function numbersOf(text: string): string[] {
  return text.match(/\d(?:[\d.,:]*\d)?%?/g) ?? []
}
