import { z } from 'zod'
import { choice, input } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { text } from '../http/validation.ts'
import type { Definition } from './read-rules.ts'

const kinds = {
  percent: 'A number changes by so many percent',
  absolute: 'A number changes by so much',
  'from-zero': 'A number changes from zero',
  above: 'A number rises above a level',
  below: 'A number falls below a level',
  changed: 'A value changes: texts and dates, too',
  never: 'Never, where a general rule would',
} as const
const kindNames = Object.keys(kinds) as [keyof typeof kinds, ...(keyof typeof kinds)[]]
const windowMethods = ['', 'sum', 'avg', 'count', 'min', 'max', 'median', 'stddev'] as const

const short = text(20_000).default('')

/** What `parma rules add` covers, as fields of a form. Empty ones are not given. */
export const ruleForm = z.object({
  do: z.enum(['try', 'save']),
  rule: z
    .string()
    .regex(/^(rule\/\d{1,9})?$/)
    .optional(),
  version: z
    .string()
    .regex(/^\d{0,9}$/)
    .optional(),
  name: short,
  kind: z.enum(kindNames),
  number: short.describe('Of the condition: percent, how much, or the level.'),
  direction: z.enum(['both', 'up', 'down']).default('both'),
  recovery: short.describe('The level to which a number must return.'),
  ignore: short.describe('Words whose change does not count, separated by commas.'),
  similarity: short.describe('Texts that share this part of their words are equal (0 to 1).'),
  window: z.enum(windowMethods).default(''),
  length: short,
  unit: z.enum(['runs', 'days']).default('runs'),
  in_a_row: short,
  cool_down_days: short,
  severity: z.enum(['', 'info', 'warning', 'critical']).default(''),
  companies: short.describe('Ids, separated by commas.'),
  buckets: short,
  sources: short,
  measurement: short,
  enabled: z.enum(['on', 'off']).default('on'),
})
export type RuleFields = z.output<typeof ruleForm>

const numberOf = (typed: string) => (typed.trim() === '' ? null : Number(typed))
const listOf = (typed: string) =>
  typed
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')

/** The definition that was typed. What is no number stays a text, which the analyzer refuses in words. */
export function toDefinition(fields: RuleFields): Record<string, unknown> {
  const { name, kind, number, direction, recovery, ignore, similarity, window, length, unit } = fields
  const typed = numberOf(number)
  const when = {
    percent: { kind, by: typed, direction },
    absolute: { kind, by: typed, direction },
    'from-zero': { kind, direction },
    above: { kind, level: typed, recovery: numberOf(recovery) },
    below: { kind, level: typed, recovery: numberOf(recovery) },
    changed: { kind, ignore: listOf(ignore), similarity: numberOf(similarity) },
    never: { kind },
  }[kind]
  return {
    ...{ name, when, window: window === '' ? null : { method: window, [unit]: numberOf(length) } },
    ...{ in_a_row: numberOf(fields.in_a_row) ?? 1, cool_down_days: numberOf(fields.cool_down_days) ?? 0 },
    severity: fields.severity === '' ? null : fields.severity,
    scope: {
      companies: listOf(fields.companies).map(Number),
      buckets: listOf(fields.buckets).map(Number),
      sources: listOf(fields.sources).map(Number),
      measurement: fields.measurement.trim() === '' ? '*' : fields.measurement.trim(),
    },
    enabled: fields.enabled === 'on',
  }
}

/** The fields that make this definition. */
export function toFields({ name, when, window, ...rest }: Definition): Omit<RuleFields, 'do'> {
  const shown = (value: unknown) => (value === null || value === undefined ? '' : String(value))
  const isDays = window?.days !== undefined
  return {
    ...{ name, kind: (when.kind in kinds ? when.kind : 'percent') as RuleFields['kind'] },
    number: shown(when['by'] ?? when['level']),
    direction: (when['direction'] ?? 'both') as RuleFields['direction'],
    recovery: shown(when['recovery']),
    ignore: Array.isArray(when['ignore']) ? when['ignore'].join(', ') : '',
    similarity: shown(when['similarity']),
    ...{ window: (window?.method ?? '') as RuleFields['window'], length: shown(window?.days ?? window?.runs) },
    unit: isDays ? 'days' : 'runs',
    ...{ in_a_row: shown(rest.in_a_row), cool_down_days: shown(rest.cool_down_days) },
    severity: (rest.severity ?? '') as RuleFields['severity'],
    ...{ companies: rest.scope.companies.join(', '), buckets: rest.scope.buckets.join(', ') },
    ...{ sources: rest.scope.sources.join(', '), measurement: rest.scope.measurement },
    enabled: rest.enabled ? 'on' : 'off',
  }
}

