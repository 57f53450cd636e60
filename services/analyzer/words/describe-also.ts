import { capitalize, formatList } from '#runtime/text/format.ts'
import type { Also } from '../judge/merge-firings.ts'
import type { Description } from './describe-firing.ts'
import { formatName } from './format-value.ts'

/** Most names in a sentence. */
const maxNames = 5

/** Adds what else a news item stands for. */
export function describeAlso(described: Description, { rules, measurements }: Also): Description {
  const [ruleNames, measurementNames] = [
    rules.map((name) => formatName(name, 'without a name')),
    measurements.map((name) => formatName(name, 'another value')),
  ].map((names) => formatList(names, maxNames)) as [string, string]
  const rulesApply = rules.length === 1 ? `The rule ${ruleNames} applies too.` : `The rules ${ruleNames} apply too.`
  const sentences = [
    measurements.length > 0 ? `${capitalize(measurementNames)} changed alike.` : '',
    rules.length > 0 ? rulesApply : '',
  ]
  return {
    ...described,
    message: [described.message, ...sentences].filter(Boolean).join(' '),
    facts: {
      ...described.facts,
      ...(measurements.length > 0 && { also_measurements: measurementNames }),
      ...(rules.length > 0 && { also_rules: ruleNames }),
    },
  }
}
