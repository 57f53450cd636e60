import { Argument, type Command, Option } from 'commander'
import { z } from 'zod'
import { auditWork } from '#runtime/changes/audit-command.ts'
import { findSource, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows } from '#runtime/commands/commands.ts'
import { requireCount } from '#runtime/commands/read-typed.ts'
import { sql } from '#runtime/postgres/database.ts'
import { formatPercent } from '#runtime/text/format.ts'
import { driftKinds, mapKinds, policies } from '../incidents/incidents.ts'

type Output = { json?: boolean }

export function build(group: Command): void {
  group
    .command('ls')
    .description('list paths where payloads and maps differ, each as it began')
    .option('--source <source>', 'id or name of a data source')
    .option('--ended', 'list drift that has ended, too')
    .option('--json', 'print JSON')
    .action(list)
  group
    .command('nulls')
    .description('show the share of nulls at each mapped path')
    .option('--source <source>', 'id or name of a data source')
    .option('--days <n>', 'how many days back', '30')
    .option('--json', 'print JSON')
    .action(listNulls)
  group
    .command('policies')
    .description('list policies for new drift')
    .option('--json', 'print JSON')
    .action(listPolicies)
  group
    .command('policy')
    .description('set what happens to new drift, and to maps that lose measurements; without a policy it is reported')
    .argument('<source>', 'id or name')
    .addArgument(new Argument('<policy>', 'what happens; "none" removes the policy').choices([...policies, 'none']))
    .addOption(new Option('--kind <kind>', 'only this kind').choices([...driftKinds, ...mapKinds]))
    .option('--path <path>', 'only this path, as shown by `parma drift ls`')
    .option('--json', 'print JSON')
    .action(setPolicy)
}

const driftRow = z.object({
  source: z.string(),
  kind: z.string(),
  path: z.string(),
  policy: z.string(),
  first_seen: z.string(),
  ended: z.string(),
  message: z.string(),
})

async function list({
  source,
  ended = false,
  json = false,
}: Output & { source?: string; ended?: boolean }): Promise<void> {
  const rows = await withDatabase(async (database) => {
    const id = source === undefined ? null : await findSource(database, source)
    return database.any(sql.type(driftRow)`
      SELECT p.source_name AS source, d.kind, d.subject AS path, d.policy, d.seen_at::date::text AS first_seen,
        coalesce(d.ended_at::date::text, '') AS ended, d.message
      FROM normalizer.drift d JOIN normalizer.processed_event p USING (event_no)
      WHERE d.kind = ANY(${sql.array([...driftKinds], 'text')}) AND (d.data_source_id = ${id} OR ${id}::int IS NULL)
        AND (d.ended_at IS NULL OR ${ended})
      ORDER BY p.source_name, d.subject, d.kind`)
  })
  printRows(rows, json)
}

const nullRow = z.object({ source: z.string(), path: z.string(), leaves: z.number(), nulls: z.number() })

async function listNulls({ source, days, json = false }: Output & { source?: string; days: string }): Promise<void> {
  const count = requireCount(days, '--days', { most: 1_000_000 })
  const rows = await withDatabase(async (database) => {
    const id = source === undefined ? null : await findSource(database, source)
    return database.any(sql.type(nullRow)`
      SELECT s.source_name AS source, d.path, sum(d.leaves)::int8 AS leaves, sum(d.nulls)::int8 AS nulls
      FROM normalizer.path_day d JOIN public.data_source s ON s.id = d.data_source_id
      WHERE d.day > current_date - ${count}::int AND (d.data_source_id = ${id} OR ${id}::int IS NULL)
      GROUP BY s.source_name, d.path ORDER BY s.source_name, sum(d.nulls)::float8 / sum(d.leaves) DESC, d.path`)
  })
  const shares = rows.map((row) => ({ ...row, percent: Math.round((100 * row.nulls) / row.leaves) }))
  if (json) return printRows(shares, true)
  printRows(
    shares.map((row) => ({ ...row, percent: formatPercent(row.percent) })),
    false,
  )
}

const policyRow = z.object({ source: z.string(), kind: z.string(), path: z.string(), policy: z.string() })

async function listPolicies({ json = false }: Output): Promise<void> {
  const rows = await withDatabase((database) =>
    database.any(sql.type(policyRow)`
      SELECT s.source_name AS source, p.kind, p.path, p.policy
      FROM normalizer.drift_policy p JOIN public.data_source s ON s.id = p.data_source_id
      ORDER BY s.source_name, p.kind, p.path`),
  )
  printRows(rows, json)
}

const storedPolicy = policyRow.omit({ source: true })

async function setPolicy(
  source: string,
  policy: string,
  { kind = '', path = '', json = false }: Output & { kind?: string; path?: string },
): Promise<void> {
  await withDatabase(async (database) => {
    const id = await findSource(database, source)
    const isIt = sql.fragment`data_source_id = ${id} AND kind = ${kind} AND path = ${path}`
    const change =
      policy === 'none'
        ? sql.unsafe`DELETE FROM normalizer.drift_policy WHERE ${isIt}`
        : sql.unsafe`
            INSERT INTO normalizer.drift_policy (data_source_id, kind, path, policy) VALUES (${id}, ${kind}, ${path}, ${policy})
            ON CONFLICT (data_source_id, kind, path) DO UPDATE SET policy = excluded.policy`
    await database.transaction((tx) => {
      const read = () =>
        tx.maybeOne(sql.type(storedPolicy)`SELECT kind, path, policy FROM normalizer.drift_policy WHERE ${isIt}`)
      const did = { kind: 'normalizer.drift_policy.set', subject: `source:${id}` }
      return auditWork(tx, 'normalizer', did, { read, work: () => tx.query(change) })
    })
  })
  const what = `${kind || 'all drift'}${path && ` at ${path}`} of ${source}`
  printResult({ source, kind, path, policy }, `${what}: ${policy === 'none' ? 'no policy' : policy}`, json)
}
