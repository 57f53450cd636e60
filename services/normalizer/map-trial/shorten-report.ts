import { excerpt } from '#runtime/text/shorten.ts'
import type { MapReport } from './report-map.ts'

/** A report as it is kept; the analyzer adds the news items. `left_out`: what it has no room for. */
export type ShortReport = Omit<MapReport, 'news'> & {
  left_out: { paths: number; faults: number }
  /** Documents that could not be read. */
  unreadable: number
}

const most = { paths: 200, faults: 50, members: 20, text: 300 }

/** At most some hundreds of kB of a report, whatever the map and the documents are. */
export function shortenReport({ news: _, ...report }: MapReport, unreadable: number): ShortReport {
  const { paths, faults } = report
  const over = (list: readonly unknown[], limit: number) => Math.max(0, list.length - limit)
  const short = { ...report, paths: paths.slice(0, most.paths), faults: faults.slice(0, most.faults) }
  const left_out = { paths: over(paths, most.paths), faults: over(faults, most.faults) }
  return { ...(shortenTexts(short) as typeof short), left_out, unreadable }
}

function shortenTexts(value: unknown): unknown {
  if (typeof value === 'string') return excerpt(value.replaceAll('\0', '\ufffd'), most.text)
  if (Array.isArray(value)) {
    const isOfTexts = value.every((one) => typeof one === 'string')
    return (isOfTexts ? value.slice(0, most.members) : value).map(shortenTexts)
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, shortenTexts(one)]))
}
