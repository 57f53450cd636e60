import type { Log } from '#runtime/process/log.ts'
import type { OpsEvent } from '#schemas/generated/types.ts'
import { topics } from '#schemas/topics.ts'
import { idOf } from './identify.ts'
import type { Cause, Publish } from './publish.ts'

/** An operational event about a data source, or without one about the edge. */
export type Notice = {
  kind: string
  sourceId: number | null
  subject: string
  message: string
  facts: Record<string, string>
  /** What was reported with the same kind and subject is over. */
  resolved?: boolean
}

/**
 * Publishes an operational event without waiting for it. Never fails: an event that cannot be published is logged. No row
 * changes with what is reported and the edge works without Postgres, so there is no outbox here.
 */
export type ReportNotice = (notice: Notice, cause: Cause) => void

export function createReporter(publish: Publish, log: Log): ReportNotice {
  return (notice, cause) => {
    const { key, event } = opsEventOf(notice, Date.now())
    const { kind, sourceId, subject, facts } = notice
    log.warn({ kind, data_source_id: sourceId, subject, facts }, 'ops_event_reported')
    publish(topics.opsEvents, key, event, cause).catch((error: unknown) =>
      log.error({ error, event }, 'ops_event_lost'),
    )
  }
}

/** The record of an operational event, and its key. */
export function opsEventOf(
  { kind, sourceId, subject, message, facts, resolved = false }: Notice,
  at: number,
): { key: string; event: OpsEvent } {
  const key = String(sourceId ?? 'edge')
  const dedupe_key = `${kind}/${key}/${subject}`
  const event_id = idOf('ops', dedupe_key, resolved ? 'end' : 'open', at)
  return {
    key,
    event: {
      event_id,
      kind,
      service: 'edge',
      data_source_id: sourceId,
      subject,
      message,
      resolved,
      dedupe_key,
      at,
      facts,
    },
  }
}
