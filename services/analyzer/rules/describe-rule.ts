import { formatCount, formatList, formatPercent } from '#runtime/text/format.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import type { RuleDefinition } from './read-definition.ts'

const moves = { up: 'a rise', down: 'a fall', both: 'a change' }

/** When a rule fires, in words. */
export function describeRule({ when, window, in_a_row, cool_down_days }: RuleDefinition): string {
  const over = window && ('runs' in window ? formatCount(window.runs, 'value') : formatCount(window.days, 'day'))
  return [
    describeCondition(when) + (window ? ` in the ${window.method} over ${over}` : ''),
    in_a_row > 1 ? `${in_a_row} times in a row` : '',
    cool_down_days > 0 ? `at most once in ${formatCount(cool_down_days, 'day')}` : '',
  ]
    .filter(Boolean)
    .join(', ')
}

function describeCondition(when: RuleDefinition['when']): string {
  switch (when.kind) {
    case 'percent':
      return `${moves[when.direction]} by ${when.by}% or more`
    case 'absolute':
      return `${moves[when.direction]} by ${when.by} or more`
    case 'from-zero':
      return `${moves[when.direction]} from zero`
    case 'above':
    case 'below': {
      const back = when.recovery === null ? '' : ` (again after it was back at ${when.recovery})`
      return `${when.kind === 'above' ? 'a rise' : 'a fall'} ${when.kind} ${when.level}${back}`
    }
    case 'changed':
      return [
        'any change',
        when.ignore.length > 0
          ? ` except of ${formatList(
              when.ignore.map((text) => excerpt(text, 60)),
              5,
            )}`
          : '',
        when.similarity === null ? '' : ` of texts that are less than ${formatPercent(when.similarity * 100)} alike`,
      ].join('')
    case 'never':
      return 'nothing'
  }
}

/** The scope of a rule in words, with ids. */
export function describeScope({ companies, buckets, sources, measurement }: RuleDefinition['scope']): string {
  const parts = [
    companies.length > 0 ? `company ${companies.join(', ')}` : '',
    buckets.length > 0 ? `bucket ${buckets.join(', ')}` : '',
    sources.length > 0 ? `source ${sources.join(', ')}` : '',
    measurement === '*' ? '' : measurement,
  ]
  return parts.filter(Boolean).join('; ') || 'everything'
}
