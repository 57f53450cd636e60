import { v5 as uuidv5 } from 'uuid'
import { formatPercent } from '#runtime/text/format.ts'
import type { OpsEvent, RawPayload } from '#schemas/generated/types.ts'
import type { Drift } from '../understand/normalize.ts'
import type { RisenNulls } from './null-rates.ts'
import { payloadRemedies } from './remedies.ts'
import type { PayloadRefused, Understood } from '../understand/understand.ts'

/** Something operators are told once per data source, kind and subject. */
export type Incident = { kind: string; subject: string; message: string; facts: Record<string, string> }
/** A incident as it was first told; `event_no` is that of the payload which showed it. */
export type ReportedIncident = Incident & { event_no: number; data_source_id: number; seen_at: number; policy: Policy }

/** What is done about drift: nothing, telling it, telling it and crawling the source no more. */
export const policies = ['ignore', 'tell', 'pause'] as const
export type Policy = (typeof policies)[number]

/** The incidents that are drift, for which there are policies. */
export const driftKinds = ['unknown-path', 'missing-path', 'retyped-path', 'null-rate'] as const

/** What is to be told about a payload, whether or not it has been told before. */
export function findIncidents(payload: RawPayload, result: Understood | PayloadRefused): Incident[] {
  const { source_name, event_id, company_id } = payload
  const facts = { source_name, event_id, company_id, map_version: String(result.mapVersion ?? '') }
  if ('reason' in result) {
    // That is a dead letter, and told as one.
    if (result.reason === 'conflict') return []
    const ofCompany = result.reason === 'unknown-company' || result.reason === 'company-id'
    const message = `Payload of ${source_name} for company ${company_id} refused: ${result.message}. ${payloadRemedies[result.reason]} It is kept and can be re-driven.`
    return [{ kind: result.reason, subject: ofCompany ? company_id : source_name, message, facts }]
  }
  const faults = Map.groupBy(result.faults, ({ path }) => path)
  return [
    ...[...faults].map(([path, found]) => ({
      kind: 'map-fault',
      subject: path,
      message: `Version ${result.mapVersion} of the map of ${source_name}, at ${path}: ${found.map(({ message }) => message).join('; ')}. Mend the module’s map and do the handshake again.`,
      facts: { ...facts, path },
    })),
    ...result.normalized.drift
      .filter((drift) => isOfToday(drift, payload))
      .map((drift) => ({
        kind: drift.kind,
        subject: drift.path,
        message: describeDrift(source_name, drift),
        facts: { ...facts, path: drift.path, found: drift.found, declared: drift.declared },
      })),
  ]
}

/** By what a source sent long ago, or a map that came later, nobody can say what it leaves out today. */
function isOfToday({ kind }: Drift, { history, replay }: RawPayload): boolean {
  return replay === null && !(history && kind === 'missing-path')
}

/** That a path is null much more often than before; `payload` is one that shows it. */
export function describeRisenNulls({ source_name, event_id, company_id }: RawPayload, risen: RisenNulls): Incident {
  const { path, leaves, nulls, leaves_before, nulls_before } = risen
  const percent = (part: number, of: number) => formatPercent((100 * part) / of)
  return {
    kind: 'null-rate',
    subject: path,
    message: `${source_name} sends null at ${path} in ${percent(nulls, leaves)} of all cases today (${nulls} of ${leaves}), and in ${percent(nulls_before, leaves_before)} of them before. Look whether the module still reads it right.`,
    facts: { source_name, event_id, company_id, path, nulls: String(nulls), leaves: String(leaves) },
  }
}

/** The ops event of a incident: the same at each redelivery of the payload that showed it. */
export function opsEventOf(incident: ReportedIncident, eventId: string): OpsEvent {
  const dedupeKey = `normalizer/${incident.kind}/${incident.data_source_id}/${incident.subject}`
  return {
    event_id: uuidv5(dedupeKey, eventId),
    kind: incident.kind,
    service: 'normalizer',
    data_source_id: incident.data_source_id,
    subject: incident.subject,
    message:
      incident.policy === 'pause'
        ? `${incident.message} ${pausedNote(incident.facts.source_name ?? '')}`
        : incident.message,
    resolved: false,
    dedupe_key: dedupeKey,
    at: incident.seen_at,
    facts: incident.facts,
  }
}

function pausedNote(source: string): string {
  return `As its drift policy says, the source is not crawled any more; what it still sends is stored. \`parma sources edit ${source} --active\` lets it go on.`
}

function describeDrift(source: string, { kind, path, found, declared }: Drift): string {
  switch (kind) {
    case 'unknown-path':
      return `${source} sends ${path} (${found}), which its map does not hold: it is kept in the raw documents only. Add it to the module’s map to store it.`
    case 'missing-path':
      return `${source} does not send ${path} (${declared}), which its map holds. Mend the module, or take the entry out of its map.`
    case 'retyped-path':
      return `${source} sends ${path} as ${found}, and its map says ${declared}: what cannot be converted is refused. Correct the type in the map, or mend the module.`
  }
}
