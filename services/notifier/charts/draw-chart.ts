import { LRUCache } from 'lru-cache'
import { orAfter } from '#runtime/calls/deadline.ts'
import { describeChart } from '#runtime/chart/describe-chart.ts'
import { drawLineChart } from '#runtime/chart/draw-line.ts'
import { drawMultiples } from '#runtime/chart/draw-small.ts'
import { makePicture, type Picture, tryDraw } from '#runtime/chart/pictures.ts'
import type { Series } from '#runtime/chart/read-series.ts'
import type { Log } from '#runtime/process/log.ts'
import type { MessageChart } from '../message/message.ts'

/** A chart as a message shows it. null: that part of it cannot be made. */
export type DrawnChart = { text: string | null; light: Picture | null; dark: Picture | null }

/** CSS pixels: as wide as the text of a mail on the narrowest phone, so that no letter is drawn smaller than 11 pixels. */
const width = 312
/** Charts of news items that go to many. */
const kept = 400

/**
 * Returns the function that draws the chart of a news item, within `timeoutMs` and once for all messages with it. A
 * chart that cannot be drawn is logged, and costs the message nothing else.
 */
export function createChartDrawer(log: Log, timeoutMs: number) {
  const drawn = new LRUCache<string, Promise<DrawnChart>>({ max: kept })
  return (newsId: string, chart: MessageChart): Promise<DrawnChart> => {
    const key = `${newsId}/${chart.isSmall ? 'small' : 'large'}`
    const known = drawn.get(key)
    if (known) return known
    const made = draw(log, newsId, chart, timeoutMs)
    drawn.set(key, made)
    return made
  }
}

async function draw(log: Log, newsId: string, chart: MessageChart, timeoutMs: number): Promise<DrawnChart> {
  const about = { news_id: newsId }
  const text = tryDraw(log, about, () => describeMessageChart(chart))
  if (text === null) return { text, light: null, dark: null }
  const paint = (theme: 'light' | 'dark') =>
    orAfter(
      makePicture(log, about, () => paintChart(chart, theme)),
      timeoutMs,
      () => null,
    )
  const light = await paint('light')
  return { text, light, dark: light && (await paint('dark')) }
}

function paintChart(chart: MessageChart, theme: 'light' | 'dark'): string {
  const series = toSeries(chart)
  const look = { width, theme }
  if (!chart.isSmall) return drawLineChart(series, look)
  // The news item is the last value, so a mark would only need a legend.
  return drawMultiples({ title: chart.title, series: [{ ...series, title: '', marks: [] }] }, look)
}

/** What the chart shows, as a line of text. Throws where it cannot be drawn. */
export function describeMessageChart(chart: MessageChart): string {
  const { title, description } = describeChart(toSeries(chart))
  return `${title}: ${description}`
}

function toSeries({ title, mark, points }: MessageChart): Series {
  const at = points.at(-1)?.[0]
  return {
    title,
    points: points.map(([at, value]) => ({ at, value })),
    marks: at === undefined ? [] : [{ at, text: mark }],
  }
}
