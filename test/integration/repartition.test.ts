import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { root } from '../../deploy/local/config.ts'
import { runParma } from '../../deploy/local/parma.ts'
import { topics } from '../../schemas/topics.ts'
import { type TestEdge, useEdge } from '../harness/edge/setup.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { startServices } from '../harness/system.ts'
import { waitFor } from '../harness/wait-for.ts'

const partitionsBefore = 3
const partitionsAfter = 7

let installation: Installation
let edge: TestEdge
let env: NodeJS.ProcessEnv
let token = ''
let count = 0

beforeAll(async () => {
  installation = await createInstallation()
  env = {
    ...installation.env,
    TOPIC_PARTITIONS: `${topics.rawPayloads.name}=${partitionsAfter},${partitionsBefore}`,
  }
  edge = useEdge(installation, (await installation.start('edge')).url)
  token = await edge.token(await edge.addSource('github'))
}, 60_000)

const apply = (...options: string[]) => runParma(env, 'topics', 'apply', '--repartition', '--json', ...options)

const feed = async (at: TestEdge, company_id: string, text = '') => {
  const body = { source_name: 'github', company_id, raw_data: { count: ++count, text } }
  return (await at.call('/feed-raw-data', { token, body })).status
}

/** How many edges let modules wait. */
const countWaiting = async () => {
  const [row] = await installation.database.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM edge.process JOIN cli.feed_hold USING (hold_id)
     WHERE hold_state = 'waiting' AND until > now()`,
  )
  return row?.n
}

test('partitions are not added while services lag', async () => {
  expect(await feed(edge, '1')).toBe(201)
  await expect(apply()).rejects.toThrow(/No partition was added, because services lag: raw-sink by 1 on mining/)
})

test('the size that partitions keep is corrected, once', async () => {
  const sized = { ...installation.env, TOPIC_PARTITIONS: String(partitionsBefore), TOPIC_RETENTION_BYTES: '*=5' }
  await expect(runParma(sized, 'topics', 'apply')).rejects.toThrow(/"\*=5" is neither a number nor/)
  const small = { ...sized, TOPIC_RETENTION_BYTES: `${topics.news.name}=5000000000,${topics.triggers.name}=0` }
  const changes = JSON.parse(await runParma(small, 'topics', 'apply', '--json')) as { what: string; detail: string }[]
  expect(changes.map(({ what, detail }) => `${what} ${detail}`)).toEqual([
    ...Array<string>(2).fill('configure retention.bytes: 1073741824 → 5000000000'),
    ...Array<string>(3).fill('configure retention.bytes: 1073741824 → -1'),
  ])
  expect(JSON.parse(await runParma(small, 'topics', 'apply', '--json'))).toEqual([])
}, 30_000)

test('a command that is killed leaves edges waiting for a time only; an edge that starts in it waits too', async () => {
  const command = [join(root, 'services/cli/commands.ts'), 'topics', 'apply', '--repartition', '--drain']
  const child = spawn(process.execPath, command, { env, stdio: 'ignore' })
  await waitFor('the edge to hold', async () => (await countWaiting()) === 1)
  child.kill('SIGKILL')
  await once(child, 'exit')
  const later = await edge.replica()
  const answered: number[] = []
  // A company each: what two edges let wait is sent in any order.
  const feeds = [edge, later].map(async (one, at) => void answered.push(await feed(one, String(90 + at))))
  await waitFor('both edges to hold', async () => (await countWaiting()) === 2)
  await expect(apply('--drain')).rejects.toThrow(
    /Edges let modules wait for another command until .*Z\. Try again then/,
  )
  expect(answered).toEqual([])
  expect((await edge.records(topics.rawPayloads)).length).toBe(1)
  await installation.database.query(`UPDATE cli.feed_hold SET until = now() + interval '2 seconds'`)
  await Promise.all(feeds)
  expect(answered).toEqual([201, 201])
}, 60_000)

test('an edge that cannot let so much wait ends the hold for all, and refuses nothing', async () => {
  const service = await installation.start('edge', { PRODUCE_MAX_PENDING_BYTES: '400000' })
  const small = useEdge(installation, service.url)
  const refused = expect(apply('--drain')).rejects.toThrow(
    /edge \S+ sends again: \d+ requests with \d+ bytes were waiting, more than half/,
  )
  await waitFor('all edges to hold', async () => (await countWaiting()) === 2)
  const feeds = [feed(edge, '3'), ...Array.from({ length: 15 }, () => feed(small, '4', 'x'.repeat(20_000)))]
  await refused
  expect(new Set(await Promise.all(feeds))).toEqual(new Set([201]))
  expect(await service.stop()).toBe(0)
}, 60_000)

test('an edge whose callers do not wait as long as a hold lasts does not begin it', async () => {
  const service = await installation.start('edge', { FEED_DEADLINE_MS: '20000' })
  await expect(apply('--drain')).rejects.toThrow(/edge \S+ sends again: FEED_DEADLINE_MS \(20000\) would pass/)
  expect(await feed(edge, '5')).toBe(201)
  expect(await service.stop()).toBe(0)
}, 60_000)

test('partitions grow under load with --drain, without a refused or reordered payload', async () => {
  const second = await edge.replica()
  await startServices(installation)
  const begun = Date.now()
  const stop = new AbortController()
  const statuses: number[] = []
  const companies = Array.from({ length: 12 }, (_, at) => String(at + 1))
  const load = companies.map(async (company, at) => {
    while (!stop.signal.aborted) statuses.push(await feed(at % 2 === 0 ? edge : second, company))
  })
  await waitFor('load', () => statuses.length > 100)
  await apply('--drain')
  const before = statuses.length
  await waitFor('load after it', () => statuses.length > before + 100, 60_000)
  stop.abort()
  await Promise.all(load)

  expect(statuses.filter((status) => status !== 201)).toEqual([])
  const audited = await installation.database.query<{ kind: string }>(
    'SELECT kind FROM cli.audit_view ORDER BY audit_id',
  )
  const kinds = ['cli.feed-hold.begin', 'cli.feed-hold.end', 'cli.topics.apply']
  expect(audited.map(({ kind }) => kind).slice(-3)).toEqual(kinds)
  const records = await edge.records(topics.rawPayloads)
  expect(Math.max(...records.map(({ partition }) => partition))).toBeGreaterThanOrEqual(partitionsBefore)
  // Each company's payloads take effect in the order in which they were received, before and after.
  const rows = await waitFor(
    'all payloads',
    async () => {
      const found = await installation.database.query<{ company_id: string; received_at: Date }>(
        'SELECT company_id, received_at FROM normalizer.lineage ORDER BY event_no',
      )
      return found.length === records.length && found
    },
    120_000,
  )
  for (const company of companies) {
    const own = rows.filter(({ company_id }) => String(company_id) === company)
    const times = own.map((row) => Number(row.received_at)).filter((time) => time >= begun)
    expect(times.length).toBeGreaterThan(0)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
  }
}, 300_000)
