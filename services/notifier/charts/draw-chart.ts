import { LRUCache } from 'lru-cache'
import { orAfter } from '#runtime/calls/deadline.ts'
import { describeChart } from '#runtime/chart/describe-chart.ts'
import { drawLineChart } from '#runtime/chart/draw-line.ts'
import { makePicture, type Picture, tryDraw } from '#runtime/chart/pictures.ts'
import type { Series } from '#runtime/chart/read-series.ts'
import type { Log } from '#runtime/process/log.ts'
import type { MessageChart } from '../message/message.ts'

/** A chart as a message shows it. null: that part of it cannot be made. */
export type DrawnChart = { text: string | null; picture: Picture | null }

/** CSS pixels: as wide as the text of a mail on the narrowest phone, so that no letter is drawn smaller than 11 pixels. */
const width = 312
/** Pictures of messages that go to many. */
const kept = 50

/**
 * Returns the function that draws a message's chart, within `timeoutMs` and once for all its deliveries. A chart that
 * cannot be drawn is logged, and costs the message nothing else.
 */
export function createChartDrawer(log: Log, timeoutMs: number) {
  const drawn = new LRUCache<string, Promise<DrawnChart>>({ max: kept })
  return (notificationId: string, chart: MessageChart): Promise<DrawnChart> => {
    const known = drawn.get(notificationId)
    if (known) return known
    const made = draw(log, notificationId, chart, timeoutMs)
    drawn.set(notificationId, made)
    return made
  }
}

async function draw(log: Log, notificationId: string, chart: MessageChart, timeoutMs: number): Promise<DrawnChart> {
  const about = { notification_id: notificationId }
  const text = tryDraw(log, about, () => describeMessageChart(chart))
  if (text === null) return { text, picture: null }
  const work = makePicture(log, about, () => drawLineChart(toSeries(chart), { width, theme: 'light' }))
  return { text, picture: await orAfter(work, timeoutMs, () => null) }
}

/** What the chart shows, as a line of text. */
function describeMessageChart(chart: MessageChart): string {
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
