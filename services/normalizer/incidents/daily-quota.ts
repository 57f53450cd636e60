import { v5 as uuidv5 } from 'uuid'
import { z } from 'zod'
import { columnsOf } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { payloadRemedies } from '#runtime/understand/remedies.ts'
import type { OpsEvent } from '#schemas/generated/types.ts'
import { incidentKey, type NewIncident } from './follow-incidents.ts'
import { readBegun } from './incident-table.ts'

/** What is counted apart: refused payloads, and everything else. */
type Class = 'drift' | 'refused'
type Asked = { data_source_id: number; class: Class; incidents: NewIncident[] }

/**
 * Those of these incidents that may begin today (UTC): at most `max` of a source, drift and refused payloads apart. They
 * are counted, without those that another process has begun. `full`: an ops event for each source that reaches its
 * maximum now.
 */
export async function takeQuota(
  tx: Transaction,
  incidents: readonly NewIncident[],
  max: number,
): Promise<{ allowed: NewIncident[]; full: OpsEvent[] }> {
  if (incidents.length === 0) return { allowed: [], full: [] }
  const full = await readFull(tx, incidents, max)
  const wanted = incidents.filter((incident) => !full.has(keyOf(incident)))
  // Replicas that see the same take turns here, so that it counts once.
  await countAsked(
    tx,
    group(wanted).map((one) => ({ ...one, incidents: [] })),
  )
  const begun = await readBegun(tx, wanted)
  const asked = group(wanted.filter((incident) => !begun.has(incidentKey(incident))))
  const days = await countAsked(tx, asked)
  const room = ({ data_source_id, class: of, incidents: those }: Asked) => {
    const day = days.find((one) => one.data_source_id === data_source_id && one.class === of)!
    const before = day.asked - those.length
    return { day, left: Math.max(0, max - before), reachesMax: before <= max && day.asked > max }
  }
  return {
    allowed: asked.flatMap((one) => one.incidents.slice(0, room(one).left)),
    full: asked.flatMap((one) => {
      // Others may have reached it since it was read.
      const { day, left, reachesMax } = room(one)
      return reachesMax ? [fullEvent(day, one.incidents[left]!, max)] : []
    }),
  }
}

/** Always in one order, so that transactions cannot deadlock. */
function group(incidents: readonly NewIncident[]): Asked[] {
  return [...Map.groupBy(incidents, keyOf)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, those]) => ({ ...classOf(those[0]!), incidents: those }))
}

function classOf({ data_source_id, kind }: NewIncident): { data_source_id: number; class: Class } {
  return { data_source_id, class: Object.hasOwn(payloadRemedies, kind) ? 'refused' : 'drift' }
}

function keyOf(incident: NewIncident): string {
  const { data_source_id, class: of } = classOf(incident)
  return `${of}/${data_source_id}`
}

const today = sql.fragment`(now() AT TIME ZONE 'UTC')::date`

const fullRow = z.object({ key: z.string() })

/** Sources that had reached the maximum before. They are only read, so that nobody waits for them. */
async function readFull(tx: Transaction, incidents: readonly NewIncident[], max: number): Promise<ReadonlySet<string>> {
  const ids = [...new Set(incidents.map(({ data_source_id }) => data_source_id))]
  const keys = await tx.anyFirst(sql.type(fullRow)`
    SELECT class || '/' || data_source_id AS key FROM normalizer.incident_day
    WHERE day = ${today} AND asked > ${max} AND data_source_id = ANY(${sql.array(ids, 'int4')})`)
  return new Set(keys)
}

const dayRow = z.object({
  data_source_id: z.number(),
  class: z.string(),
  day: z.string(),
  asked: z.number(),
  at: z.number(),
})

/** Days that counts are kept. */
const keptDays = 30

/** Adds to the counts of today, returns them, and has other transactions that do so wait. `at`: now, ms since 1970. */
async function countAsked(tx: Transaction, asked: readonly Asked[]): Promise<readonly z.infer<typeof dayRow>[]> {
  if (asked.length === 0) return []
  const column = columnsOf(asked)
  return tx.any(sql.type(dayRow)`
    WITH forgotten AS (
      DELETE FROM normalizer.incident_day
      WHERE data_source_id = ANY(${column('int4', ({ data_source_id }) => data_source_id)})
        AND day < ${today} - ${keptDays}::int
    )
    INSERT INTO normalizer.incident_day AS d (data_source_id, class, day, asked)
    SELECT data_source_id, class, ${today}, asked
    FROM unnest(
      ${column('int4', ({ data_source_id }) => data_source_id)},
      ${column('text', (one) => one.class)},
      ${column('int4', ({ incidents }) => incidents.length)}
    ) AS n (data_source_id, class, asked)
    ON CONFLICT (data_source_id, class, day) DO UPDATE SET asked = d.asked + excluded.asked
    RETURNING data_source_id, class, day::text, asked, floor(extract(epoch FROM now()) * 1000)::int8 AS at`)
}

function fullEvent({ day, at, class: of }: z.infer<typeof dayRow>, incident: NewIncident, max: number): OpsEvent {
  const { data_source_id, facts } = incident
  const { source_name = '', event_id = '' } = facts
  const dedupe_key = `normalizer/incidents-full/${data_source_id}/${of}/${day}`
  const what = of === 'drift' ? 'differences between payloads and map' : 'kinds of refused payloads'
  const command = of === 'drift' ? 'drift' : 'refused'
  return {
    ...{ event_id: uuidv5(dedupe_key, event_id), kind: 'incidents-full', service: 'normalizer' },
    ...{ data_source_id, subject: source_name, dedupe_key, at, resolved: false },
    message: `More than ${max} ${what} of ${source_name} began on ${day} (UTC). Further ones are not reported on this day (MAX_INCIDENTS_PER_DAY). \`npx parma ${command} ls --source ${source_name}\` lists them.`,
    facts: { source_name, event_id, day, max: String(max) },
  }
}
