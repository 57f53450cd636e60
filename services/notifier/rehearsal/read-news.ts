import { z } from 'zod'
import { UsageError } from '#runtime/commands/commands.ts'
import { readIso } from '#runtime/text/iso-time.ts'
import { formatCount } from '#runtime/text/format.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { severities } from '../people/filter.ts'

const time = z.string().transform((text, context) => {
  const at = readIso(text)
  if (at === null) context.addIssue('not a time in ISO 8601')
  return at ?? NaN
})

const newsLine = z.object({
  news_id: z.uuid(),
  event_id: z.uuid(),
  company_id: z.int32().positive(),
  data_source_id: z.int32().positive(),
  source_measurement_id: z.int32().positive(),
  kind: z.string(),
  severity: z.enum(severities),
  title: z.string(),
  message: z.string(),
  trigger_factor: z.number().nullable().default(null),
  previous: z.string().nullable().default(null),
  current: z.string().nullable().default(null),
  group_index: z.number().default(0),
  dedupe_key: z.string(),
  observed_at: time,
  importance: z.number().nullable().default(null),
  silent: z.boolean(),
  company: z.string(),
  source: z.string(),
})

/** A news item of a file that `parma backtest` wrote. */
export type FileNews = z.output<typeof newsLine> & { group_id: string }

/** The news items of an NDJSON text, which `name` calls. A UsageError that names the lines that are none. */
export function readNews(text: string, name: string): FileNews[] {
  const faults: string[] = []
  const news = text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .flatMap((line, index): FileNews[] => {
      if (line.trim() === '') return []
      const read = readLine(line)
      if (typeof read !== 'string') return [{ ...read, group_id: read.event_id }]
      faults.push(`line ${index + 1}: ${read}`)
      return []
    })
  if (faults.length === 0) return news
  const more = faults.length > maxFaults ? `\n${formatCount(faults.length - maxFaults, 'more line')} with faults` : ''
  throw new UsageError(
    `${name} is not what \`parma backtest\` writes, one news item (JSON) a line:\n${faults.slice(0, maxFaults).join('\n')}${more}`,
  )
}

const maxFaults = 3

/** The news item, or what is wrong with the line. */
function readLine(line: string): z.output<typeof newsLine> | string {
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch {
    return `not JSON: ${excerpt(line, 60)}`
  }
  const read = newsLine.safeParse(json)
  if (read.success) return read.data
  const [issue] = read.error.issues
  return [issue?.path.join('.'), issue?.message].filter(Boolean).join(': ')
}
