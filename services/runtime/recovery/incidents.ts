import { v5 as uuidv5 } from 'uuid'
import type { PublishOps } from '../outbox/ops-queue.ts'
import type { ServiceContext } from '../process/service.ts'
import type { IncidentKind } from './offset-note.ts'

/** What holds a partition up, and where. */
type Incident = {
  kind: IncidentKind
  topic: string
  partition: number
  offset: string
  /** Of its beginning. */
  message: string
}

/**
 * Publishes the ops event of an incident that begins or, `resolved`, ends. One that begins again at the same offset, after a
 * restart for example, is the same event. Consumers have no outbox for these: raw-sink has no database, and elsewhere it
 * may be the database that is in trouble.
 */
export type ReportIncident = (incident: Incident, resolved: boolean) => void

export function createIncidentReporter(
  { name: service, log }: Pick<ServiceContext, 'name' | 'log'>,
  publishOps: PublishOps,
): ReportIncident {
  return ({ kind, topic, partition, offset, message }, resolved) => {
    const subject = `${topic}/${partition}`
    const dedupe_key = `${kind}/${service}/${subject}`
    const event_id = uuidv5(JSON.stringify([dedupe_key, offset, resolved]), namespace)
    const facts = { topic, partition: String(partition), offset }
    const event = {
      ...{ event_id, kind, service, data_source_id: null, subject, resolved, dedupe_key, at: Date.now(), facts },
      message: resolved ? `Resolved: partition ${partition} of ${topic} goes on.` : message,
    }
    log[resolved ? 'info' : 'error']({ kind, ...facts, resolved, detail: message }, 'incident_reported')
    publishOps(service, event)
  }
}

// Must never change: an event that is reported again must keep its id.
const namespace = '0d5a0a3e-5f2e-4c6c-8f6e-3d5b7a1c9e42'
