import pg from 'pg'
import { copyBack, leaveRoom } from '../harness/age/copy-back.ts'
import { payloadsOf } from '../harness/age/payloads.ts'
import { tell } from '../harness/age/tell.ts'
import { runParma } from '../../deploy/local/parma.ts'
import { addCompanies, type Feed, openFeed } from './backlog.ts'
import type { Bench } from './measure.ts'
import { runUntil } from './run-service.ts'

/** A twentieth of 300 companies. Each has as many sources, series and weeks as it would have among 300. */
const fund = { companies: 15, sources: 9 }
/** Payloads that differ, of each company and source. */
const rounds = 50

/** An installation of this age on the servers of the stack: a database and topics of its own. */
export type Aged = {
  weeks: number
  env: NodeJS.ProcessEnv
  pool: pg.Pool
  /** One a source. */
  feeds: Feed[]
  companies: number[]
  readers: number[]
}

/** Makes one: the system stores and judges the newest payloads itself, and the weeks before are copies of what it stored. */
export async function openAged(bench: Bench, scope: AsyncDisposableStack, weeks: number): Promise<Aged> {
  const env = await createInstallation(bench, `age_${weeks}`)
  const pool = new pg.Pool({ connectionString: env['DATABASE_URL'] })
  scope.defer(() => pool.end())
  await leaveRoom(pool)
  const companies = await addCompanies(pool, fund.companies)
  const feeds: Feed[] = []
  for (let n = 1; n <= fund.sources; n++)
    feeds.push(scope.use(await openFeed(env, pool, payloadsOf(`age-${n}`, fund.companies, rounds), companies)))
  const newest = fund.companies * fund.sources
  for (const feed of feeds) await feed.send(fund.companies)
  await runUntil(env, 'normalizer', () => has(pool, 'normalizer', newest))
  await runUntil(env, 'analyzer', () => has(pool, 'analyzer', newest))
  bench.say(`age: what ${weeks} weeks leave`)
  await copyBack(pool, weeks)
  const readers = await tell(pool, weeks)
  await runParma(env, 'rejudge')
  await pool.query('VACUUM ANALYZE')
  return { weeks, env, pool, feeds, companies, readers }
}

async function has(pool: pg.Pool, service: 'normalizer' | 'analyzer', events: number): Promise<boolean> {
  const { rows } = await pool.query<{ count: number }>(`SELECT count(*)::int FROM ${service}.processed_event`)
  return rows[0]!.count >= events
}

/** A copy of the stack's empty database. */
async function createInstallation({ serviceEnv }: Bench, name: string): Promise<NodeJS.ProcessEnv> {
  const env = serviceEnv()
  const url = new URL(env['DATABASE_URL'] ?? '')
  const template = url.pathname.slice(1)
  url.pathname = '/postgres'
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  await client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`).finally(() => client.end())
  url.pathname = `/${name}`
  return { ...env, DATABASE_URL: url.href, TOPIC_PREFIX: `${name}.`, FIRESTORE_PROJECT: name.replaceAll('_', '-') }
}
