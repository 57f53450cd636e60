import { Gauge } from 'prom-client'
import { z } from 'zod'
import type { ServiceState } from '#runtime/offsets/service-states.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'

/** Where figures come from. */
export type FigureSources = { database: Database; readStates(): Promise<ServiceState[]> }

/** Figures that are read together. Their gauges have no value before the first reading, and none after `forget`. */
export type Figures = { name: string; read(sources: FigureSources): Promise<void>; forget(): void }

function figures(name: string, gauges: readonly Gauge[], read: Figures['read']): Figures {
  const forget = () => gauges.forEach((gauge) => gauge.reset())
  return { name, read, forget }
}

function gauge<L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> {
  return new Gauge({ name, help, labelNames })
}

const sourceUp = gauge('parma_source_up', 'Whether a source is up (1) or down (0), as its runs say', ['source'])
const sourceLastOk = gauge(
  'parma_source_last_ok_timestamp_seconds',
  'When the last run of a source ended that was a success',
  ['source'],
)
const sourceRow = z.object({ source: z.string(), is_up: z.boolean(), last_ok: z.number().nullable() })

const sources = figures('sources', [sourceUp, sourceLastOk], async ({ database }) => {
  const rows = await database.any(sql.type(sourceRow)`
    SELECT left(d.source_name, 100) AS source, h.status <> 'DOWN' AS is_up, h.last_ok_at AS last_ok
    FROM public.data_source d JOIN scheduler.source_health h ON h.data_source_id = d.id WHERE d.is_active ORDER BY d.id`)
  sources.forget()
  for (const { source, is_up, last_ok } of rows) {
    sourceUp.set({ source }, is_up ? 1 : 0)
    if (last_ok !== null) sourceLastOk.set({ source }, last_ok / 1000)
  }
})

const openIncidents = gauge('parma_open_incidents', 'Open incidents of sources and of companies at them, by kind', [
  'kind',
])
const incidentRow = z.object({ kind: z.string(), open: z.number() })

const incidents = figures('incidents', [openIncidents], async ({ database }) => {
  const rows = await database.any(sql.type(incidentRow)`
    SELECT kind, count(*)::int AS open FROM (
      SELECT kind FROM scheduler.incident_view WHERE resolved_at IS NULL
      UNION ALL SELECT kind FROM analyzer.incident_text_view WHERE resolved_at IS NULL
      UNION ALL SELECT 'suspect-run' FROM analyzer.suspect_run_view
      UNION ALL SELECT kind FROM normalizer.incident_view WHERE resolved_at IS NULL AND policy <> 'ignore'
    ) AS i GROUP BY kind`)
  incidents.forget()
  // Those that matter most have a zero, so that a first one is a change and not a new series.
  for (const kind of ['source-down', 'stale', 'drift']) openIncidents.set({ kind }, 0)
  for (const { kind, open } of rows) openIncidents.set({ kind }, open)
})

const openLetters = gauge(
  'parma_open_dead_letters',
  'Dead letters that nobody has handled, by the service that wrote them',
  ['group'],
)
const lettersRow = z.object({ service: z.string(), letters: z.number() })

const letters = figures('dead_letters', [openLetters], async ({ database }) => {
  const rows = await database.any(sql.type(lettersRow)`SELECT service, letters FROM edge.open_letters_view`)
  letters.forget()
  for (const group of consumers) openLetters.set({ group }, 0)
  for (const { service: group, letters: open } of rows) openLetters.set({ group }, open)
})

const consumers = ['raw-sink', 'normalizer', 'analyzer', 'notifier', 'scheduler']

const parked = gauge('parma_parked_destinations', 'Destinations that get no messages until somebody unparks them', [
  'channel',
])
const destinations = gauge('parma_destinations', 'Destinations of messages, without those that have unsubscribed', [
  'channel',
])
const destinationRow = z.object({ channel: z.string(), all: z.number(), parked: z.number() })

const parking = figures('destinations', [parked, destinations], async ({ database }) => {
  const rows = await database.any(sql.type(destinationRow)`
    SELECT channel, count(*)::int AS all, count(parked_at)::int AS parked
    FROM notifier.destination_view WHERE unsubscribed_at IS NULL GROUP BY channel`)
  parking.forget()
  for (const row of rows) {
    destinations.set({ channel: row.channel }, row.all)
    parked.set({ channel: row.channel }, row.parked)
  }
})

const pending = gauge(
  'parma_pending_messages',
  'Messages that are due at destinations which are not parked, by channel',
  ['channel'],
)
const oldestPending = gauge(
  'parma_oldest_pending_message_seconds',
  'Age of the oldest message that is due at a destination which is not parked, by channel; 0: there is none',
  ['channel'],
)
const pendingRow = z.object({ channel: z.string(), due: z.number(), age: z.number() })

const messages = figures('messages', [pending, oldestPending], async ({ database }) => {
  const rows = await database.any(sql.type(pendingRow)`
    SELECT t.channel, count(d.delivery_id)::int AS due,
      coalesce(extract(epoch FROM now() - min(d.created_at)), 0)::float8 AS age
    FROM notifier.destination_view t
    LEFT JOIN notifier.delivery_view d ON d.destination_id = t.destination_id AND d.due_at <= now()
    WHERE t.parked_at IS NULL AND t.unsubscribed_at IS NULL GROUP BY t.channel`)
  messages.forget()
  for (const { channel, due, age } of rows) {
    pending.set({ channel }, due)
    oldestPending.set({ channel }, age)
  }
})

const openRefusals = gauge(
  'parma_open_refusals',
  'Leaves and payloads that could not be stored and have not been read again, by reason',
  ['reason'],
)
const refusalRow = z.object({ reason: z.string(), rows: z.number() })

const refusals = figures('refusals', [openRefusals], async ({ database }) => {
  const found = await database.any(sql.type(refusalRow)`
    SELECT reason, count(*)::int AS rows FROM normalizer.refusal_view
    WHERE reason <> 'unmapped' AND NOT ignored GROUP BY reason`)
  refusals.forget()
  for (const { reason, rows } of found) openRefusals.set({ reason }, rows)
})

const members = gauge('parma_group_members', 'Members of the consumer group of a service, of all its processes', [
  'group',
])
const groupLag = gauge(
  'parma_group_lag_records',
  'Records that the group of a service has not committed, up to the ends of its topics, also while no process of it runs',
  ['group'],
)
const groupWaiting = gauge(
  'parma_group_waiting_seconds',
  'Least age of the oldest record that the group of a service has not committed, in coarse steps; 0: there is none',
  ['group'],
)

const groups = figures('groups', [members, groupLag, groupWaiting], async ({ readStates }) => {
  const states = await readStates()
  groups.forget()
  for (const { service: group, members: count, lag, waitingMs } of states) {
    members.set({ group }, count)
    groupLag.set({ group }, lag)
    groupWaiting.set({ group }, (waitingMs ?? 0) / 1000)
  }
})

/** All that the exporter reads. */
export const allFigures: readonly Figures[] = [...[sources, incidents, letters, parking, messages, refusals, groups]]
