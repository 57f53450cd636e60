import { z } from 'zod'

const publicRule = z.object({
  threshold: z.number(),
  method: z.string().nullish(),
  entries: z.number().nullish(),
})
const ownRule = z.object({
  when: z.object({
    kind: z.string(),
    by: z.number().optional(),
    level: z.number().optional(),
    direction: z.string().optional(),
  }),
  window: z.object({ method: z.string(), runs: z.number().optional(), days: z.number().optional() }).nullish(),
})
const moves: Record<string, string> = { up: 'a rise', down: 'a fall' }

/**
 * When a rule fires, in words. A definition of another form is shown as JSON. The default has none: `threshold` is its
 * percentage when it fired.
 */
export function describeDefinition(definition: unknown, threshold?: string): string {
  if (definition === null)
    return threshold === undefined ? 'the default' : `the default, a change by ${threshold}% or more`
  const { data: theirs } = publicRule.safeParse(definition)
  if (theirs) {
    const { threshold, method, entries } = theirs
    return `a change by ${threshold}% or more${method ? ` in the ${method} over ${entries ?? 'all'} values` : ''}`
  }
  const { data: own } = ownRule.safeParse(definition)
  const condition = own && describeCondition(own.when)
  if (!condition) return JSON.stringify(definition)
  const { window } = own
  return (
    condition +
    (window ? ` in the ${window.method} over ${window.runs ?? window.days} ${window.runs ? 'values' : 'days'}` : '')
  )
}

function describeCondition({ kind, by, level, direction = 'both' }: z.output<typeof ownRule>['when']): string | null {
  const move = moves[direction] ?? 'a change'
  if (kind === 'percent') return `${move} by ${by}% or more`
  if (kind === 'absolute') return `${move} by ${by} or more`
  if (kind === 'from-zero') return `${move} from zero`
  if (kind === 'above') return `a rise above ${level}`
  if (kind === 'below') return `a fall below ${level}`
  return kind === 'changed' ? 'any change' : null
}
