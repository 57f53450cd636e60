import { type Mark, takeOut } from './recognise.ts'

/** A payload whose body is not as the edge received it: texts were taken out of it. */
export type Redacted = { redacted?: true }

/** A text without what was erased. */
export function redactText(text: string, marks: readonly Mark[]): string {
  return marks.reduce(takeOut, text)
}

/** JSON text without it, byte for byte the same elsewhere. Its strings may be written in any way that JSON has. */
export function redactJson(json: string, marks: readonly Mark[]): string {
  return json.replaceAll(/"(?:[^"\\]|\\.)*"/gs, (literal) => {
    const text = parse(literal)
    const redacted = redactText(text, marks)
    return redacted === text ? literal : JSON.stringify(redacted)
  })
}

/**
 * A value with its texts, and the JSON in its bytes, without what was erased; the same one where nothing was in it. An
 * object whose bytes have changed says so (`redacted`).
 */
export function redact<T>(value: T, marks: readonly Mark[]): T
export function redact(value: unknown, marks: readonly Mark[]): unknown {
  if (typeof value === 'string') return redactText(value, marks)
  if (value instanceof Uint8Array) return redactBytes(value, marks)
  if (Array.isArray(value)) {
    const all = value.map((one: unknown) => redact(one, marks))
    return all.some((one, index) => one !== value[index]) ? all : value
  }
  if (value === null || typeof value !== 'object' || !isPlain(value)) return value
  const entries = Object.entries(value).map(([name, one]) => [name, redact(one, marks), one] as const)
  const changed = entries.filter(([, now, before]) => now !== before)
  if (changed.length === 0) return value
  const isBody = changed.some(([, now]) => now instanceof Uint8Array)
  return { ...value, ...Object.fromEntries(changed), ...(isBody && ({ redacted: true } satisfies Redacted)) }
}

/** Also what avsc makes, which has a prototype of its own; no Date, and nothing of a client library. */
function isPlain(value: object): boolean {
  return !(value instanceof Date) && !('toMillis' in value)
}

function redactBytes(bytes: Uint8Array, marks: readonly Mark[]): Uint8Array {
  const text = Buffer.from(bytes).toString('utf8')
  const redacted = redactJson(text, marks)
  return redacted === text ? bytes : Buffer.from(redacted)
}

function parse(literal: string): string {
  if (!literal.includes('\\')) return literal.slice(1, -1)
  try {
    return JSON.parse(literal) as string
  } catch {
    // No JSON: whoever reads it refuses it.
    return literal.slice(1, -1)
  }
}
