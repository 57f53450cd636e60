import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { listSchemas, parseSchema, readSchema, schemasDir } from './avro.ts'
import { hasGolden, readGoldens } from './golden.ts'
import { readValue } from './read-value.ts'
import type { AvroSchema } from './render-types.ts'

const schemas = listSchemas()

/** Why records of `earlier` cannot be read with `today`; null when they can. */
function findBreak(today: string, earlier: string): string | null {
  try {
    parseSchema(today).createResolver(parseSchema(earlier))
    return null
  } catch (error) {
    return (error as Error).message
  }
}

describe('the check itself', () => {
  const record = (...fields: object[]) => JSON.stringify({ type: 'record', name: 'R', namespace: 'parma', fields })
  const kind = (...symbols: string[]) => ({ name: 'kind', type: { type: 'enum', name: 'Kind', symbols } })
  const name = { name: 'name', type: 'string' }
  const count = { name: 'count', type: 'int' }

  test.each([
    ['a field added with a default', record(name, { ...count, default: 0 }), record(name)],
    ['a field removed', record(name), record(name, count)],
    ['a wider number', record({ ...count, type: 'long' }), record(count)],
    ['a field that may be null now', record({ ...name, type: ['null', 'string'] }), record(name)],
    ['a symbol added', record(kind('a', 'b')), record(kind('a'))],
  ])('allows %s', (_, today, earlier) => {
    expect(findBreak(today, earlier)).toBeNull()
  })

  test.each([
    ['a field added without a default', record(name, count), record(name)],
    ['a field renamed', record({ ...name, name: 'label' }), record(name)],
    ['a field of another type', record({ ...name, type: 'int' }), record(name)],
    ['a narrower number', record(count), record({ ...count, type: 'long' })],
    ['a field that may not be null any more', record(name), record({ ...name, type: ['null', 'string'] })],
    ['a symbol removed', record(kind('a')), record(kind('a', 'b'))],
  ])('refuses %s', (_, today, earlier) => {
    expect(findBreak(today, earlier)).toEqual(expect.any(String))
  })
})

test('a record, enum or field without a doc is found', () => {
  const fields = [
    { name: 'a', type: 'int', doc: ' ' },
    { name: 'b', type: ['null', { type: 'enum', name: 'E', symbols: ['x'] }], doc: 'B.' },
  ]
  expect(findUndocumented({ type: 'record', name: 'R', doc: 'R.', fields } as AvroSchema, 'r')).toEqual(['r.a', 'r.b'])
})

describe.each(schemas)('%s', (schema) => {
  test('every record, field and enum says what it is', () => {
    expect(findUndocumented(JSON.parse(readSchema(schema)) as AvroSchema, schema)).toEqual([])
  })

  test('reads every earlier version of its history', () => {
    const history = [...readHistory(`${schema}.avsc`), ...readGoldens(schema).map((golden) => golden.schema)]
    expect(history).not.toEqual([])
    for (const earlier of new Set(history)) expect(findBreak(readSchema(schema), earlier)).toBeNull()
  })

  test('has golden bytes of its present version', () => {
    expect(hasGolden(schema), 'run `node schemas/generate.ts --golden` and commit the new files').toBe(true)
  })

  test('reads the golden bytes of every version', () => {
    const today = parseSchema(readSchema(schema))
    for (const golden of readGoldens(schema)) {
      const writer = parseSchema(golden.schema)
      expect(golden.bytes).toHaveLength(golden.values.length)
      for (const [index, bytes] of golden.bytes.entries()) {
        const written = writer.fromString(golden.values[index] ?? '') as object
        expect(readValue(writer.createResolver(writer), bytes, 0)).toEqual(written)
        expect(readValue(today.createResolver(writer), bytes, 0)).toEqual(
          asReadToday(JSON.parse(readSchema(schema)) as AvroSchema, written),
        )
      }
    }
  })
})

/** Every committed version of `schemas/<file>`; where git has less than all of it, says so. */
function readHistory(file: string): string[] {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: schemasDir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
  try {
    if (git('rev-parse', '--is-shallow-repository') === 'true')
      console.warn(`schemas/${file}: this clone is shallow, only the versions it has and the golden ones are compared`)
    const commits = git('log', '--format=%H', '--diff-filter=AM', '--', file).split('\n').filter(Boolean)
    return commits.map((commit) => git('show', `${commit}:./${file}`))
  } catch (error) {
    console.warn(`schemas/${file}: no git history, only the golden versions are compared (${(error as Error).message})`)
    return []
  }
}

/** Paths of the records, enums and fields of a schema that have no doc. */
function findUndocumented(schema: AvroSchema, path: string): string[] {
  if (typeof schema === 'string') return []
  if (Array.isArray(schema)) return schema.flatMap((branch) => findUndocumented(branch, path))
  if ('items' in schema) return findUndocumented(schema.items, path)
  if ('values' in schema) return findUndocumented(schema.values, path)
  if (!('name' in schema)) return []
  const fields = 'fields' in schema ? schema.fields : []
  return [
    ...(schema.doc?.trim() ? [] : [path]),
    ...fields.filter(({ doc }) => !doc?.trim()).map(({ name }) => `${path}.${name}`),
    ...fields.flatMap(({ name, type }) => findUndocumented(type, `${path}.${name}`)),
  ]
}

/** What today's schema must make of a value that an earlier version wrote: its own fields, added ones by their default. */
function asReadToday(schema: AvroSchema, written: unknown): unknown {
  if (typeof schema === 'string' || written === null) return written
  if (Array.isArray(schema)) return asReadToday(schema.find((branch) => branch !== 'null') ?? 'null', written)
  if ('items' in schema) return (written as unknown[]).map((item) => asReadToday(schema.items, item))
  if ('values' in schema)
    return Object.fromEntries(
      Object.entries(written as object).map(([key, value]) => [key, asReadToday(schema.values, value)]),
    )
  if (!('fields' in schema)) return written
  const record = written as Record<string, unknown>
  return Object.fromEntries(
    schema.fields.map(({ name, type, default: missing }) => [
      name,
      name in record ? asReadToday(type, record[name]) : missing,
    ]),
  )
}
