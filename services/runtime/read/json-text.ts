import { createHash } from 'node:crypto'
import type { Json, Structure } from './parse.ts'

/**
 * The canonical JSON text of a value: no blanks, numbers with their own digits, members sorted by key, so that equal
 * content gives equal text in whatever order a module sends it. Repeated members are all kept. Any Postgres text column
 * can hold it: NUL and lone surrogates are escaped.
 */
export function jsonText(node: Json): string {
  switch (node.kind) {
    case 'null':
      return 'null'
    case 'bool':
      return String(node.value)
    case 'number':
      return node.text
    case 'text':
      return JSON.stringify(node.value)
    case 'list':
      return `[${node.items.map(jsonText).join(',')}]`
    case 'object':
      return `{${sorted(node)
        .map(({ key, value }) => `${JSON.stringify(key)}:${jsonText(value)}`)
        .join(',')}}`
  }
}

function sorted({ members }: Structure) {
  return members.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
}

/** Whether a Postgres text column can hold the text unchanged. It holds no NUL, and only valid Unicode. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}

/** Characters of what was refused that are kept: enough to see what it is, without keeping the payload twice. */
export const sampleLength = 200

/** The first `length` characters of a text as a Postgres column can hold them: NUL and what is not Unicode are replaced. */
export function cutStorable(text: string, length: number): string {
  return text.slice(0, length).replaceAll('\0', '\ufffd').toWellFormed()
}

/** The hash that replaces a text that is too long. */
export function sha256(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}

/** Paths are printed, indexed and compared, so their length is limited. */
const maxPathLength = 500

/**
 * The path of a member below `prefix`: `repos[].stars`. Keys that could be misread (empty, or with dots, brackets,
 * quotes or control characters) are quoted: `["a.b"]`. A path of more than 500 characters is cut and ends in a hash.
 */
export function pathOf(prefix: string, key: string): string {
  const plain = /^[^.[\]"\\\p{Cc}\p{Cs}]+$/u.test(key)
  const path = plain ? (prefix === '' ? key : `${prefix}.${key}`) : `${prefix}[${JSON.stringify(key)}]`
  return path.length <= maxPathLength ? path : `${cutStorable(path, 400)}…${sha256(path)}`
}
