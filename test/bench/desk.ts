import pg from 'pg'
import type { Measure } from './measure.ts'
import { signIn } from './sign-in.ts'
import { formatNumber } from './statistics.ts'
import { timeCalls, toResult } from './time-calls.ts'

const sources = 1000
const runs = 100_000
const belowMs = 200

/** The pages that an operator opens first, of many sources with many runs. */
export const desk: Measure = async ({ env, serviceEnv, say }) => {
  const settings = serviceEnv()
  const pool = new pg.Pool({ connectionString: settings['DATABASE_URL'] })
  await using scope = new AsyncDisposableStack()
  scope.defer(() => pool.end())
  say(`desk: ${formatNumber(sources)} sources and ${formatNumber(runs)} runs`)
  const { rows } = await pool.query<{ id: number }>(
    `INSERT INTO public.data_source (source_name, is_active, frequency, health_status, invocation_endpoint, modified_at)
     SELECT 'desk-' || n, true, 'DAILY', CASE WHEN n % 50 = 0 THEN 'DOWN' ELSE 'UP' END::public.health_status,
       'https://desk.example', now() FROM generate_series(1, $1) n RETURNING id`,
    [sources],
  )
  const ids = rows.map(({ id }) => id)
  await pool.query(
    `INSERT INTO edge.normalization_map (data_source_id, version, content_hash, content, received_at, published_at)
     SELECT id, 1, 'desk', '{"Source":"desk","Mappings":[]}', now(), now() FROM unnest($1::int[]) id`,
    [ids],
  )
  await pool.query(
    `INSERT INTO scheduler.run (task_id, data_source_id, schedule_type, slot, claim_token, attempt, started_at, finished_at,
       fed, outcome, judged)
     SELECT 1000000 + n, ($1::int[])[1 + n % $2], 'REGULAR', at, 1, 1, at, at + interval '1 minute', 300,
       CASE WHEN n % 40 = 0 THEN 'failed' ELSE 'ok' END, true
     FROM (SELECT n, now() - (n / $2) * interval '1 day' AS at FROM generate_series(0, $3 - 1) n) r`,
    [ids, sources, runs],
  )
  await pool.query('VACUUM ANALYZE')
  const origin = env().EDGE_URL ?? ''
  const headers = { cookie: (await signIn(settings, origin)).cookie }
  const detail = `${formatNumber(sources)} sources, ${formatNumber(runs)} runs`
  const time = async (what: string, pathOf: (call: number) => string) =>
    toResult(what, belowMs, await timeCalls(origin, headers, pathOf), detail)
  return [
    await time('page Now', () => '/console/now'),
    await time('page Sources', () => '/console/sources'),
    await time('page of a source', (call) => `/console/sources/${ids[call]}`),
  ]
}
