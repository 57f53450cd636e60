import type { PublishOps } from '#runtime/outbox/ops-queue.ts'
import type { Log } from '#runtime/process/log.ts'
import type { OpsEvent } from '#schemas/generated/types.ts'
import { idOf } from './identify.ts'
import type { Cause } from './publish.ts'

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

/** Publishes an operational event without waiting for it. The edge works without Postgres, so there is no outbox here. */
export type ReportNotice = (notice: Notice, cause: Cause) => void

export function createReporter(publishOps: PublishOps, log: Log): ReportNotice {
  return (notice, { traceparent }) => {
    const { key, event } = opsEventOf(notice, Date.now())
    const { kind, sourceId, subject, facts } = notice
    log.warn({ kind, data_source_id: sourceId, subject, facts }, 'ops_event_reported')
    publishOps(key, event, traceparent)
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
