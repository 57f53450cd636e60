import type { Command } from 'commander'
import { z } from 'zod'
import { printRows } from '#runtime/commands.ts'
import { kafkaSettings, postgresSettings, readEnv } from '#runtime/config.ts'
import { readGroupLag } from '#runtime/group-lag.ts'
import { createLog } from '#runtime/log.ts'
import { openPool, sql } from '#runtime/postgres.ts'

const services = ['EDGE', 'RAW_SINK', 'NORMALIZER', 'ANALYZER', 'NOTIFIER', 'SCHEDULER'] as const
const healthUrls = Object.fromEntries(
  services.map((name) => [`${name}_HEALTH_URL`, z.url().optional().describe(`Health port of the ${name} service.`)]),
)
const settings = { ...healthUrls, ...kafkaSettings, ...postgresSettings }

type Config = ReturnType<typeof readConfig>
const readConfig = () => readEnv(settings)

export function build(group: Command): void {
  group.option('--json', 'print JSON').action(async ({ json = false }: { json?: boolean }) => {
    const config = readConfig()
    const [health, lag, sources] = await Promise.all([readHealth(config), readLag(config), readSources(config)])
    const rows = health.map((one) => ({ ...one, lag: lag.get(one.service) ?? null }))
    if (json) return console.log(JSON.stringify({ services: rows, sources }, null, 2))
    printRows(rows, false)
    console.log()
    printRows(sources, false)
    if (rows.some(({ state }) => state !== 'ready' && state !== 'unknown')) process.exitCode = 1
  })
}

async function readHealth(config: Config): Promise<{ service: string; state: string; detail: string }[]> {
  return Promise.all(
    services.map(async (name) => {
      const service = name.toLowerCase().replace('_', '-')
      const url = config[`${name}_HEALTH_URL` as keyof Config] as string | undefined
      if (!url) return { service, state: 'unknown', detail: `${name}_HEALTH_URL is not set` }
      try {
        const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(3000) })
        const checks = Object.entries((await answer.json()) as Record<string, string>)
        const open = checks.filter(([check, verdict]) => check !== 'service' && verdict !== 'ok')
        return {
          service,
          state: answer.ok ? 'ready' : 'not ready',
          detail: open.map((pair) => pair.join(': ')).join(', '),
        }
      } catch (error) {
        return { service, state: 'down', detail: (error as Error).message }
      }
    }),
  )
}

/** Records each service is behind, over all its topics. Empty when the broker does not answer. */
async function readLag(config: Config): Promise<Map<string, number>> {
  const lag = new Map<string, number>()
  try {
    for (const one of await readGroupLag(config, createLog('parma', 'silent')))
      lag.set(one.service, (lag.get(one.service) ?? 0) + one.lag)
  } catch (error) {
    console.error(`no lag: ${(error as Error).message}`)
  }
  return lag
}

const sourceRow = z.object({
  source: z.string(),
  active: z.boolean(),
  values: z.number(),
  last_value: z.number().nullable(),
})

/** Every source with its values of the last 30 days; its last payload is when its last value was observed. */
async function readSources(config: Config) {
  const pool = await openPool(config)
  try {
    const rows = await pool.any(sql.type(sourceRow)`
      SELECT s.source_name AS source, s.is_active AS active, count(v.*)::int AS values, max(v.observed_at) AS last_value
      FROM data_source s
      LEFT JOIN normalizer.value v ON v.data_source_id = s.id AND v.observed_at > now() - interval '30 days'
      GROUP BY s.id ORDER BY s.source_name`)
    return rows.map(({ last_value, ...row }) => ({
      ...row,
      last_payload: last_value && new Date(last_value).toISOString(),
    }))
  } finally {
    await pool.end()
  }
}
