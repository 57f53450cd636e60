import { Gauge } from 'prom-client'
import { withDeadline } from '#runtime/calls/deadline.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { Config } from '../config.ts'
import type { ReportNotice } from './ops-events.ts'

const reachable = new Gauge({
  name: 'parma_edge_broker_reachable',
  help: 'Whether a Kafka broker answers (1) or not (0)',
})

const everyMs = 1000
const answerMs = 1000
/** Shorter absences are not worth a message: a broker that restarts hands over in less. */
const reportedMs = 5000

/**
 * Asks every second whether a broker answers. While none does, /readyz says that the edge is degraded, and after
 * FEED_DEADLINE_MS that it is not ready, because callers are then answered with 503. When one is back, operators get an
 * event that says how long none was there. Times are monotonic.
 */
export function watchBroker(
  { FEED_DEADLINE_MS: holdMs }: Pick<Config, 'FEED_DEADLINE_MS'>,
  context: ServiceContext,
  { probe, report }: { probe(): Promise<void>; report: ReportNotice },
): void {
  let away: { since: number; at: number; error: string } | null = null
  let looking: Promise<void> | null = null
  reachable.set(1)

  async function look(): Promise<void> {
    const late = () => new Error(`no answer within ${answerMs} ms`)
    try {
      await withDeadline(probe(), answerMs, late)
      const before = away
      away = null
      reachable.set(1)
      if (before) reportReturn(before)
    } catch (error) {
      if (!away) context.log.warn({ error }, 'broker_away')
      away = { since: performance.now(), at: Date.now(), ...away, error: (error as Error).message }
      reachable.set(0)
    }
  }

  function reportReturn({ since, at }: { since: number; at: number }): void {
    const awayMs = performance.now() - since
    context.log.info({ away_ms: Math.round(awayMs) }, 'broker_back')
    if (awayMs < reportedMs) return
    const began = new Date(at).toISOString().slice(0, 16)
    const seconds = Math.round(awayMs / 1000)
    const message =
      `The edge reached no Kafka broker for ${seconds} seconds. Payloads and ends of tasks waited for up to ` +
      `${Math.round(holdMs / 1000)} seconds. Later ones were answered with 503, and modules do not send those again.`
    const facts = { seconds: String(seconds) }
    report({ kind: 'broker-away', sourceId: null, subject: began, message, facts }, { traceparent: undefined })
  }

  const lookOnce = () => (looking ??= look().finally(() => (looking = null)))
  context.health.ready('kafka', async () => {
    await lookOnce()
    if (!away) return
    const ms = performance.now() - away.since
    const text = `no broker has answered for ${Math.round(ms / 1000)} s (${away.error})`
    if (ms > holdMs) throw new Error(text)
    return text
  })
  startLoop('broker_watch', everyMs, context, lookOnce)
}
