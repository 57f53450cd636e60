import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import avro from 'avsc'

/** The folder of the `.avsc` files. */
export const schemasDir = import.meta.dirname

/**
 * How Avro types are made here. Values of unions are bare (`42`, never `{ int: 42 }`), whatever the union looks like;
 * logical types stay what they are underneath: a timestamp is its epoch milliseconds. New each time, since avsc keeps the
 * names it has met in it.
 */
export function avroOptions() {
  return { wrapUnions: 'never', logicalTypes: {}, omitRecordMethods: true } as const
}

/** Names of all schemas, sorted: `crawl-finished`, `news` and so on. */
export function listSchemas(): string[] {
  const files = readdirSync(schemasDir).filter((file) => file.endsWith('.avsc'))
  return files.map((file) => basename(file, '.avsc')).sort()
}

/** Text of `schemas/<name>.avsc` on one line, as it is registered: its layout does not matter. */
export function readSchema(name: string): string {
  return JSON.stringify(JSON.parse(readFileSync(join(schemasDir, `${name}.avsc`), 'utf8')))
}

/** The Avro type of a schema's text. */
export function parseSchema(text: string): avro.Type {
  return avro.Type.forSchema(JSON.parse(text) as avro.Schema, avroOptions())
}