const options = (names: Record<string, string>) => Object.entries(names).map(([value, text]) => ({ value, text }))

/** The form of a rule, with a button that tries it and one that saves it. */
export function ruleFormMain(
  fields: Partial<Omit<RuleFields, 'do'>>,
  { rule, version }: { rule?: string | undefined; version?: number | string | undefined },
): Html {
  const part = (legend: string, content: Html[]) =>
    html`<fieldset><legend>${legend}</legend><div class="filters">${content}</div></fieldset>`
  const line = (name: keyof typeof fields, label: string, hint?: string) =>
    input('text', name, label, fields[name], { maxlength: 2000, ...(hint !== undefined && { hint }) })
  return html`<form method="post" action="/console/rules">
<input type="hidden" name="rule" value="${rule ?? ''}"><input type="hidden" name="version" value="${version ?? ''}"><input type="hidden" name="enabled" value="${fields.enabled ?? 'on'}">
${part('When it tells', [
  input('text', 'name', 'Name', fields.name, { required: true, maxlength: 200 }),
  choice('kind', 'Condition', options(kinds), fields.kind ?? 'percent'),
  line('number', 'Percent, amount or level'),
  choice(
    'direction',
    'Direction of a change',
    options({ both: 'Up and down', up: 'Up', down: 'Down' }),
    fields.direction,
  ),
  line('recovery', 'Level to return to', 'Of a level: empty for the level itself.'),
  line('ignore', 'Words that do not count', 'Of texts: separated by commas.'),
  line('similarity', 'Part of words that is equal', 'Of texts: 0 to 1.'),
])}
${part('How it compares', [
  choice(
    'window',
    'Window',
    options({ '': 'Single values', ...Object.fromEntries(windowMethods.slice(1).map((name) => [name, name])) }),
    fields.window,
  ),
  line('length', 'Length of the window'),
  choice('unit', 'Unit of the length', options({ runs: 'Values', days: 'Days' }), fields.unit),
  line('in_a_row', 'Times in a row'),
  line('cool_down_days', 'Days of quiet after it'),
  choice(
    'severity',
    'Severity',
    options({ '': 'By importance', info: 'Info', warning: 'Warning', critical: 'Critical' }),
    fields.severity,
  ),
])}
${part('For what', [
  line('measurement', 'Measurement', 'Its name; * stands for any text.'),
  line('companies', 'Companies (ids)', 'Separated by commas; empty for all.'),
  line('buckets', 'Buckets (ids)'),
  line('sources', 'Sources (ids)'),
])}
<p class="actions"><button name="do" value="try">Try it on 12 months</button> <button class="plain" name="do" value="save">Save without a trial</button></p>
</form>`
}

/** What a rule says, in a line. */
export function describe({ when, window, in_a_row, cool_down_days }: Definition): string {
  const kind = when.kind in kinds ? kinds[when.kind as keyof typeof kinds] : when.kind
  const number = when['by'] ?? when['level']
  return [
    `${kind}${typeof number === 'number' ? `: ${number}` : ''}`,
    when['direction'] !== undefined && when['direction'] !== 'both' && `only ${when['direction'] as string}`,
    window && `${window.method} over ${window.days ?? window.runs} ${window.days === undefined ? 'values' : 'days'}`,
    in_a_row > 1 && `${in_a_row} times in a row`,
    cool_down_days > 0 && `at most once in ${cool_down_days} days`,
  ]
    .filter(Boolean)
    .join(', ')
}

export function describeScope({ scope }: Definition): string {
  const { companies, buckets, sources, measurement } = scope
  const named = (what: string, ids: readonly number[]) =>
    ids.length > 0 && `${what} ${ids.slice(0, 10).join(', ')}${ids.length > 10 ? ' …' : ''}`
  const said = [
    measurement !== '*' && measurement,
    named('companies', companies),
    named('buckets', buckets),
    named('sources', sources),
  ]
  return said.filter(Boolean).join('; ') || 'Everything'
}
