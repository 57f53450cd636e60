import { defaultTreeAdapter, type DefaultTreeAdapterTypes, type Token, parse, type ParserError } from 'parse5'

type Node = DefaultTreeAdapterTypes.Node
type Element = DefaultTreeAdapterTypes.Element

/** An element of a page as a browser reads it: its name, its attributes, and all text within. */
export type ReadElement = { name: string; attributes: Record<string, string>; text: string }

/** A part of a page has no doctype, and texts of others have characters that mean nothing. */
const forgiven = new Set(['missing-doctype', 'noncharacter-in-input-stream', 'surrogate-in-input-stream'])

function readTree(markup: string): { elements: ReadElement[]; errors: string[] } {
  const errors: string[] = []
  const onParseError = ({ code, startLine, startCol }: ParserError) => {
    if (!forgiven.has(code)) errors.push(`${code} at ${startLine}:${startCol}`)
  }
  const document = parse(markup, { onParseError, sourceCodeLocationInfo: true })
  return { elements: elementsIn(document), errors }
}

function elementsIn(node: Node): ReadElement[] {
  const own = defaultTreeAdapter.isElementNode(node) ? [readElement(node)] : []
  const children = 'childNodes' in node ? node.childNodes : []
  return [...own, ...children.flatMap(elementsIn)]
}

function readElement(element: Element): ReadElement {
  const attributes = Object.fromEntries(element.attrs.map(({ name, value }: Token.Attribute) => [name, value]))
  return { name: element.tagName, attributes, text: textOf(element) }
}

function textOf(node: Node): string {
  if (defaultTreeAdapter.isTextNode(node)) return node.value
  return 'childNodes' in node ? node.childNodes.map(textOf).join('') : ''
}

/** The elements of a page or a part of one, in order. */
export function readMarkup(markup: string): ReadElement[] {
  return readTree(markup).elements
}

/**
 * What is wrong with the markup of a page, or of a part of one, as a browser reads it: mistakes of the parser, ids that
 * are there twice, labels and descriptions that name no element, scripts, handlers, styles and addresses of elsewhere.
 */
export function findMarkupFaults(markup: string): string[] {
  const { elements, errors } = readTree(markup)
  const ids = elements.flatMap(({ attributes }) => attributes['id'] ?? [])
  const asked = elements.flatMap(({ attributes }) =>
    ['aria-labelledby', 'aria-describedby', 'for', 'list'].flatMap((name) => attributes[name]?.split(' ') ?? []),
  )
  return [
    ...errors,
    ...ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `id ${id} twice`),
    ...asked.filter((id) => !ids.includes(id)).map((id) => `no id ${id}`),
    ...elements.flatMap(faultsOf),
  ]
}

function faultsOf({ name, attributes }: ReadElement): string[] {
  const foreign = Object.entries(attributes).filter(([key]) => /^on|^style$/.test(key))
  const address = attributes['href'] ?? attributes['src'] ?? attributes['action']
  const leaves = address !== undefined && !/^(\/(?!\/)|#|\?|\.\.?\/|assets\/)/.test(address)
  return [
    ...(/^(script|style|iframe|object|embed|base)$/.test(name) && attributes['src'] === undefined ? [`<${name}>`] : []),
    ...foreign.map(([key]) => `${name} ${key}`),
    ...(leaves ? [`${name} leads to ${address.slice(0, 100)}`] : []),
  ]
}
