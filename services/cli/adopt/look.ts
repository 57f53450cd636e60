import { createHash } from 'node:crypto'
import { z } from 'zod'
import { statement } from '#runtime/commands/statement.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { formatCount } from '#runtime/text/format.ts'
import { factsQuery, publicFactsHash } from '#schemas/public-facts.ts'
import { publicTables } from '#schemas/public-tables.ts'

/** One thing that was looked at. `stops`: nothing can be adopted before it is mended. */
export type Seen = { look: string; found: string; does: string; stops: boolean }

const factRow = z.object({ fact: z.string() })
const tableRow = z.object({ name: z.string() })
const countRow = z.object({ n: z.number() })
const sourceRow = z.object({ id: z.number(), name: z.string() })
export type SourceWithoutMap = z.output<typeof sourceRow>

/** Whether `public` is what this version knows. What is more there is fine where the tables that services use are whole. */
export async function lookAtSchema(database: Database): Promise<Seen> {
  const facts = (await database.any(statement(factsQuery, {}, factRow))).map(({ fact }) => fact).sort()
  const there = await database.any(
    statement(`SELECT tablename::text AS name FROM pg_tables WHERE schemaname = 'public'`, {}, tableRow),
  )
  const missing = publicTables.filter(({ name }) => !there.some((table) => table.name === name)).map(({ name }) => name)
  const isKnown = createHash('sha256').update(facts.join('\n')).digest('hex') === publicFactsHash
  if (missing.length > 0)
    return {
      look: 'schema public',
      found: `not there: ${missing.join(', ')}`,
      does: 'apply the migrations of parma-web first',
      stops: true,
    }
  const found = isKnown
    ? `the one of parma-web, ${facts.length} facts`
    : `another one than this version knows, ${facts.length} facts`
  return { look: 'schema public', found, does: 'nothing in it is changed but rows', stops: false }
}

const counts: readonly { look: string; query: string; noun: string; does: string }[] = [
  { look: 'companies', query: 'public.company', noun: 'row', does: 'they are served as they are' },
  {
    ...{
      look: 'values',
      noun: 'value',
      does: 'parma-web goes on showing them; rules and news items begin with the first payload',
    },
    query: `(${['int', 'float', 'text', 'comment', 'date', 'image', 'link', 'nested', 'paragraph'].map((type) => `SELECT FROM public.measurement_${type}_value`).join(' UNION ALL ')}) v`,
  },
  {
    ...{ look: 'series that are there twice', noun: 'series', does: 'new values go to the oldest one' },
    query: `(SELECT FROM public.company_source_measurement GROUP BY source_measurement_id, company_id HAVING count(*) > 1) s`,
  },
  {
    ...{
      look: 'tasks that were left running',
      noun: 'task',
      does: 'the scheduler ends or starts them again by their attempts and max_run_seconds',
    },
    query: `public.scheduled_task WHERE status = 'PROCESSING'`,
  },
  { look: 'rules', query: 'public.notification_rules', noun: 'rule', does: 'the analyzer judges by them' },
  {
    ...{
      look: 'channels with a secret of their own',
      noun: 'channel',
      does: 'npx parma secrets set, once for each name',
    },
    query: `public.notification_channel c WHERE secret_id <> '' AND NOT EXISTS (SELECT FROM notifier.secret s WHERE s.name = c.secret_id)`,
  },
]

export async function countRows(database: Database): Promise<Seen[]> {
  const seen: Seen[] = []
  for (const { look, query, noun, does } of counts) {
    const n = await database.oneFirst(statement(`SELECT count(*) AS n FROM ${query}`, {}, countRow))
    seen.push({ look, found: formatCount(n, noun), does: n > 0 ? does : '', stops: false })
  }
  return seen
}

/** Active sources without a map: their payloads would be refused. */
export function findSourcesWithoutMap(database: Database): Promise<readonly SourceWithoutMap[]> {
  return database.any(
    statement(
      `SELECT id, source_name AS name FROM public.data_source d
      WHERE is_active AND source_name <> 'affinity' AND NOT EXISTS (
        SELECT FROM edge.normalization_map m WHERE m.data_source_id = d.id AND m.published_at IS NOT NULL)
      ORDER BY id`,
      {},
      sourceRow,
    ),
  )
}
