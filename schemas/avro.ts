import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import avro from 'avsc'

/** The folder of the `.avsc` files. */
export const schemasDir = import.meta.dirname

/** Text of `schemas/<name>.avsc`, as it is registered. */
export function readSchema(name: string): string {
  return readFileSync(join(schemasDir, `${name}.avsc`), 'utf8')
}

/** Names of all schemas, sorted: `crawl-finished`, `news` and so on. */
export function listSchemas(): string[] {
  const files = readdirSync(schemasDir).filter((file) => file.endsWith('.avsc'))
  return files.map((file) => basename(file, '.avsc')).sort()
}

/**
 * The Avro type of a schema's text. Values of unions are bare (`42`, never `{ int: 42 }`), whatever the union looks like,
 * and logical types stay what they are underneath: a timestamp is its epoch milliseconds.
 */
export function parseSchema(text: string): avro.Type {
  return avro.Type.forSchema(JSON.parse(text) as avro.Schema, { wrapUnions: 'never', logicalTypes: {} })
}
