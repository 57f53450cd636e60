import { excerpt } from '#runtime/text/shorten.ts'
import type { MapReport } from './report-map.ts'

/** A report as it is kept. `left_out`: what it has no room for. */
export type ShortReport = MapReport & {
  left_out: { paths: number; faults: number; news: number }
  /** Documents that could not be read. */
  unreadable: number
}

const most = { paths: 200, faults: 50, news: 100, members: 20, text: 300 }

/** At most some hundreds of kB of a report, whatever the map and the documents are. */
export function shortenReport(report: MapReport, unreadable: number): ShortReport {
  const { paths, faults, news } = report
  const over = (list: readonly unknown[] | undefined, limit: number) => Math.max(0, (list?.length ?? 0) - limit)
  const short: MapReport = {
    ...report,
    paths: paths.slice(0, most.paths),
    faults: faults.slice(0, most.faults),
    news: news && { ...news, gained: news.gained.slice(0, most.news), lost: news.lost.slice(0, most.news) },
  }
  const left_out = {
    paths: over(paths, most.paths),
    faults: over(faults, most.faults),
    news: over(news?.gained, most.news) + over(news?.lost, most.news),
  }
  return { ...(shortenTexts(short) as MapReport), left_out, unreadable }
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
