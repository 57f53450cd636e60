import { z } from 'zod'
import { readJson, TooManyValuesError } from '../read/read-json.ts'
import { type Literal, readPythonLiteral } from './python-literal.ts'

/** The response of a module's /initialize is unusable. The message says why, for people. */
export class InitializeError extends Error {}

const maxLevels = 20
const maxDepth = 100
const maxEntries = 10_000
/** An entry has a few members. */
const maxValues = 10 * maxEntries

const entry = z.looseObject({ SourceField: z.string(), DataType: z.string(), MeasurementName: z.string() })
const initialized = z.object({ frequency: z.string(), normalization_map: z.union([z.string(), z.looseObject({})]) })
const head = z.looseObject({ Source: z.string(), Mappings: z.array(z.unknown()) })

export type Initialized = {
  /** As the module sent it. */
  frequency: string
  /** The name of the source in the map. */
  source: string
  /** The map as JSON text. */
  content: string
}

/**
 * Reads the response of a module's /initialize (contract section 4.1). It is an object, or the JSON text of one. The
 * map in it is an object, a JSON text or a Python literal. Throws an InitializeError.
 */
export function readInitialize(body: string): Initialized {
  const outer = parseJson(body, 'the answer')
  const answer = initialized.safeParse(typeof outer === 'string' ? parseJson(outer, 'the text in the answer') : outer)
  if (!answer.success)
    throw new InitializeError(`the answer is not {frequency, normalization_map}: ${describeIssue(answer.error)}`)
  const { frequency, normalization_map: given } = answer.data
  return { frequency, ...readMap(given) }
}

type ReadMap = Pick<Initialized, 'source' | 'content'>

/** Reads a map: an object, its JSON text or a Python literal. Throws an InitializeError. */
export function readMap(given: string | object): ReadMap {
  const map = typeof given === 'string' ? parseMap(given) : given
  const read = head.safeParse(map)
  if (!read.success)
    throw new InitializeError(`the normalization map is not {Source, Mappings}: ${describeIssue(read.error)}`)
  checkEntries(read.data.Mappings)
  return { source: read.data.Source, content: JSON.stringify(map) }
}

/** Walks all levels without recursion, because the response chooses the depth. */
function checkEntries(mappings: unknown[]): void {
  let level = mappings.map((one, index) => ({ one, path: `Mappings[${index}]` }))
  let count = 0
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > maxLevels) throw new InitializeError(`the normalization map has more than ${maxLevels} levels`)
    count += level.length
    if (count > maxEntries) throw new InitializeError(`the normalization map has more than ${maxEntries} entries`)
    level = level.flatMap(({ one, path }) => {
      const read = entry.safeParse(one)
      if (!read.success) throw new InitializeError(`${path} of the normalization map: ${describeIssue(read.error)}`)
      const nested = read.data['NestedMappings'] ?? []
      if (!Array.isArray(nested))
        throw new InitializeError(`${path}.NestedMappings of the normalization map is not a list`)
      return nested.map((child: unknown, index) => ({ one: child, path: `${path}.NestedMappings[${index}]` }))
    })
  }
}

function parseMap(text: string): unknown {
  try {
    return readJson(Buffer.from(text), maxDepth, maxValues)
  } catch (error) {
    if (error instanceof TooManyValuesError) throw new InitializeError(`the normalization map has ${error.message}`)
    return readLiteral(text)
  }
}

function readLiteral(text: string): Literal {
  try {
    return readPythonLiteral(text)
  } catch (error) {
    throw new InitializeError(`the normalization map is neither JSON nor a Python literal: ${(error as Error).message}`)
  }
}

function parseJson(text: string, what: string): unknown {
  try {
    return readJson(Buffer.from(text), maxDepth, maxValues)
  } catch (error) {
    if (error instanceof TooManyValuesError) throw new InitializeError(`${what} has ${error.message}`)
    throw new InitializeError(`${what} is not JSON: ${(error as Error).message}`)
  }
}

function describeIssue({ issues: [issue] }: z.ZodError): string {
  return issue ? `${issue.path.join('.') || 'it'}: ${issue.message}` : 'unknown error'
}
