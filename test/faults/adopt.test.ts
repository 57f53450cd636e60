import { expect, test } from 'vitest'
import pg from 'pg'
import { services as serviceNames, type ServiceName } from '../../deploy/local/config.ts'
import { runParma } from '../../deploy/local/parma.ts'
import { createPublicSchema } from '../../deploy/local/setup.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { createEmptyDatabase, type TestDatabase } from '../harness/database.ts'
import { generateHistory } from '../harness/github.ts'
import { createInstallation } from '../harness/installation.ts'
import { mailsTo, unique } from '../harness/mailbox.ts'
import { startModule } from '../harness/module.ts'
import { addPredecessor } from '../harness/predecessor.ts'
import { publicFactsHash, hashFacts, readPublicFacts } from '../harness/public-facts.ts'
import { superviseService } from '../harness/supervised.ts'
import { waitFor } from '../harness/wait-for.ts'

const companies = 400
/** The first run has the payloads of a week, the second those of this week later: a repository of each company has jumped. */
const jump = 3
const runs = 2
const others = serviceNames.filter((name) => name !== 'edge')
const settings = {
  ...{ TICK_SECONDS: '600', FIRST_RUN_QUIET_SECONDS: '0', BUNDLE_WINDOW_MS: '0', COOL_DOWN_MS: '0' },
  ...{ ALERT_IMPORTANCE: '0', ALERTS_PER_DAY: '0', RETRY_BACKOFF_SECONDS: '86400' },
}
type Seen = { look: string; found: string; does: string; ok: string }

/** Keeps a copy of each of parma-web's tables. Resolves to a function that counts, by table, rows that are not as they were. */
async function keepRows(database: TestDatabase): Promise<() => Promise<Record<string, number>>> {
  const tables = await database.query<{ name: string }>(
    `SELECT tablename::text AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`,
  )
  await database.query('CREATE SCHEMA kept')
  for (const { name } of tables) await database.query(`CREATE TABLE kept."${name}" AS TABLE public."${name}"`)
  return async () => {
    const changed: Record<string, number> = {}
    for (const { name } of tables) {
      const query = `SELECT count(*)::int AS count FROM (
        SELECT to_jsonb(t) FROM kept."${name}" t EXCEPT ALL SELECT to_jsonb(t) FROM public."${name}" t) c`
      const [row] = await database.query<{ count: number }>(query)
      if (row!.count > 0) changed[name] = row!.count
    }
    return changed
  }
}

test('over a database of 400 companies of the predecessor all services run, and its schema and rows stay as they were', async () => {
  const installation = await createInstallation()
  const database = await createEmptyDatabase()
  const env = { ...installation.env, DATABASE_URL: database.url }
  const parma = (...args: string[]) => runParma(env, ...args)
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await createPublicSchema(client).finally(() => client.end())

  const { map, payloads } = generateHistory(companies, jump + 1)
  let edgeUrl = ''
  let run = 0
  const module = await startModule(
    () => edgeUrl,
    map,
    async (called, feed) => {
      const names = Object.values(called).map(({ handles }) => handles?.[0])
      expect(names).toHaveLength(companies)
      const ids = Object.keys(called)
      const ofRun = payloads.slice(run * jump * companies).slice(0, companies)
      run += 1
      for (let at = 0; at < companies; at += 10)
        await Promise.all(
          ofRun.slice(at, at + 10).map(({ company, rawData }) => feed(ids[names.indexOf(`org-${company}`)]!, rawData)),
        )
    },
  )
  onCleanup(async () => module[Symbol.asyncDispose]())
  const address = `${unique('ann')}@example.com`
  const source = map.Source
  const adopted = await addPredecessor(database, { companies, source, endpoint: module.endpoint, map, address })
  const maps = installation.firestore.client.collection(`parma/mining/datasource/${source}/normalization_schema`)
  await maps.doc('first').set({ schema: map })
  await maps.doc('second').set({ schema: adopted })
  const changedRows = await keepRows(database)

  await parma('migrate')
  await parma('roles', 'apply')
  const dry = JSON.parse(await parma('adopt', '--dry-run', '--json')) as Seen[]
  expect(dry.map(({ look, found, ok }) => `${ok} ${look}: ${found}`)).toEqual([
    expect.stringMatching(/^yes schema public: the one of parma-web, \d+ facts$/),
    `yes companies: ${companies} rows`,
    expect.stringMatching(/^yes values: [\d,]+ values$/),
    'yes series that are there twice: 0 series',
    'yes tasks that were left running: 1 task',
    'yes rules: 1 rule',
    'yes channels with a secret of their own: 0 channels',
    `yes source ${source}: its map in Firestore`,
  ])
  const done = JSON.parse(await parma('adopt', '--json')) as Seen[]
  expect(done.at(-1)).toMatchObject({ look: `source ${source}`, does: 'it is in force' })
  expect(await changedRows()).toEqual({})

  const begin = (name: ServiceName) => superviseService(name, { ...env, ...settings })
  const edge = await begin('edge')
  edgeUrl = edge.url
  const services = [edge, ...(await Promise.all(others.map(begin)))]
  const count = async (query: string) =>
    (await database.query<{ count: number }>(`SELECT count(*)::int FROM ${query}`))[0]!.count
  const crawled = (payloads: number) =>
    waitFor(`${payloads} judged payloads`, async () => (await count('analyzer.processed_event')) === payloads, 240_000)
  // The week that is due is run at once; then parma-web asks for a run.
  await crawled(companies)
  await waitFor('the end of the run', () => count('scheduler.run WHERE finished_at IS NOT NULL'))
  await database.query(
    `INSERT INTO scheduled_task (data_source_id, schedule_type, scheduled_at) VALUES (1, 'ON_DEMAND', now())`,
  )
  expect((await fetch(`${edgeUrl}/schedule`)).status).toBe(200)
  await crawled(runs * companies)
  await waitFor('a mail', async () => (await mailsTo(address)).length)

  expect(hashFacts(await readPublicFacts(database))).toBe(publicFactsHash)
  // The task that was left running waits for its next attempt.
  expect(await changedRows()).toEqual({ scheduled_task: 1 })
  expect(await count('normalizer.drift')).toBe(0)
  expect(await count('normalizer.refused')).toBe(0)
  expect(
    await count('(SELECT FROM company_source_measurement EXCEPT ALL SELECT FROM kept.company_source_measurement) s'),
  ).toBe(0)
  expect(await count('normalizer.processed_event WHERE reason IS NULL')).toBe(runs * companies)
  expect(await count('news')).toBeGreaterThan(await count('kept.news'))
  expect(await count(`scheduled_task WHERE task_id = 20 AND status = 'PENDING'`)).toBe(1)
  expect(services.map((service) => service.crashes())).toEqual(services.map(() => 0))
})
