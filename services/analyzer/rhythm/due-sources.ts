import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { describeDue } from './describe-incidents.ts'
import { forgetGone } from './due-feeds.ts'
import { readAllFeeds } from './feeds.ts'
import { closeIncidents, closeOrphans, type Incident, type IncidentKey, openIncidents } from './incidents.ts'
import { expectPayload } from './learn-rhythm.ts'

const sourceRow = z.object({ id: z.number(), name: z.string(), is_active: z.boolean(), now: z.number() })

/**
 * Opens an incident for each source that is switched on, for a company at least, and has brought nothing at its usual
 * time, shortly before it is overdue. Closes those of sources that have. Returns how many.
 */
export async function reportDueSources(tx: Transaction): Promise<number> {
  await forgetGone(tx)
  const feeds = await readAllFeeds(tx, null)
  const sources = await tx.any(sql.type(sourceRow)`
    SELECT id, source_name AS name, (extract(epoch FROM now()) * 1000)::float8 AS now,
      is_active AND coalesce((
        SELECT bool_or(c.is_data_source_active) FROM public.company_data_source c WHERE c.data_source_id = d.id
      ), true) AS is_active
    FROM public.data_source d`)
  const due: Incident[] = []
  const well: IncidentKey[] = []
  for (const { id, name, is_active, now } of sources) {
    const key: IncidentKey = { kind: 'due', data_source_id: id, company_id: null }
    const expected = is_active ? expectPayload(feeds.get(id) ?? []) : null
    if (!expected || now < expected.warnAt) well.push(key)
    else due.push({ ...key, subject: name, ...describeDue({ source: name }, expected) })
  }
  return (await openIncidents(tx, due)) + (await closeIncidents(tx, well)) + (await closeOrphans(tx))
}
