import { addToOutbox } from '#runtime/outbox/outbox.ts'
import type { Transaction } from '#runtime/postgres/database.ts'
import type { Config } from '../config.ts'
import { takeQuota } from '../incidents/daily-quota.ts'
import { isNullRateOver } from '../incidents/describe-end.ts'
import {
  distinct,
  followIncidents,
  incidentKey,
  type NewIncident,
  show,
  type Shown,
  type Turn,
} from '../incidents/follow-incidents.ts'
import { beginIncidents, endIncidents, readOpenIncidents } from '../incidents/incident-table.ts'
import { beginningOf, describeRisenNulls, endOf, type ReportedIncident } from '../incidents/incidents.ts'
import { addToNullRates, type Arrived, countPaths, readNullRates } from '../incidents/null-rates.ts'
import type { Matched } from '../ledger/work.ts'

/**
 * Stores which incidents begin and end with these payloads, and what operators are told. Returns whether there is any.
 * `hasOpen`: as readBefore found it.
 */
export async function reportIncidents(
  { MAX_INCIDENTS_PER_DAY }: Pick<Config, 'MAX_INCIDENTS_PER_DAY'>,
  tx: Transaction,
  fresh: readonly Matched[],
  hasOpen: boolean,
): Promise<boolean> {
  const risen = await findRisenNulls(tx, fresh)
  const shown = fresh.map(shownBy)
  const found = distinct([...shown.flatMap((one) => one.found), ...risen])
  // As with most batches: nothing that could begin or end.
  if (!hasOpen && found.length === 0) return false
  const open = await readOpenIncidents(
    tx,
    fresh.map(({ row }) => row),
    found,
  )
  const turns = [...followIncidents(shown, open), await turnOfNulls(tx, risen, open, fresh)]
  let hasReports = false
  for (const { begun, ended } of turns) {
    const { allowed, full } = await takeQuota(tx, begun, MAX_INCIDENTS_PER_DAY)
    const events = [
      ...(await endIncidents(tx, ended))
        .filter(({ incident }) => incident.policy !== 'ignore')
        .map(({ incident, message, event_id }) => endOf(incident, message, event_id, incident.ended_at)),
      ...(await beginIncidents(tx, allowed))
        .filter(({ policy }) => policy !== 'ignore')
        .map((incident) => beginningOf(incident, incident.facts.event_id ?? '')),
      ...full,
    ]
    await addToOutbox(tx, 'normalizer', events)
    hasReports ||= events.length > 0
  }
  return hasReports
}

function shownBy({ payload, result, row, isLate }: Matched): Shown {
  const { event_no, subject_key, history } = row
  return show({ payload, result, event_no, subject_key, when: isLate ? 'late' : history ? 'history' : 'now' })
}

/** History, late payloads and replays do not show how a source is today. */
function arrivalOf({ payload, result, row, first, isLate }: Matched): Arrived[] {
  if ('reason' in result || row !== first || row.history || isLate) return []
  return [{ ...row, received_at: payload.received_at, normalized: result.normalized }]
}

/** Counts the nulls of these payloads, and returns the incidents that show in the counts. */
async function findRisenNulls(tx: Transaction, fresh: readonly Matched[]): Promise<NewIncident[]> {
  const risen = await addToNullRates(tx, countPaths(fresh.flatMap(arrivalOf)))
  // A path may have risen on two days of one batch.
  const incidents = risen.flatMap((rise): NewIncident[] => {
    const shown = fresh.find((one) => one.row.data_source_id === rise.data_source_id && arrivalOf(one).length > 0)
    if (!shown) return []
    const { event_no, data_source_id } = shown.row
    return [{ ...describeRisenNulls(shown.payload, rise), event_no, data_source_id }]
  })
  return distinct(incidents)
}

/** The incidents of null rates that begin and end with the counts as they are now. */
async function turnOfNulls(
  tx: Transaction,
  risen: readonly NewIncident[],
  open: ReadonlyMap<string, ReportedIncident>,
  fresh: readonly Matched[],
): Promise<Turn> {
  const begun = risen.filter((incident) => !open.has(incidentKey(incident)))
  const lasting = [...open.values()].filter(({ kind }) => kind === 'null-rate')
  if (lasting.length === 0) return { begun, ended: [] }
  const rates = await readNullRates(
    tx,
    lasting.map(({ data_source_id, subject }) => ({ data_source_id, path: subject })),
  )
  const ended = lasting.flatMap((incident) => {
    const of = rates.find((one) => one.data_source_id === incident.data_source_id && one.path === incident.subject)
    const shown = fresh.find((one) => one.row.data_source_id === incident.data_source_id && arrivalOf(one).length > 0)
    if (!of || !shown || !isNullRateOver(incident, of)) return []
    const { source_name, event_id } = shown.payload
    const message = `${source_name} sends null at ${of.path} in ${of.nulls} of ${of.leaves} cases on ${of.day}.`
    return [{ incident, message, event_id }]
  })
  return { begun, ended }
}
