import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { type Env, formerSettings, ignored, replaced } from './legacy-env.ts'
import { splitSecrets } from '../web/split-secrets.ts'
import { weakSecrets } from './weak-secrets.ts'

/**
 * What settings say of each other: one sentence for each problem. A setting that is wrong in itself is undefined here.
 */
export type Check<S extends z.ZodRawShape> = (config: Partial<z.output<z.ZodObject<S>>>) => readonly string[]

/**
 * Values of `shape` read from `env`: every name may also come as `<NAME>_FILE`, the path of a file that holds it. Where
 * a setting is not given, the predecessor's variables for it are. Empty counts as not set. Throws one ConfigError that
 * names every wrong variable at once, with what `check` finds. What `check` says of a variable that is wrong in itself
 * (its sentence begins with the name) is left out.
 */
export function readEnv<S extends z.ZodRawShape>(
  shape: S,
  env: Env = process.env,
  check: Check<S> = () => [],
): z.output<z.ZodObject<S>> {
  const problems: string[] = []
  const wrong = new Set<string>()
  const given: Record<string, string | undefined> = {}
  /** The variable a setting came from, where it is not the setting's own. */
  const origins: Record<string, string> = {}
  for (const name of Object.keys(shape)) {
    try {
      const own = readVariable(name, env)
      const older = own === undefined ? inherit(name, env) : undefined
      given[name] = own ?? older?.value
      if (older) origins[name] = older.origin
    } catch (error) {
      wrong.add(name)
      problems.push(...(error as Error).message.split('\n'))
    }
  }
  const unreadable = new Set(wrong)
  const parsed = z.object(shape).safeParse(given)
  for (const issue of parsed.error?.issues ?? []) {
    const name = String(issue.path[0])
    wrong.add(name)
    if (unreadable.has(name)) continue
    const meaning = shape[name] instanceof z.ZodType ? shape[name].description : undefined
    problems.push(
      `${origins[name] ?? name} ${given[name] === undefined ? 'is missing' : `is wrong: ${issue.message}`}. ${meaning ?? ''}`,
    )
  }
  if (given.DEPLOYMENT_ENV !== 'local') problems.push(...weakSecrets(shape, given))
  const isNew = (problem: string) => ![...wrong].some((name) => problem.startsWith(`${name} `))
  problems.push(...check(parsed.data ?? parseOthers(shape, given, wrong)).filter(isNew))
  if (problems.length > 0 || !parsed.data) throw new ConfigError(problems)
  return parsed.data
}

/** The settings that are not `wrong`. */
function parseOthers<S extends z.ZodRawShape>(
  shape: S,
  given: Record<string, string | undefined>,
  wrong: ReadonlySet<string>,
): Partial<z.output<z.ZodObject<S>>> {
  const others = Object.fromEntries(Object.entries(shape).filter(([name]) => !wrong.has(name)))
  return z.object(others).parse(given) as Partial<z.output<z.ZodObject<S>>>
}

/** Throws an Error that says what is wrong with the variable. */
function readVariable(name: string, env: Env): string | undefined {
  const file = env[`${name}_FILE`]
  if (file && env[name]) throw new Error(`${name} and ${name}_FILE are both set: keep one.`)
  try {
    return (file ? readFileSync(file, 'utf8').replace(/\r?\n$/, '') : env[name]) || undefined
  } catch (error) {
    throw new Error(`${name}_FILE cannot be read: ${(error as Error).message}.`, { cause: error })
  }
}

/** What the predecessor's variables say of a setting, and the first of them that is set. */
function inherit(name: string, env: Env): { value: string | undefined; origin: string } | undefined {
  const { variables = [], compose } = Object.hasOwn(replaced, name) ? replaced[name]! : {}
  const given = variables.flatMap((variable) => {
    const value = readVariable(variable, env)
    return value === undefined ? [] : [[variable, value] as const]
  })
  const [first] = given
  return first && compose && { value: compose(Object.fromEntries(given)), origin: first[0] }
}

/** Variables that are set and mean nothing any more, with the reason. */
export function findIgnored(env: Env = process.env): { variable: string; reason: string }[] {
  const former = Object.entries(formerSettings).map(([variable, value]) => ({
    variable,
    reason: `No longer a setting: always ${value}.`,
  }))
  return [...Object.entries(ignored).map(([variable, reason]) => ({ variable, reason })), ...former].filter(
    ({ variable }) => env[variable] || env[`${variable}_FILE`],
  )
}

export class ConfigError extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(`The configuration is not usable:\n${problems.map((problem) => `  ${problem.trim()}`).join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** The problems of the ConfigError that `read` throws; none when it returns. For a `check` of readEnv. */
export function problemsOf(read: () => unknown): readonly string[] {
  try {
    read()
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

/** A secret: never logged, and outside of DEPLOYMENT_ENV=local at least 32 bytes that are not a well-known default. */
export const secret = () => z.string().meta({ secret: true })

/** One secret, or two with a comma between them while the first replaces the second. */
export const rotatingSecret = () =>
  z
    .string()
    .refine((text) => {
      const secrets = splitSecrets(text)
      return secrets.length <= 2 && secrets.every((part) => part !== '')
    }, 'not one secret, or two with a comma between them')
    .meta({ secret: true, isRotating: true })

/** A whole number of at least `min`. */
export const count = (fallback: number, min = 1) => z.coerce.number().int().min(min).default(fallback)
export const port = (fallback: number) => z.coerce.number().int().min(0).max(65535).default(fallback)
export const flag = (fallback: boolean) =>
  z
    .enum(['true', 'false'])
    .default(fallback ? 'true' : 'false')
    .transform((text) => text === 'true')
export const list = () =>
  z.string().transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean),
  )
