import type { Log } from '#runtime/process/log.ts'
import { topics } from '#schemas/topics.ts'
import { idOf } from './identify.ts'
import type { Cause, Publish } from './publish.ts'

/** An operational event about a data source, or without one about the edge. */
type Notice = { kind: string; sourceId: number | null; subject: string; message: string; facts: Record<string, string> }

/**
 * Publishes an operational event without waiting for it. Never fails: an event that cannot be published is logged. No row
 * changes with what is reported and the edge works without Postgres, so there is no outbox here.
 */
export type ReportNotice = (notice: Notice, cause: Cause) => void

export function createReporter(publish: Publish, log: Log): ReportNotice {
  return ({ kind, sourceId, subject, message, facts }, cause) => {
    const at = Date.now()
    const key = String(sourceId ?? 'edge')
    const dedupe_key = `${kind}/${key}/${subject}`
    const event_id = idOf('ops', dedupe_key, 'open', at)
    log.warn({ kind, data_source_id: sourceId, subject, facts }, 'ops_event_reported')
    const event = {
      event_id,
      kind,
      service: 'edge',
      data_source_id: sourceId,
      subject,
      message,
      resolved: false,
      dedupe_key,
      at,
      facts,
    }
    publish(topics.opsEvents, key, event, cause).catch((error: unknown) =>
      log.error({ error, event }, 'ops_event_lost'),
    )
  }
}
