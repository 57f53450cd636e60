import { formatCount, formatList } from '#runtime/text/format.ts'
import { lastKey } from '#runtime/text/value-path.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import type { ItemsFound } from '../detect/judge-items.ts'
import { readValue } from '../values/value.ts'
import type { Description, Names } from './describe-firing.ts'
import { formatMembers, formatName, formatSince, formatValue } from './format-value.ts'
import { writeHeadline } from './write-headline.ts'

/** How many values of a new item are listed. */
const maxValues = 5
const listedTypes = ['float', 'int', 'date', 'bool', 'text'] as const

/** Says in words which items appeared, are gone or were renamed. Names and values are plain text, never templates. */
export function describeItems(
  { kind, list, items, values, since, formerly }: ItemsFound,
  observedAt: number,
  names: Pick<Names, 'company' | 'source'>,
): Description {
  const company = formatName(names.company, 'the company')
  const source = formatName(names.source, 'the source')
  const listName = formatName(nameOf(list), 'items')
  const labels = formatMembers(items.map(({ label }) => formatName(label, 'an item')))
  const count = formatCount(items.length, 'item')
  const former = formerly === undefined ? null : formatName(formerly, 'an item')
  const verb = { appeared: 'gained', gone: 'lost', renamed: 'renamed' }[kind]
  const what = former !== null ? `${former} to ${labels}` : items.length === 1 ? labels : `${count}: ${labels}`
  const some = items.slice(0, 2).map(({ label }) => excerpt(formatName(label, 'an item'), 60))
  const endings: [string, ...string[]] =
    items.length === 1 ? [`${verb} ${what}`] : [`${verb} ${count}, among them ${formatList(some)}`, `${verb} ${count}`]
  const details = formatValues(values, items[0]!.label)
  const lastSeen = since === null ? null : formatSince(since, observedAt)
  const more = [
    ...(lastSeen === null ? [] : [`, last seen ${lastSeen}`]),
    ...(details === null ? [] : [`: ${details}`]),
  ].join('')
  return {
    title: writeHeadline(listName, { company, item: null }, endings),
    message: `${company}: ${listName} ${verb} ${what} (${source})${more}.`,
    previous: kind === 'gone' ? labels : former,
    current: kind === 'gone' ? null : labels,
    facts: {
      company_name: company,
      source_name: source,
      list_name: listName,
      items: labels,
      item_count: String(items.length),
      ...(former !== null && { formerly: former }),
      ...(details !== null && { values: details }),
      ...(lastSeen !== null && { last_seen: lastSeen }),
      observed_at: new Date(observedAt).toISOString(),
    },
  }
}

/** `organizations[].funding_rounds[]`: funding rounds. */
function nameOf(list: string): string {
  return lastKey(list).replaceAll(/[_\s]+/g, ' ')
}

/** The numbers of an item, then its dates, then its texts; null if it has nothing but its name. */
function formatValues(values: ItemsFound['values'], label: string): string | null {
  const said = listedTypes.flatMap((type) =>
    values.flatMap((observed) => {
      const value = observed.type === type && observed.text !== label ? readValue(observed) : null
      return value === null
        ? []
        : `${formatName(observed.measurement_name, 'value')} ${excerpt(formatValue(value), 60)}`
    }),
  )
  return said.length === 0 ? null : said.slice(0, maxValues).join(', ')
}
