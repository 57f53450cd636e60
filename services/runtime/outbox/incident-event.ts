import { v5 as uuidv5 } from 'uuid'
import { z } from 'zod'
import type { OpsEvent } from '#schemas/generated/types.ts'

/** What an incident is about. `company_id` null: the whole source. */
export type IncidentKey<Kind extends string> = { kind: Kind; data_source_id: number; company_id: number | null }

/** The dedupe key of an incident, and of its ops events. */
export function incidentKeyOf({ kind, data_source_id, company_id }: IncidentKey<string>): string {
  return [kind, data_source_id, ...(company_id === null ? [] : [company_id])].join('/')
}

/** What a service's table of incidents holds of one, for its ops events. */
export const incidentRow = z.object({
  dedupe_key: z.string(),
  kind: z.string(),
  data_source_id: z.number(),
  subject: z.string(),
  message: z.string(),
  facts: z.record(z.string(), z.string()),
})

/** The ops event that an incident began or, `resolved`, ended at a time: the same each time it is reported. */
export function incidentEvent(
  service: string,
  namespace: string,
  { dedupe_key, kind, data_source_id, subject, message, facts }: z.output<typeof incidentRow>,
  resolved: boolean,
  at: number,
): OpsEvent {
  return {
    event_id: uuidv5(JSON.stringify([dedupe_key, resolved, at]), namespace),
    ...{ kind, service, data_source_id, subject, resolved, dedupe_key, at, facts },
    message: resolved ? `Resolved: ${message}` : message,
  }
}
