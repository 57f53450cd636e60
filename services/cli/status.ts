import type { Command } from 'commander'
import { z } from 'zod'
import { isoTime } from '#runtime/commands/command-database.ts'
import { printResult, printRows, UsageError } from '#runtime/commands/commands.ts'
import { readEnv } from '#runtime/process/config.ts'
import { kafkaSettings, postgresSettings } from '#runtime/process/settings.ts'
import { openServiceStates, type ServiceState } from '#runtime/offsets/service-states.ts'
import { createLog } from '#runtime/process/log.ts'
import { type Database, openPool, sql } from '#runtime/postgres/database.ts'
import { formatShortTime } from '#runtime/text/format.ts'
import { readNewestAlert, readPipeline } from './pipeline.ts'
import { readHealth, type ServiceHealth } from './read-health.ts'

const settings = { ...kafkaSettings, ...postgresSettings }
type Options = { source?: string; json?: boolean }

export function build(group: Command): void {
  group.option('--source <name>', 'only this data source and its payloads').option('--json', 'print JSON').action(show)
}

async function show({ source, json = false }: Options): Promise<void> {
  const status = await readStatus(source ?? null)
  if (json) return printResult(status, '', true)
  const { services, sources, pipeline } = status
  printRows(services, false)
  console.log()
  printRows(
    sources.map(({ last_run, ...source }) => ({
      ...source,
      last_run: last_run && `${last_run.status} ${formatShortTime(Date.parse(`${last_run.started_at}Z`))}`,
    })),
    false,
    ['last_payload'],
  )
  console.log()
  const { since, fed, fed_in_runs, values, messages, ...counts } = pipeline
  const described = { values: describeCounts(values), messages: describeCounts(messages) }
  printRows([{ since, fed: `${fed} (${fed_in_runs} in runs)`, ...counts, ...described }], false, ['since'])
  const broken = services.filter(({ state }) => state === 'not ready' || state === 'down')
  if (broken.length > 0) throw new UsageError(`Not ready: ${broken.map(({ service }) => service).join(', ')}.`)
}

function describeCounts(counts: Record<string, number>): string {
  return Object.entries(counts)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ')
}

async function readStatus(source: string | null) {
  const config = readEnv(settings)
  const database = await openPool(config)
  await using states = openServiceStates(config, 'parma-status', createLog('parma', 'silent'))
  try {
    const [health, lag, sources, pipeline, latest, letters] = await Promise.all([
      readHealth(),
      states.read(),
      readSources(database, source),
      readPipeline(database, source),
      readNewestAlert(database, source),
      database.any(sql.type(lettersRow)`SELECT service, letters FROM edge.open_letters_view`),
    ])
    if (source !== null && sources.length === 0)
      throw new UsageError(`There is no source ${JSON.stringify(source)}. \`parma sources ls\` shows which there are.`)
    const open = new Map(letters.map((one) => [one.service, one.letters]))
    const services = health.map((one) => ({ ...addLag(one, lag), dead_letters: open.get(one.service) ?? 0 }))
    const dead_letters = services.reduce((sum, one) => sum + one.dead_letters, 0)
    return { services, sources, pipeline: { ...pipeline, dead_letters }, latest }
  } finally {
    await database.end()
  }
}

/** `lag` is null for a service that consumes nothing; `waits`: for how many seconds its oldest record does, at least. */
function addLag(health: ServiceHealth, states: readonly ServiceState[]) {
  const own = states.find(({ service }) => service === health.service)
  return {
    ...health,
    lag: own?.lag ?? null,
    waits: own?.waitingMs === null || own === undefined ? null : own.waitingMs / 1000,
  }
}

const lettersRow = z.object({ service: z.string(), letters: z.number() })

const sourceRow = z.object({
  source: z.string(),
  active: z.boolean(),
  health: z.string(),
  last_run: z.object({ status: z.string(), started_at: z.string(), ended_at: z.string().nullable() }).nullable(),
  last_payload: z.string().nullable(),
})

function readSources(database: Database, name: string | null) {
  return database.any(sql.type(sourceRow)`
    SELECT s.source_name AS source, s.is_active AS active, s.health_status::text AS health,
      (SELECT to_jsonb(t) FROM (
        SELECT status, started_at, ended_at FROM public.scheduled_task t
        WHERE t.data_source_id = s.id AND t.started_at IS NOT NULL ORDER BY t.started_at DESC LIMIT 1) t) AS last_run,
      (SELECT ${isoTime(sql.fragment`max(e.received_at)`)} FROM normalizer.lineage e
        WHERE e.data_source_id = s.id) AS last_payload
    FROM public.data_source s WHERE s.source_name = ${name} OR ${name}::text IS NULL ORDER BY s.source_name`)
}
