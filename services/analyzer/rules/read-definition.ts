import { z } from 'zod'
import { excerpt } from '#runtime/text/shorten.ts'
import { type Method, methods } from '../values/aggregate.ts'

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
  `give one of ${Object.keys(methods).join(', ')}, and a number of runs or days (at most 3660)`,
)
// Up to what a serial column can hold: a larger id would make the query fail, and with it all judging.
const ids = z.array(z.int32().positive()).max(1000).default([])

/**
 * A rule of our own, as stored in analyzer.rule.
 *
 * name            Of rules with one name, the one with the narrowest scope applies.
 * when.kind       When it fires:
 *   percent       a number changes by `by` percent or more, in `direction` up, down or both
 *   absolute      a number changes by `by` or more, in `direction`
 *   from-zero     a number changes from zero, in `direction`
 *   above, below  a number crosses `level`; again only after it was back at `recovery` (null: at the level)
 *   changed       any change, also of texts, dates and links. Words and list members in `ignore` do not count,
 *                 nor do changes of texts that share at least `similarity` (0 to 1) of their words
 *   never         not at all, where a more general rule or the defaults would
 * window          Compares the sum, avg, … of the last `runs` (values) or `days` with that of the window before.
 * in_a_row        The condition must hold for this many values in a row (changes: in one direction).
 * cool_down_days  Does not fire again for this long, in observed time.
 * severity        Null: by the importance of the news item.
 * scope           Empty lists mean all. Companies by id or bucket. The measurement's name may contain * and ?.
 * enabled         False: as if the rule did not exist.
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
      if (window) refuse('window', `a rule of kind ${when.kind} cannot have one`)
      if (in_a_row > 1) refuse('in_a_row', `a rule of kind ${when.kind} cannot have one`)
    }
    if (when.kind === 'from-zero' && in_a_row > 1)
      refuse('in_a_row', 'a number cannot leave zero several times in a row')
    if (!('level' in when) || when.recovery === null) return
    if (when.kind === 'above' ? when.recovery > when.level : when.recovery < when.level)
      refuse('recovery', `it is on the wrong side of the level: a value must be able to return to it`)
  })

export type RuleDefinition = z.output<typeof ruleDefinition>

/** What is wrong with a definition, on one line: at most the first three faults. */
export function describeIssues({ issues }: z.ZodError): string {
  const said = issues.slice(0, 3).map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': '))
  return excerpt(said.join('; '), 500)
}
