import { z } from 'zod'
import { column } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { describeStandstill, describeWholeStandstill } from './describe-incidents.ts'
import type { FeedKey } from './due-feeds.ts'
import { readAllFeeds, readFeeds } from './feeds.ts'
import { closeIncidents, type Incident, type IncidentKey, openIncidents, readOpen } from './incidents.ts'
import { type Feed, judgeFeeds } from './judge-feeds.ts'
import { isStandstill } from './judge-standstill.ts'

/** Opens and closes the standstills that new payloads of these feeds show. Returns how many. */
export async function reportStandstills(tx: Transaction, judged: readonly FeedKey[]): Promise<number> {
  const open = Map.groupBy(await readOpen(tx, 'standstill'), ({ data_source_id }) => data_source_id)
  // Most often none of them stands still, and none did: then the other feeds of their sources say nothing.
  const own = await readFeeds(tx, judged)
  const asked = judged.filter(
    ({ data_source_id: source }) =>
      open.has(source) || own.get(source)?.some(({ live, movement }) => live && isStandstill(movement)),
  )
  if (asked.length === 0) return 0
  const begun: Begun[] = []
  const ended: IncidentKey[] = []
  for (const [source, feeds] of await readAllFeeds(tx, asked)) {
    const companies = (open.get(source) ?? []).flatMap(({ company_id }) => company_id ?? [])
    const standstills = { source: (open.get(source)?.length ?? 0) > companies.length, companies: new Set(companies) }
    const ofSource = asked.filter(({ data_source_id }) => data_source_id === source)
    const turns = judgeFeeds(feeds, standstills, new Set(ofSource.map(({ company_id }) => company_id)))
    const begin = (company: number | null, of: readonly number[]) =>
      begun.push({ source, company, feeds: feeds.filter((feed) => of.includes(feed.company)) })
    if (turns.whole.length > 0) begin(null, turns.whole)
    for (const company of turns.opened) begin(company, [company])
    ended.push(
      ...[...(turns.closes ? [null] : []), ...turns.closed].map((company_id) => keyOf({ source, company: company_id })),
    )
  }
  return (await openIncidents(tx, await describe(tx, begun))) + (await closeIncidents(tx, ended))
}

/** `company` null: all of the source. `feeds`: those that stand still. */
type Begun = { source: number; company: number | null; feeds: Feed[] }

function keyOf({ source, company }: Pick<Begun, 'source' | 'company'>): IncidentKey {
  return { kind: 'standstill', data_source_id: source, company_id: company }
}

const exampleRow = z.object({
  source_id: z.number(),
  company_id: z.number(),
  source: z.string(),
  company: z.string(),
  measurement: z.string(),
  item: z.string().nullable(),
  number: z.number(),
})

const examples = 3

async function describe(tx: Transaction, begun: readonly Begun[]): Promise<Incident[]> {
  if (begun.length === 0) return []
  // Three feeds of a whole source, and three numbers of each feed.
  const asked = begun.flatMap(({ source, feeds }) =>
    feeds.slice(0, examples).map(({ company, at }) => ({ source, company, at })),
  )
  const rows = await tx.any(sql.type(exampleRow)`
    SELECT k.source AS source_id, k.company AS company_id, d.source_name AS source, c.name AS company, v.*
    FROM unnest(
      ${column(asked, 'int4', ({ source }) => source)},
      ${column(asked, 'int4', ({ company }) => company)},
      ${column(asked, 'float8', ({ at }) => at / 1000)}
    ) AS k (source, company, at)
    JOIN public.data_source d ON d.id = k.source
    JOIN public.company c ON c.id = k.company
    CROSS JOIN LATERAL (
      SELECT m.measurement_name AS measurement, coalesce(v.item_label, v.item_key) AS item, v.number
      FROM public.source_measurement m
      JOIN public.company_source_measurement s ON s.source_measurement_id = m.id AND s.company_id = k.company
      JOIN normalizer.value v ON v.company_measurement_id = s.company_measurement_id
        AND v.observed_at BETWEEN to_timestamp(k.at - 0.0005) AND to_timestamp(k.at + 0.0005)
      WHERE m.source_module_id = k.source AND v.type IN ('int', 'float') AND v.number IS NOT NULL
      ORDER BY m.id, v.number DESC LIMIT ${examples}
    ) v
    ORDER BY k.source, k.company, v.measurement, v.number DESC`)
  return begun.flatMap((one): Incident[] => {
    const { source: source_id, company: company_id, feeds } = one
    const ids = new Set(feeds.map(({ company }) => company))
    const found = rows.filter((row) => row.source_id === source_id && ids.has(row.company_id))
    const [first] = found
    // The source or the company is gone.
    if (!first) return []
    const { source, company } = first
    if (company_id === null) {
      const since = Math.max(...feeds.map(({ movement }) => movement.movedAt ?? 0))
      const each = found.filter((row, index) => row.company_id !== found[index - 1]?.company_id)
      const whole = describeWholeStandstill({ source, source_id }, { since, companies: feeds.length }, each)
      return [{ ...keyOf(one), subject: source, ...whole }]
    }
    const names = { source, source_id, company, company_id }
    const said = found.map((row) => ({ ...row, company: null }))
    return [{ ...keyOf(one), subject: `${company}, ${source}`, ...describeStandstill(names, feeds[0]!.movement, said) }]
  })
}
