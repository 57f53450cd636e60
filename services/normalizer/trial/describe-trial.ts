import { cutToWidth, escapeLine, measureWidth, padToWidth, wrapText } from '#runtime/commands/terminal.ts'
import { formatCount, formatNumber, formatShortTime } from '#runtime/text/format.ts'
import type { FileReport, PayloadReport } from './report-trial.ts'

type Stored = NonNullable<PayloadReport['stored']>[number]

/** What would become of payloads, for a terminal of `width` columns. Of each section at most `most` lines are shown. */
export function describeFileTrial({ source, map_version, payloads }: FileReport, most: number, width: number): string {
  const map = map_version === null ? 'the map given' : `version ${map_version} of its map`
  const head = `${formatCount(payloads.length, 'payload')} of ${source} by ${map}. Nothing is stored or sent.`
  return [wrapText(head, width), ...payloads.map((one) => describePayload(one, most, width))].join('\n\n')
}

function describePayload(payload: PayloadReport, most: number, width: number): string {
  const { refused_as_a_whole: whole, counts } = payload
  const head = wrapText(describeHead(payload), width)
  if (whole)
    return [
      head,
      wrapText(`Refused as a whole (${whole.reason}): ${whole.message}.`, width, '  '),
      wrapText(whole.remedy, width, '  '),
    ].join('\n')
  const { leaves = 0, stored = 0, null: nulls = 0, unmapped = 0, refused = 0 } = counts ?? {}
  const summary =
    `${formatNumber(leaves)} leaves: ${formatNumber(stored)} stored, ${formatNumber(nulls)} null, ` +
    `${formatNumber(unmapped)} not in the map, ${formatNumber(refused)} refused`
  return [
    `${head}\n  ${summary}`,
    ...section('Refused', listRefused(payload, width), most),
    ...section('Stored', listStored(payload.stored ?? [], width), most),
    ...section('Not in the map', listPaths(payload.unmapped ?? [], width), most),
    ...section('Null', listPaths(payload.null ?? [], width), most),
    ...section('Lists', listLists(payload, width), most),
    describeNews(payload.news, width),
  ].join('\n')
}

function describeHead({ place, company_id, observed_at, subject_key }: PayloadReport): string {
  const parts = [
    ...(company_id === null ? ['no company'] : [`company ${company_id}`]),
    ...(observed_at === null ? [] : [`observed ${formatShortTime(Date.parse(observed_at))}`]),
    ...(subject_key ? [`about ${subject_key}`] : []),
  ]
  const text = parts.join(', ')
  return place === '' ? text[0]!.toUpperCase() + text.slice(1) : `${place[0]!.toUpperCase()}${place.slice(1)}: ${text}`
}

/** `entries`: each of one or more lines that belong together. */
function section(title: string, entries: readonly string[], most: number): string[] {
  if (entries.length === 0) return []
  const more = entries.length - most
  return [
    `\n  ${title}`,
    ...entries.slice(0, most),
    ...(more > 0 ? [`    … and ${formatNumber(more)} more (--limit, --json)`] : []),
  ]
}

function listRefused({ refused = [] }: PayloadReport, width: number): string[] {
  return refused.map(({ path, item, reason, sample, remedy, leaves }) => {
    const where = [path, ...(item === null ? [] : [`of ${item}`]), ...(leaves > 1 ? [`(${leaves} leaves)`] : [])].join(
      ' ',
    )
    return [
      cutToWidth(`    ${escapeLine(where)}: ${escapeLine(sample)}`, width),
      wrapText(`${reason}: ${remedy}`, width, '      '),
    ].join('\n')
  })
}

/** Values of list items stand together below their item. */
function listStored(stored: readonly Stored[], width: number): string[] {
  const groups = Map.groupBy(stored, ({ path, item }) => (item === null ? '' : `${listOf(path)} ${item}`))
  const widthOf = (of: (value: Stored) => string, share: number) =>
    Math.min(Math.floor(width * share), longest(stored.map(of)))
  const widths = { path: widthOf(shortPath, 0.3), type: widthOf(typeOf, 1), name: widthOf(nameOf, 0.25) }
  return [...groups].flatMap(([title, values]) => {
    const indent = title === '' ? '    ' : '      '
    const left = Math.max(10, width - indent.length - widths.path - widths.type - widths.name - 6)
    const cell = (text: string, columns: number) => padToWidth(cutToWidth(escapeLine(text), columns), columns)
    const lines = values.map((value) => {
      const cells = [cell(shortPath(value), widths.path), cell(textOf(value.value), left)]
      return `${indent}${[...cells, cell(value.type, widths.type), cell(value.measurement, widths.name)].join('  ')}`.trimEnd()
    })
    const [first = '', ...others] = lines
    return title === '' ? lines : [`${cutToWidth(`    ${escapeLine(title)}`, width)}\n${first}`, ...others]
  })
}

/** `repos[]` of `repos[].stars`. */
const listOf = (path: string) => path.slice(0, path.lastIndexOf('[]') + 2)

function shortPath({ path, item }: Stored): string {
  return item === null ? path : path.slice(listOf(path).length)
}

const typeOf = ({ type }: Stored) => type
const nameOf = ({ measurement }: Stored) => measurement

function textOf(value: Stored['value']): string {
  return Array.isArray(value) ? JSON.stringify(value) : String(value)
}

function longest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, measureWidth(escapeLine(text))), 0)
}

function listPaths(paths: readonly { path: string; leaves: number; sample?: string }[], width: number): string[] {
  return paths.map(({ path, leaves, sample }) => {
    const count = leaves > 1 ? ` (${formatNumber(leaves)} times)` : ''
    return cutToWidth(`    ${escapeLine(path)}${count}${sample === undefined ? '' : `: ${escapeLine(sample)}`}`, width)
  })
}

function listLists({ lists = [] }: PayloadReport, width: number): string[] {
  return lists.map(({ path, known_by, items }) => {
    const count = `${path}: ${formatCount(items.length, 'item')}`
    if (items.length === 0) return `    ${count}`
    if (known_by === null)
      return wrapText(
        `${count}, known by position, so that a new order looks like a change. Give items a member that never changes, or name one with ItemKey in the map.`,
        width,
        '    ',
      )
    return wrapText(`${count}, known by ${known_by}`, width, '    ')
  })
}

function describeNews(news: PayloadReport['news'], width: number): string {
  if (news === null) return `\n  News items: not compared with what is stored`
  if (news.length === 0) return `\n  News items: none`
  const lines = news.map(({ title, severity, silent }) =>
    wrapText(`${silent ? 'silent' : severity}: ${title}`, width, '    '),
  )
  return ['\n  News items', ...lines].join('\n')
}
