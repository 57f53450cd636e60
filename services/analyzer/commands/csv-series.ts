import { UsageError } from '#runtime/commands/commands.ts'
import { isoProblem } from '#runtime/text/iso-time.ts'

/**
 * A series as a file holds it: a row for each point, in the order of the file. Times in ms since 1970. A value is null
 * where the file has none (blank, NaN, null).
 */
export type CsvSeries = {
  /** The line of names, null if the file has none. */
  header: string | null
  separator: string
  /** The lines without their ends, and what they say. Blank lines are left out. */
  lines: string[]
  times: number[]
  values: (number | null)[]
  /** Indexes of the rows in the order of time. Rows of the same time keep their order. */
  order: number[]
}

const separators = [';', '\t', '|'] as const
const noValue = new Set(['', 'nan', 'null', 'na', 'n/a', 'none', '-'])

/**
 * Reads CSV with the columns timestamp and value; without names the first column is the time, the second the value. Takes
 * any of , ; tab | as separator, any line ends, a byte order mark, quotes. Throws a UsageError that names the line.
 */
export function readCsvSeries(text: string): CsvSeries {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/)
  const first = lines.find((line) => line.trim() !== '') ?? ''
  const separator = findSeparator(first)
  const columns = findColumns(splitLine(first, separator))
  const series: CsvSeries = {
    header: columns.isHeader ? first : null,
    separator,
    lines: [],
    times: [],
    values: [],
    order: [],
  }
  let isHeader = columns.isHeader
  let isSorted = true
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue
    if (isHeader) {
      isHeader = false
      continue
    }
    const fields = splitLine(line, separator)
    const fail = (reason: string) => new UsageError(`line ${index + 1}: ${reason}`)
    if (fields.length <= Math.max(columns.time, columns.value))
      throw fail(
        `${fields.length === 1 ? 'only one column' : `only ${fields.length} columns`}, a time and a value are needed`,
      )
    const time = readTime(fields[columns.time]!)
    if (time === null) throw fail(describeTimeFault(fields[columns.time]!))
    const value = readValue(fields[columns.value]!, separator)
    if (value === undefined) throw fail(`${quote(fields[columns.value]!)} is not a number`)
    if (time < (series.times.at(-1) ?? -Infinity)) isSorted = false
    series.lines.push(line)
    series.times.push(time)
    series.values.push(value)
  }
  series.order = series.times.map((_, index) => index)
  if (!isSorted) series.order.sort((a, b) => series.times[a]! - series.times[b]! || a - b)
  return series
}

/** The file again, each line with these further fields. Lines end with \n. */
export function writeCsvSeries(
  { header, separator, lines }: CsvSeries,
  names: readonly string[],
  fieldsOf: (row: number) => readonly (string | number)[],
): string {
  const rows = lines.map((line, row) => [line, ...fieldsOf(row)].join(separator))
  if (header !== null) rows.unshift([header, ...names].join(separator))
  return rows.map((row) => `${row}\n`).join('')
}

/** The one that is found most often outside of quotes. A comma only if none of the others is: it may be within numbers. */
function findSeparator(line: string): string {
  const counts = separators.map((one) => splitLine(line, one).length)
  const most = Math.max(...counts)
  return most > 1 ? separators[counts.indexOf(most)]! : ','
}

/** Names are on the first line if its value is no number. Then the columns are found by them. */
function findColumns(fields: string[]): { time: number; value: number; isHeader: boolean } {
  const names = fields.map((name) => name.trim().toLowerCase())
  const time = names.findIndex((name) => ['timestamp', 'time', 'date', 'datetime', 'observed_at', 'ds'].includes(name))
  const value = names.findIndex((name) => ['value', 'y'].includes(name))
  if (time >= 0 && value >= 0) return { time, value, isHeader: true }
  const isHeader =
    fields.length > 1 && readTime(fields[0]!) === null && /\p{L}/u.test(fields[0]!) && !isNumber(fields[1]!)
  if (time >= 0 && isHeader) return { time, value: time === 0 ? 1 : 0, isHeader }
  return { time: 0, value: 1, isHeader }
}

const isNumber = (field: string) => field.trim() !== '' && Number.isFinite(Number(field))

function splitLine(line: string, separator: string): string[] {
  if (!line.includes('"')) return line.split(separator)
  const fields: string[] = []
  let field = ''
  let isQuoted = false
  for (let i = 0; i < line.length; i++) {
    const one = line[i]!
    if (one === '"') {
      if (isQuoted && line[i + 1] === '"') field += line[i++]
      else isQuoted = !isQuoted
    } else if (one === separator && !isQuoted) {
      fields.push(field)
      field = ''
    } else field += one
  }
  return [...fields, field]
}

const iso =
  /^(\d{4})[-/](\d\d?)[-/](\d\d?)(?:[T ](\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)? ?(?:(Z|UTC)|([+-])(\d\d):?(\d\d)?)?$/

/** A time without zone is UTC. A plain number is seconds since 1970, above 100,000,000,000 milliseconds. */
function readTime(field: string): number | null {
  const text = field.trim()
  const match = iso.exec(text)
  if (!match) {
    if (!/^-?\d+(\.\d+)?$/.test(text)) return null
    const number = Number(text)
    return Math.abs(number) > 1e11 ? number : number * 1000
  }
  const [
    ,
    year,
    month,
    day,
    hour = '0',
    minute = '0',
    second = '0',
    part = '',
    ,
    sign,
    ahead = '0',
    aheadMinutes = '0',
  ] = match
  const date = Date.UTC(+year!, +month! - 1, +day!)
  const isDay = new Date(date).getUTCDate() === +day! && +month! >= 1 && +month! <= 12
  if (!isDay || +hour > 24 || +minute > 59 || +second > 60) return null
  const zone = (sign === '-' ? -1 : 1) * (+ahead * 60 + +aheadMinutes) * 60_000
  return date + ((+hour * 60 + +minute) * 60 + +second) * 1000 + Math.floor(Number(`0.${part || 0}`) * 1000) - zone
}

function describeTimeFault(field: string): string {
  const problem = isoProblem(field.replaceAll('/', '-'))
  return `${quote(field)} is not a time${problem === null ? ', such as 2026-03-10T12:00:00Z or 2026-03-10' : `: ${problem}`}`
}

/** Null for no value, undefined for what is no number. */
function readValue(field: string, separator: string): number | null | undefined {
  const text = field.trim()
  if (noValue.has(text.toLowerCase())) return null
  const value = Number(separator !== ',' && /^[+-]?\d+,\d+$/.test(text) ? text.replace(',', '.') : text)
  return Number.isFinite(value) ? value : undefined
}

const quote = (text: string) => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)
