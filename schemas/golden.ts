import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { listSchemas, parseSchema, readSchema, schemasDir } from './avro.ts'
import type { AvroSchema } from './render-types.ts'

/**
 * Bytes that a version of a schema once made, kept so that every later version proves that it still reads them:
 * `golden/<schema>/<n>.json` holds the schema and the values, in Avro's JSON encoding, `<n>.hex` their bytes, one line each.
 */
export type Golden = { version: number; schema: string; values: string[]; bytes: Buffer[] }

/** The golden files of a schema, oldest first. They are written once and never changed. */
export function readGoldens(schema: string): Golden[] {
  const dir = join(schemasDir, 'golden', schema)
  const files = existsSync(dir) ? readdirSync(dir).filter((file) => file.endsWith('.json')) : []
  const versions = files.map((file) => Number.parseInt(file)).sort((a, b) => a - b)
  return versions.map((version) => {
    const content = JSON.parse(readFileSync(join(dir, `${version}.json`), 'utf8')) as {
      schema: object
      values: object[]
    }
    const lines = readFileSync(join(dir, `${version}.hex`), 'utf8')
      .trimEnd()
      .split('\n')
    return {
      version,
      schema: JSON.stringify(content.schema),
      values: content.values.map((value) => JSON.stringify(value)),
      bytes: lines.map((line) => Buffer.from(line, 'hex')),
    }
  })
}

/** Whether the newest golden files of a schema were made by what it is today, docs and defaults aside. */
export function hasGolden(schema: string): boolean {
  const newest = readGoldens(schema).at(-1)
  return newest !== undefined && wireForm(newest.schema) === wireForm(readSchema(schema))
}

/** Writes the golden files of every schema that has none of its present version; says which. */
export function writeMissingGoldens(): string[] {
  return listSchemas()
    .filter((schema) => !hasGolden(schema))
    .map((schema) => {
      const version = (readGoldens(schema).at(-1)?.version ?? 0) + 1
      const text = readSchema(schema)
      const type = parseSchema(text)
      const values = [true, false].map((isFull) => exampleOf(JSON.parse(text) as AvroSchema, isFull))
      const json = {
        schema: JSON.parse(text) as object,
        values: values.map((value) => JSON.parse(type.toString(value)) as object),
      }
      const dir = join(schemasDir, 'golden', schema)
      mkdirSync(dir, { recursive: true })
      writeFileSync(join(dir, `${version}.json`), `${JSON.stringify(json, null, 2)}\n`)
      writeFileSync(
        join(dir, `${version}.hex`),
        values.map((value) => `${type.toBuffer(value).toString('hex')}\n`).join(''),
      )
      return `golden/${schema}/${version}`
    })
}

function wireForm(schema: string): string {
  return parseSchema(schema).fingerprint('sha256').toString('hex')
}

/** A value of a schema, always the same: full of large and foreign things, or as empty as it can be. */
function exampleOf(schema: AvroSchema, isFull: boolean, name = ''): unknown {
  if (Array.isArray(schema)) {
    const branch = isFull ? schema.findLast((one) => one !== 'null') : schema[0]
    return exampleOf(branch ?? 'null', isFull, name)
  }
  if (typeof schema === 'object') {
    if ('fields' in schema)
      return Object.fromEntries(schema.fields.map((field) => [field.name, exampleOf(field.type, isFull, field.name)]))
    if ('symbols' in schema) return isFull ? schema.symbols.at(-1) : schema.symbols[0]
    if ('items' in schema)
      return isFull ? [true, false].map((isItemFull) => exampleOf(schema.items, isItemFull, name)) : []
    if ('values' in schema)
      return isFull ? { größe: exampleOf(schema.values, true, name), '': exampleOf(schema.values, false, name) } : {}
    return exampleOf(schema.type, isFull, name)
  }
  const [full, empty] = examples[schema] ?? []
  if (full === undefined) throw new Error(`golden.ts has no example of ${schema}: add one to examples`)
  return !isFull ? empty : schema === 'string' ? `${name} ${String(full)}` : full
}

const examples: Record<string, [full: unknown, empty: unknown]> = {
  null: [null, null],
  boolean: [true, false],
  int: [2 ** 31 - 1, -1],
  long: [Number.MAX_SAFE_INTEGER - 1, -1],
  float: [0.5, 0],
  double: [0.1, 0],
  string: ['é 漢 😀', ''],
  bytes: [Buffer.from('{"é":1}\0'), Buffer.alloc(0)],
}
