import { v5 as uuidv5 } from 'uuid'
import { formatPercent } from '#runtime/text/format.ts'
import type { Drift } from '#runtime/understand/normalize.ts'
import { payloadRemedies } from '#runtime/understand/remedies.ts'
import type { PayloadRefused, Understood } from '#runtime/understand/understand.ts'
import type { OpsEvent, RawPayload } from '#schemas/generated/types.ts'
import type { RisenNulls } from './null-rates.ts'

/** Something that is reported to operators once per data source, kind and subject, until it ends. */
export type Incident = { kind: string; subject: string; message: string; facts: Record<string, string> }
/** An incident as reported at its beginning. `event_no` is that of the payload that showed it. */
export type ReportedIncident = Incident & { event_no: number; data_source_id: number; seen_at: number; policy: Policy }

/**
 * What happens to drift: nothing, a report, or a report and the source is paused. `wait` is for maps of handshakes, which
 * wait for a yes; other drift is reported.
 */
export const policies = ['ignore', 'tell', 'pause', 'wait'] as const
type Policy = (typeof policies)[number]

/** The kinds of incident that are drift. Only they have policies. */
export const driftKinds = ['unknown-path', 'missing-path', 'retyped-path', 'null-rate'] as const

/** What a map of a handshake may do. The edge looks for it, and takes the policies of these kinds. */
export const mapKinds = ['lost-measurement', 'retyped-measurement'] as const

/** Whether a payload shows how its source is today. History may lack paths; one that is late shows how it was. */
export type When = 'now' | 'history' | 'late'

/** The incidents that a payload shows, reported before or not. Late ones and replays only show that they are refused. */
export function findIncidents(payload: RawPayload, result: Understood | PayloadRefused, when: When): Incident[] {
  const { source_name, event_id, company_id, replay } = payload
  const facts = {
    ...{ source_name, event_id, company_id, map_version: String(result.mapVersion ?? '') },
    ...(replay && { replay_id: replay.replay_id }),
  }
  if ('reason' in result) {
    // It becomes a dead letter, which is reported as such.
    if (result.reason === 'conflict') return []
    const ofCompany = result.reason === 'unknown-company' || result.reason === 'company-id'
    const message = `A payload of ${source_name} for company ${company_id} was refused: ${result.message}. ${payloadRemedies[result.reason]} The payload is kept and can be re-driven.`
    return [{ kind: result.reason, subject: ofCompany ? company_id : source_name, message, facts }]
  }
  if (when === 'late' || replay) return []
  const faults = Map.groupBy(result.map.faults, ({ path }) => path)
  return [
    ...[...faults].map(([path, found]) => ({
      kind: 'map-fault',
      subject: path,
      message: `Version ${result.mapVersion} of the map of ${source_name} has a fault at ${path}: ${found.map(({ message }) => message).join('; ')}. Fix the module’s map, then do the handshake again.`,
      facts: { ...facts, path },
    })),
    ...result.normalized.drift
      .filter(({ kind }) => when === 'now' || kind !== 'missing-path')
      .map((drift) => ({
        kind: drift.kind,
        subject: drift.path,
        message: describeDrift(source_name, drift),
        facts: { ...facts, path: drift.path, found: drift.found, declared: drift.declared },
      })),
  ]
}

/** A path is null much more often than before. The payload is one that shows it. */
export function describeRisenNulls({ source_name, event_id, company_id }: RawPayload, risen: RisenNulls): Incident {
  const { path, day, leaves, nulls, leaves_before, nulls_before } = risen
  const percent = (part: number, of: number) => formatPercent((100 * part) / of)
  return {
    kind: 'null-rate',
    subject: path,
    message: `${source_name} sends null at ${path} in ${percent(nulls, leaves)} of cases today (${nulls} of ${leaves}), up from ${percent(nulls_before, leaves_before)} before. Check that the module still reads it correctly.`,
    facts: { source_name, event_id, company_id, path, day, nulls: String(nulls), leaves: String(leaves) },
  }
}

/**
 * The ops event of an incident's beginning. `eventId`: of the payload that showed it. It shows it once, and so does each
 * replay of it.
 */
export function beginningOf(incident: ReportedIncident, eventId: string): OpsEvent {
  const { replay_id } = incident.facts
  const replay = replay_id === undefined ? '' : `/replay/${replay_id}`
  return {
    ...eventOf(incident, incident.seen_at),
    event_id: uuidv5(dedupeKeyOf(incident) + replay, eventId),
    message:
      incident.policy === 'pause'
        ? `${incident.message} ${pausedNote(incident.facts.source_name ?? '')}`
        : incident.message,
    resolved: false,
  }
}

/** The ops event of an incident's end. `eventId`: of the payload with which it ended; `at`: when, ms since 1970. */
export function endOf(incident: ReportedIncident, message: string, eventId: string, at: number): OpsEvent {
  const event_id = uuidv5(`${dedupeKeyOf(incident)}/end`, eventId)
  return { ...eventOf(incident, at), event_id, message, resolved: true }
}

function eventOf({ kind, data_source_id, subject, facts }: ReportedIncident, at: number) {
  const dedupe_key = dedupeKeyOf({ kind, data_source_id, subject })
  return { kind, service: 'normalizer', data_source_id, subject, dedupe_key, at, facts }
}

function dedupeKeyOf({ kind, data_source_id, subject }: Pick<ReportedIncident, 'kind' | 'data_source_id' | 'subject'>) {
  return `normalizer/${kind}/${data_source_id}/${subject}`
}

function pausedNote(source: string): string {
  return `Its drift policy has paused the source: it is not crawled any more, but what it still sends is stored. \`parma sources edit ${source} --active\` resumes it.`
}

function describeDrift(source: string, { kind, path, found, declared }: Drift): string {
  switch (kind) {
    case 'unknown-path':
      return `${source} sends ${path} (${found}), but its map does not have this path. The value is kept only in raw documents. To store it, add the path to the module’s map.`
    case 'missing-path':
      return `${source} does not send ${path} (${declared}), but its map has this path. Fix the module, or remove the entry from its map.`
    case 'retyped-path':
      return `${source} sends ${path} as ${found}, but its map says ${declared}. Values that cannot be converted are refused. Correct the type in the map, or fix the module.`
  }
}
