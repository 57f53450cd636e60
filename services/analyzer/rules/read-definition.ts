import { z } from 'zod'
import { type Method, methods } from '../values/aggregate.ts'
import { excerpt } from '../values/format.ts'

const number = z.number()
const direction = z.enum(['up', 'down', 'both']).default('both')
const level = { level: number, recovery: number.nullable().default(null) }

const when = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('percent'), by: number.nonnegative(), direction }),
  z.strictObject({ kind: z.literal('absolute'), by: number.positive(), direction }),
  z.strictObject({ kind: z.literal('from-zero'), direction }),
  z.strictObject({ kind: z.literal('above'), ...level }),
  z.strictObject({ kind: z.literal('below'), ...level }),
  z.strictObject({
    kind: z.literal('changed'),
    ignore: z.array(z.string().trim().min(1).max(200)).max(100).default([]),
    similarity: number.min(0).max(1).nullable().default(null),
  }),
  z.strictObject({ kind: z.literal('never') }),
])

const method = z.enum(Object.keys(methods) as [Method, ...Method[]])
const window = z.union(
  [
    z.strictObject({ method, runs: z.int().positive() }),
    z.strictObject({ method, days: z.int().positive().max(3660) }),
  ],
  `give one of ${Object.keys(methods).join(', ')}, and over how many runs or days (3660 at most)`,
)
// What a serial column can hold: asked for a greater one, Postgres fails, and with it all judging.
const ids = z.array(z.int32().positive()).max(1000).default([])

/**
 * A rule of our own, as it stands in analyzer.rule:
 *
 * | member | says |
 * |---|---|
 * | name | what it is called; of two rules of one name, the one with the narrower scope holds where both would |
 * | when | `percent` or `absolute`: a change by so much, `up`, `down` or `both`; `from-zero`; `above` or `below`: a level is crossed, again only after the value was back at `recovery` (else at the level itself); `changed`: any change, of texts, dates and links too, but of the words or members to `ignore`, and of texts that share at least the part `similarity` (0 to 1) of their words; `never`: nothing, where a general rule or the defaults would tell |
 * | window | what is compared are the sum, avg, … of the last so many `runs` (values) or `days`, with those of as many that end with the value before |
 * | in_a_row | it must hold for so many values one after the other (a change: in one direction) |
 * | cool_down_days | after it fired, nothing for so long, in observed time |
 * | severity | null: by the size of the change |
 * | scope | empty lists: all. Companies by id or by bucket; the name of the measurement may hold * and ? |
 * | enabled | false: as if it were not there |
 */
export const ruleDefinition = z
  .strictObject({
    name: z.string().trim().min(1).max(200),
    when,
    window: window.nullable().default(null),
    in_a_row: z.int().positive().max(1000).default(1),
    cool_down_days: number.nonnegative().max(3660).default(0),
    severity: z.enum(['info', 'warning', 'critical']).nullable().default(null),
    scope: z
      .strictObject({
        companies: ids,
        buckets: ids,
        sources: ids,
        measurement: z.string().trim().min(1).max(200).default('*'),
      })
      .prefault({}),
    enabled: z.boolean().default(true),
  })
  .superRefine(({ when, window, in_a_row }, { addIssue }) => {
    const refuse = (path: string, message: string) => addIssue({ code: 'custom', path: [path], message })
    if (when.kind === 'changed' || when.kind === 'never') {
      if (window) refuse('window', `a rule of the kind ${when.kind} has none`)
      if (in_a_row > 1) refuse('in_a_row', `a rule of the kind ${when.kind} has none`)
    }
    if (when.kind === 'from-zero' && in_a_row > 1)
      refuse('in_a_row', 'a number cannot leave zero several times in a row')
    if (!('level' in when) || when.recovery === null) return
    if (when.kind === 'above' ? when.recovery > when.level : when.recovery < when.level)
      refuse('recovery', `it lies on the wrong side of the level: a value must go back to it`)
  })

export type RuleDefinition = z.output<typeof ruleDefinition>

/** What is wrong with a definition, on one line; of many faults the first three. */
export function describeIssues({ issues }: z.ZodError): string {
  const said = issues.slice(0, 3).map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': '))
  return excerpt(said.join('; '), 500)
}
