import type { Command } from 'commander'
import { z } from 'zod'
import { printRows } from '#runtime/commands/commands.ts'
import { kafkaSettings, postgresSettings, readEnv } from '#runtime/process/config.ts'
import { type GroupLag, readGroupLag } from '#runtime/kafka/group-lag.ts'
import { createLog } from '#runtime/process/log.ts'
import { openPool, sql } from '#runtime/postgres/database.ts'
import { readNewestAlert, readPipeline } from './pipeline.ts'
import { readHealth } from './read-health.ts'

const settings = { ...kafkaSettings, ...postgresSettings }
type Options = { source?: string; json?: boolean }

export function build(group: Command): void {
  group.option('--source <name>', 'only what this data source has fed').option('--json', 'print JSON').action(show)
}

async function show({ source, json = false }: Options): Promise<void> {
  const config = readEnv(settings)
  const database = await openPool(config)
  try {
    const name = source ?? null
    const [health, lag, sources, pipeline, latest] = await Promise.all([
      readHealth(),
      readGroupLag(config, createLog('parma', 'silent')),
      readSources(name),
      readPipeline(database, name),
      readNewestAlert(database, name),
    ])
    const sum = (service: string, pick: (one: GroupLag) => number) =>
      lag.filter((one) => one.service === service).reduce((n, one) => n + pick(one), 0)
    const services = health.map((one) => ({
      ...one,
      lag: lag.some(({ service }) => service === one.service) ? sum(one.service, (of) => of.lag) : null,
      dead_letters: sum(one.service, (of) => of.dead_letters),
    }))
    const dead_letters = services.reduce((n, one) => n + one.dead_letters, 0)
    if (json)
      return console.log(
        JSON.stringify({ services, sources, pipeline: { ...pipeline, dead_letters }, latest }, null, 2),
      )
    printRows(services, false)
    console.log()
    printRows(
      sources.map(({ last_run, ...one }) => ({
        ...one,
        last_run: last_run && `${last_run.status} ${last_run.started_at}`,
      })),
      false,
    )
    console.log()
    const counts = (of: Record<string, number>) =>
      Object.entries(of)
        .map(([kind, n]) => `${n} ${kind}`)
        .join(', ')
    printRows(
      [{ ...pipeline, values: counts(pipeline.values), messages: counts(pipeline.messages), dead_letters }],
      false,
    )
  } finally {
    await database.end()
  }

  function readSources(name: string | null) {
    return database.any(sql.type(sourceRow)`
      SELECT s.source_name AS source, s.is_active AS active, s.health_status::text AS health,
        (SELECT to_jsonb(t) FROM (
          SELECT status, started_at, ended_at FROM public.scheduled_task t
          WHERE t.data_source_id = s.id AND t.started_at IS NOT NULL ORDER BY t.started_at DESC LIMIT 1) t) AS last_run,
        (SELECT to_char(max(e.received_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM normalizer.lineage e
          WHERE e.data_source_id = s.id) AS last_payload
      FROM public.data_source s WHERE s.source_name = ${name} OR ${name}::text IS NULL ORDER BY s.source_name`)
  }
}

const sourceRow = z.object({
  source: z.string(),
  active: z.boolean(),
  health: z.string(),
  last_run: z.object({ status: z.string(), started_at: z.string(), ended_at: z.string().nullable() }).nullable(),
  last_payload: z.string().nullable(),
})
