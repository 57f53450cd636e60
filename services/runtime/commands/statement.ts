import type { ValueExpression } from 'slonik'
import { z } from 'zod'
import { sql } from '../postgres/database.ts'

/**
 * A statement whose text is our own and stands in a table of schemas/, such as schemas/stored-tables.ts. `{name}` stands
 * for a value, which Postgres gets as a parameter.
 */
export function statement<Row extends z.ZodType = z.ZodAny>(
  text: string,
  values: Readonly<Record<string, ValueExpression>> = {},
  row?: Row,
) {
  const parts = text.split(/\{([a-z]\w*)\}/)
  const literals = parts.filter((_, index) => index % 2 === 0)
  const given = parts.filter((_, index) => index % 2 === 1).map((name) => valueOf(name, values))
  const template = Object.freeze(Object.assign(literals, { raw: Object.freeze([...literals]) }))
  return sql.type((row ?? z.any()) as Row)(template, ...given)
}

function valueOf(name: string, values: Readonly<Record<string, ValueExpression>>): ValueExpression {
  if (!Object.hasOwn(values, name)) throw new Error(`a statement asks for {${name}}, which has no value`)
  return values[name]!
}
