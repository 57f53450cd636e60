import type { Command } from 'commander'
import { z } from 'zod'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { openCommandPool } from '#runtime/commands/command-database.ts'
import { printResult } from '#runtime/commands/commands.ts'
import { requireTime } from '#runtime/commands/read-typed.ts'
import { readRows } from '#runtime/open-kafka.ts'
import { advanceCounter } from '#runtime/postgres/public-tables.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { readEnv } from '#runtime/process/config.ts'
import { type KafkaSettings, kafkaSettings, postgresSettings } from '#runtime/process/settings.ts'
import { hourMs } from '#runtime/text/time.ts'
import type { Observation } from '#schemas/generated/types.ts'
import { topics } from '#schemas/topics.ts'

export function build(group: Command): void {
  group
    .command('recover')
    .description(
      'after a restore of Postgres: give series that were made since their ids again, by which news items know them',
    )
    .requiredOption('--since <time>', 'the time that was restored (ISO 8601, UTC); an hour before it is read, too')
    .option('--dry-run', 'count what is missing in Postgres, change nothing')
    .option('--json', 'print JSON')
    .action(recover)
}

type Options = { since: string; dryRun?: boolean; json?: boolean }
type Series = { id: number; companyId: number; measurementId: number }

async function recover({ since, dryRun = false, json = false }: Options): Promise<void> {
  const config = readEnv({ ...postgresSettings, ...kafkaSettings })
  const seen = await readSeries(config, Date.parse(requireTime(since, '--since')))
  await using scope = new AsyncDisposableStack()
  const database = await openCommandPool(config)
  scope.defer(() => database.end())
  const recovered = await database.transaction(async (tx) => {
    const ids = dryRun ? await findLost(tx, seen) : await insertLost(tx, seen)
    const after = dryRun || ids.length === 0 ? null : { series: ids.length }
    await auditCommand(tx, 'normalizer', { kind: 'normalizer.series.recover', subject: 'series', after })
    return ids.length
  })
  const text = `${recovered} series ${dryRun ? 'would be' : 'are'} taken back, of ${seen.length} that were observed.`
  printResult({ recovered, seen: seen.length }, text, json)
}

/** The series of what was observed since then (ms since 1970). */
async function readSeries(config: KafkaSettings, since: number): Promise<Series[]> {
  const seen = new Map<number, Series>()
  const note = (observation: Observation | null) => {
    for (const { company_measurement_id: id, source_measurement_id: measurementId } of observation?.values ?? [])
      seen.set(id, { id, companyId: Number(observation?.company_id), measurementId })
  }
  await readRows(config, topics.observations, note, since - hourMs)
  return [...seen.values()]
}

const idRow = z.object({ id: z.number() })

/** Those whose id and whose place are both free, and whose company and measurement are there. */
function lost(seen: readonly Series[]) {
  const rows = seen.map(({ id, companyId, measurementId }) => [id, companyId, measurementId])
  return sql.fragment`
    SELECT DISTINCT ON (company_id, measurement_id) n.id, company_id, measurement_id
    FROM ${sql.unnest(rows, ['int4', 'int4', 'int4'])} AS n (id, company_id, measurement_id)
    JOIN public.company c ON c.id = n.company_id JOIN public.source_measurement m ON m.id = n.measurement_id
    WHERE NOT EXISTS (
      SELECT FROM public.company_source_measurement s
      WHERE s.company_measurement_id = n.id
        OR (s.company_id = n.company_id AND s.source_measurement_id = n.measurement_id))
    ORDER BY company_id, measurement_id, n.id`
}

function findLost(tx: Transaction, seen: readonly Series[]) {
  return tx.any(sql.type(idRow)`SELECT id FROM (${lost(seen)}) l`)
}

/** The counter goes on after them. */
async function insertLost(tx: Transaction, seen: readonly Series[]) {
  const made = await tx.any(sql.type(idRow)`
    INSERT INTO public.company_source_measurement (company_measurement_id, company_id, source_measurement_id)
    SELECT id, company_id, measurement_id FROM (${lost(seen)}) l RETURNING company_measurement_id AS id`)
  if (made.length > 0) await advanceCounter(tx, 'company_source_measurement', 'company_measurement_id')
  return made
}
