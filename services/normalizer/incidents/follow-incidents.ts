import type { PayloadRefused, Understood } from '#runtime/understand/understand.ts'
import type { RawPayload } from '#schemas/generated/types.ts'
import { describeEnd } from './describe-end.ts'
import { driftKinds, findIncidents, type Incident, type ReportedIncident, type When } from './incidents.ts'

/** A payload as it shows what its source is like. */
type Showing = {
  payload: RawPayload
  result: Understood | PayloadRefused
  event_no: number
  subject_key: string
  when: When
}

/** With the incidents that it shows, begun before or not. */
export type Shown = Showing & { found: NewIncident[] }
export type NewIncident = Incident & Pick<ReportedIncident, 'event_no' | 'data_source_id'>
/** How an incident ends, with the payload that shows it. */
export type End = { incident: ReportedIncident; message: string; event_id: string }
/** Incidents that begin and end. No incident is twice in it. */
export type Turn = { begun: NewIncident[]; ended: End[] }

/** What identifies an incident. */
export function incidentKey({
  data_source_id,
  kind,
  subject,
}: Omit<NewIncident, keyof Incident | 'event_no'> & Pick<Incident, 'kind' | 'subject'>): string {
  return JSON.stringify([data_source_id, kind, subject])
}

/**
 * The incidents that begin and end with these payloads, in turns to be written one after the other: an incident may do
 * both more than once. `open`: those that had begun before, by incidentKey.
 */
export function followIncidents(shown: readonly Shown[], open: ReadonlyMap<string, ReportedIncident>): Turn[] {
  const now = new Map(open)
  const turns: Turn[] = []
  const turnOf = new Map<string, number>()
  /** The turn after the last one in which the incident changed. */
  const nextTurn = (key: string): Turn => {
    const at = (turnOf.get(key) ?? -1) + 1
    turnOf.set(key, at)
    return (turns[at] ??= { begun: [], ended: [] })
  }
  for (const one of shown) {
    for (const [key, end] of findEnds(one, now)) {
      now.delete(key)
      nextTurn(key).ended.push(end)
    }
    for (const incident of one.found) {
      const key = incidentKey(incident)
      if (now.has(key)) continue
      now.set(key, { ...incident, seen_at: 0, policy: 'tell' })
      nextTurn(key).begun.push(incident)
    }
  }
  return turns
}

/** Adds the incidents that a payload shows. */
export function show(showing: Showing): Shown {
  const { payload, result, event_no, subject_key, when } = showing
  const found = findIncidents(payload, result, when).map((incident) => ({
    ...incident,
    ...{ event_no, data_source_id: payload.data_source_id },
    facts: { ...incident.facts, ...(subject_key !== '' && { subject_key }) },
  }))
  return { ...showing, found }
}

/** One of each. */
export function distinct(incidents: readonly NewIncident[]): NewIncident[] {
  return [...new Map(incidents.map((incident) => [incidentKey(incident), incident])).values()]
}

function findEnds(
  { payload, result, subject_key, when }: Showing,
  open: ReadonlyMap<string, ReportedIncident>,
): [string, End][] {
  if (when !== 'now' || payload.replay !== null || 'reason' in result) return []
  return [...open].flatMap(([key, incident]): [string, End][] => {
    const { data_source_id, kind, facts } = incident
    if (data_source_id !== payload.data_source_id || facts.company_id !== payload.company_id) return []
    // Another subject of the company may leave out what this one sends.
    if (isDrift(kind) && (facts.subject_key ?? subject_key) !== subject_key) return []
    const message = describeEnd(incident, payload, result)
    return message === null ? [] : [[key, { incident, message, event_id: payload.event_id }]]
  })
}

function isDrift(kind: string): boolean {
  return driftKinds.some((one) => one === kind)
}
