import type { KnownBlock } from '@slack/web-api'
import { tryDraw } from '#runtime/chart/pictures.ts'
import type { Log } from '#runtime/process/log.ts'
import { hourMs } from '#runtime/text/time.ts'
import { createAddressJudge } from '#runtime/web/ip-allow-list.ts'
import { type LinkSettings, makeChartLink } from '#runtime/web/signed-links.ts'
import { describeMessageChart } from '../charts/draw-chart.ts'
import type { Extras } from '../render/extras.ts'
import type { Answer } from './answer.ts'
import type { ChannelTools, Delivery } from './channel.ts'

export type SlackPictures = {
  /** The charts of a post's lines, by addresses at the edge from which Slack fetches them; none where it cannot. */
  of(delivery: Pick<Delivery, 'linksUntil'>): Pick<Extras, 'chartOf'>
  /**
   * Slack refused the blocks of a post, and posted nothing: it fetches pictures before it posts. If there were any, posts
   * have none for an hour, and this one is to be sent again; null: it had none.
   */
  refused(post: { blocks: readonly KnownBlock[] }): Answer | null
}

/** A chart that cannot be described is left out, and logged. */
export function openSlackPictures({ config, log }: Pick<ChannelTools, 'config' | 'log'>): SlackPictures {
  const isReachable = isPublic(config.PUBLIC_URL)
  let pausedUntil = 0
  return {
    of({ linksUntil }) {
      return isReachable && performance.now() >= pausedUntil ? { chartOf: chartsOf(config, log, linksUntil) } : {}
    },
    refused({ blocks }) {
      if (!blocks.some(({ type }) => type === 'image')) return null
      pausedUntil = performance.now() + hourMs
      const reason = 'Slack refuses blocks with pictures: it may not reach PUBLIC_URL. Posts have none for an hour.'
      log.warn({ reason }, 'pictures_refused')
      return { kind: 'retry', reason, afterMs: 0 }
    },
  }
}

function chartsOf(settings: LinkSettings, log: Log, until: number): NonNullable<Extras['chartOf']> {
  return ({ newsId, chart }) => {
    if (newsId === undefined || chart === undefined || chart.points.length === 0) return null
    const text = tryDraw(log, { news_id: newsId }, () => describeMessageChart(chart))
    return text === null ? null : { text, light: makeChartLink(settings, newsId, until), dark: null }
  }
}

const isPublicAddress = createAddressJudge([])
/** Names that no public server has: RFC 6761, RFC 6762, RFC 8375, and those of clusters and private networks. */
const privateName = /(^|\.)(localhost|local|internal|test|example|invalid|lan|home|corp|intranet|home\.arpa)$/

/** Whether others can reach an address, as far as it tells itself: https, and no name or address of a private network. */
export function isPublic(address: string | undefined): boolean {
  const url = address === undefined ? null : URL.parse(address)
  if (url?.protocol !== 'https:') return false
  const host = url.hostname.replace(/^\[|\]$|\.$/g, '')
  if (/^[\d.]+$/.test(host) || host.includes(':')) return isPublicAddress(host)
  return host.includes('.') && !privateName.test(host)
}
