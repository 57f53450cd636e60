import { SaxesParser } from 'saxes'
import { textWidth } from '../../services/runtime/chart/fit-text.ts'

type Node = { name: string; attributes: Record<string, string>; text: string }

/** What stands in an SVG or another XML document. Throws an Error that says where when it is no well-formed XML. */
export function readPicture(svg: string): Node[] {
  const parser = new SaxesParser({ xmlns: true })
  const nodes: Node[] = []
  const open: Node[] = []
  parser.on('opentag', ({ name, attributes }) => {
    const own = Object.fromEntries(Object.entries(attributes).map(([key, { value }]) => [key, value]))
    const node = { name, attributes: own, text: '' }
    nodes.push(node)
    open.push(node)
  })
  const addText = (text: string) => {
    const node = open.at(-1)
    if (node) node.text += text
  }
  parser.on('text', addText)
  parser.on('cdata', addText)
  parser.on('closetag', () => void open.pop())
  parser.on('error', (error) => {
    throw error
  })
  parser.write(svg).close()
  return nodes
}

/** What is wrong with a picture: numbers that are none, parts outside it, ids that are not unique or not there. */
export function findFaults(svg: string): string[] {
  const nodes = readPicture(svg)
  const [root] = nodes
  const [, , width = 0, height = 0] = (root?.attributes.viewBox ?? '').split(' ').map(Number)
  const ids = nodes.flatMap(({ attributes }) => attributes.id ?? [])
  const asked = [...svg.matchAll(/url\(#([^)]*)\)/g)].map(([, id = '']) => id)
  const named = (root?.attributes['aria-labelledby'] ?? '').split(' ')
  const outside = drawn(nodes).flatMap((node) =>
    pointsOf(node).flatMap(([x, y]) =>
      x >= -0.1 && x <= width + 0.1 && y >= -0.1 && y <= height + 0.1
        ? []
        : [`${node.name} at ${x} ${y}: ${node.text}`],
    ),
  )
  return [
    ...(width > 0 && height > 0 ? [] : ['no size']),
    ...(/NaN|Infinity|undefined|null/.test(svg.replace(/<(title|desc|text)\b[^>]*>[^<]*/g, '')) ? ['no number'] : []),
    ...ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `${id} twice`),
    ...[...asked, ...named].filter((id) => !ids.includes(id)).map((id) => `no ${id}`),
    ...outside,
  ]
}

/** Without patterns, whose coordinates are their own. */
function drawn(nodes: readonly Node[]): Node[] {
  const first = nodes.findIndex(({ name }) => name === 'pattern')
  const last = nodes.findLastIndex(({ name }) => name === 'pattern')
  // A pattern holds one element.
  return nodes.filter((_, index) => first < 0 || index < first || index > last + 1)
}

function pointsOf({ name, attributes, text }: Node): [number, number][] {
  const read = (key: string) => Number(attributes[key] ?? 0)
  const [x, y] = [read('x'), read('y')]
  if (name === 'rect')
    return [
      [x, y],
      [x + read('width'), y + read('height')],
    ]
  if (name === 'line')
    return [
      [read('x1'), read('y1')],
      [read('x2'), read('y2')],
    ]
  if (name === 'circle')
    return [
      [read('cx') - read('r'), read('cy') - read('r')],
      [read('cx') + read('r'), read('cy') + read('r')],
    ]
  if (name === 'text') {
    const size = Number(attributes['font-size'] ?? 12)
    const wide = textWidth(text, size)
    const start =
      attributes['text-anchor'] === 'end' ? x - wide : attributes['text-anchor'] === 'middle' ? x - wide / 2 : x
    return [
      [start, y - size * 0.8],
      [start + wide, y + size * 0.2],
    ]
  }
  return name === 'path' ? pathPoints(attributes.d ?? '') : []
}

/** The ends of the lines of a path of M, L, Z, H, V and l, h, v, m. */
function pathPoints(path: string): [number, number][] {
  let at: [number, number] = [0, 0]
  return [...path.matchAll(/([a-z])([^a-z]*)/gi)].flatMap(([, command = '', rest = '']) => {
    const numbers = [...rest.matchAll(/-?[\d.]+(?:e-?\d+)?/g)].map(Number)
    const points: [number, number][] = []
    for (let index = 0; index < numbers.length; index += /[hv]/i.test(command) ? 1 : 2) {
      const [a = NaN, b = NaN] = numbers.slice(index)
      const step: [number, number] = /h/i.test(command) ? [a, 0] : /v/i.test(command) ? [0, a] : [a, b]
      at = command === command.toLowerCase() ? [at[0] + step[0], at[1] + step[1]] : step
      points.push(at)
    }
    return points
  })
}
