import type { z } from 'zod'
import { UsageError } from '#runtime/commands/commands.ts'
import { requireCount } from '#runtime/commands/read-typed.ts'
import { ruleDefinition, type RuleDefinition, describeIssues } from '../rules/read-definition.ts'

/** What `parma rules add` and `edit` take, as typed. */
export type RuleOptions = {
  name?: string
  percent?: string
  absolute?: string
  fromZero?: boolean
  above?: string
  below?: string
  changed?: boolean
  ignore?: string[]
  similarity?: string
  never?: boolean
  direction?: string
  recovery?: string
  window?: string
  runs?: string
  days?: string
  inARow?: string
  coolDownDays?: string
  severity?: string
  measurement?: string
  enable?: boolean
}

/** The ids that the options name; undefined where there was no such option. */
export type ScopeIds = Partial<Pick<RuleDefinition['scope'], 'companies' | 'buckets' | 'sources'>>

/**
 * The rule that the options describe. With `before`, that rule with what they change. A UsageError when it is not
 * valid.
 */
export function readRuleOptions(options: RuleOptions, ids: ScopeIds, before: RuleDefinition | null): RuleDefinition {
  const { name, inARow, coolDownDays, severity, measurement, enable } = options
  const when = readWhen(options, before?.when)
  if (when === undefined) throw new UsageError(`Say when the rule fires: give one of ${kinds.join(', ')}.`)
  const scope = { ...before?.scope, ...given(ids), ...given({ measurement }) }
  const read = ruleDefinition.safeParse({
    ...before,
    ...given({ name, in_a_row: readNumber(inARow, '--in-a-row') }),
    ...given({ cool_down_days: readNumber(coolDownDays, '--cool-down-days'), window: readWindow(options, before) }),
    ...given({ severity: severity === 'auto' ? null : severity, enabled: enable }),
    ...{ when, scope },
  })
  if (!read.success) {
    const typed = read.error.issues.map((issue) => describeTyped(options, issue)).find((said) => said !== null)
    throw new UsageError(typed ?? `This is not a valid rule: ${describeIssues(read.error)}.`)
  }
  return read.data
}

type Issue = Readonly<Pick<z.core.$ZodIssue, 'code' | 'message' | 'path'>> & { keys?: string[] }

/** What is wrong with one option, with what was typed. Null: the fault is not of one option that was given. */
function describeTyped(options: RuleOptions, { code, message, path, keys = [] }: Issue): string | null {
  const names = code === 'unrecognized_keys' ? keys : [path.join('.')]
  const found = names.flatMap((name) => optionsOf[name] ?? []).find(([option]) => options[option] !== undefined)
  if (!found) return null
  const [option, name] = found
  const kind = kinds.find((kind) => path[0] === 'when' && isGiven(options, kind))
  if (code === 'unrecognized_keys') return `${name} does not go with ${kind ?? 'the condition of this rule'}.`
  const wish = message
    .replace(/^(Too small|Too big|Invalid input): /, '')
    .replace(/^expected number to be ([<>]=?)/, 'give a number $1 ')
    .replace(/^expected string to have .*/, 'give a text of 1 to 200 characters')
    .replace(/^expected int, .*/, 'give a whole number')
  return `${name} is ${JSON.stringify(options[option])}: ${wish}.`
}

const isGiven = (options: RuleOptions, kind: string) =>
  options[kind.slice(2).replace('from-zero', 'fromZero') as keyof RuleOptions] !== undefined

/** The options behind the members of a rule, by their path, or by their name where they do not belong. */
const optionsOf: Record<string, [keyof RuleOptions, string][]> = {
  name: [['name', '--name']],
  'when.by': [
    ['percent', '--percent'],
    ['absolute', '--absolute'],
  ],
  'when.similarity': [['similarity', '--similarity']],
  'window.days': [['days', '--days']],
  in_a_row: [['inARow', '--in-a-row']],
  cool_down_days: [['coolDownDays', '--cool-down-days']],
  recovery: [['recovery', '--recovery']],
  similarity: [['similarity', '--similarity']],
  direction: [['direction', '--direction']],
  ignore: [['ignore', '--ignore']],
  'scope.measurement': [['measurement', '--measurement']],
}

const kinds = ['--percent', '--absolute', '--from-zero', '--above', '--below', '--changed', '--never']

function readWhen(options: RuleOptions, before: RuleDefinition['when'] | undefined): object | undefined {
  const { percent, absolute, fromZero, above, below, changed, never, direction, recovery, ignore, similarity } = options
  const found = [
    percent !== undefined && { kind: 'percent', by: readNumber(percent, '--percent') },
    absolute !== undefined && { kind: 'absolute', by: readNumber(absolute, '--absolute') },
    fromZero && { kind: 'from-zero' },
    above !== undefined && { kind: 'above', level: readNumber(above, '--above') },
    below !== undefined && { kind: 'below', level: readNumber(below, '--below') },
    changed && { kind: 'changed' },
    never && { kind: 'never' },
  ].filter((one) => one !== false && one !== undefined)
  if (found.length > 1) throw new UsageError(`A rule has one condition: give only one of ${kinds.join(', ')}.`)
  const when = found[0] ?? before
  return (
    when && {
      ...when,
      ...given({ direction, ignore }),
      ...given({
        recovery: readNumber(recovery, '--recovery'),
        similarity: readNumber(similarity, '--similarity'),
      }),
    }
  )
}

function readWindow({ window, runs, days }: RuleOptions, before: RuleDefinition | null): object | null | undefined {
  if (window === undefined && runs === undefined && days === undefined) return undefined
  if (window === 'none') return null
  if (runs !== undefined && days !== undefined) throw new UsageError('Give --runs or --days, not both.')
  const length = given({
    runs: runs === undefined ? undefined : requireCount(runs, '--runs'),
    days: days === undefined ? undefined : requireCount(days, '--days'),
  })
  const { method, ...known } = before?.window ?? { method: undefined }
  const whole = { method: window ?? method, ...(Object.keys(length).length > 0 ? length : known) }
  if (whole.method === undefined || Object.keys(whole).length < 2)
    throw new UsageError('A window needs --window <method> with --runs <count> or --days <count>.')
  return whole
}

function readNumber(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined
  const number = text.trim() === '' ? NaN : Number(text)
  if (!Number.isFinite(number)) throw new UsageError(`${option} is ${JSON.stringify(text)}: give a number.`)
  return number
}

/** Without the members that are undefined. */
function given<T extends object>(members: T): Partial<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Partial<T>
}
