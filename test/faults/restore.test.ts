import { expect, test } from 'vitest'
import { topics } from '../../schemas/topics.ts'
import { listDocuments } from '../harness/counts.ts'
import { backUp, restoreBackUp } from '../harness/database.ts'
import { deleteRecords } from '../harness/group.ts'
import { mailsTo, slackPostsIn } from '../harness/mailbox.ts'
import { quickRecovery } from '../harness/messages.ts'
import { addPolicy } from '../harness/notifier/digests.ts'
import { startServices, startSystem, type System } from '../harness/system.ts'
import { waitFor } from '../harness/wait-for.ts'

const settings = {
  ...quickRecovery,
  ...{ TICK_SECONDS: '600', BUNDLE_WINDOW_MS: '0', COOL_DOWN_MS: '0', SLACK_INTERVAL_MS: '0' },
  ...{ ALERT_IMPORTANCE: '0', ALERTS_PER_DAY: '0', DIGEST_POLL_MS: '600000' },
}
const companies = 3
type Point = 'a handshake' | 'a digest' | 'a migration'

/** All that must be after the restore what it was before. */
async function readAll({ database, address, channel }: System) {
  const values = await database.query(`
    SELECT l.event_id, l.map_version, v.company_measurement_id, v.path, v.observed_at, v.number, v.text, m.measurement_name
    FROM normalizer.value v JOIN normalizer.lineage l USING (event_no) JOIN source_measurement m ON m.id = v.source_measurement_id
    ORDER BY l.event_id, v.path`)
  const shown = await database.query(`
    SELECT s.company_id, s.source_measurement_id, v.value, v.timestamp
    FROM measurement_int_value v JOIN company_source_measurement s USING (company_measurement_id) ORDER BY 1, 2, 4`)
  const news = await database.query('SELECT news_id, silent, title, message FROM analyzer.news ORDER BY news_id')
  const maps = await database.query(
    'SELECT data_source_id, version, content_hash FROM edge.normalization_map ORDER BY data_source_id, version',
  )
  const told = await database.query(`
    SELECT d.notification_id, n.kind, t.channel, t.address, d.state FROM notifier.delivery d
    JOIN notifier.notification n USING (notification_id) JOIN notifier.destination t USING (destination_id)
    ORDER BY t.channel, d.notification_id`)
  const mails = (await mailsTo(address)).map(({ subject }) => subject)
  const posts = (await slackPostsIn(channel)).map((post) => JSON.stringify(post.blocks))
  return { values, shown, news, maps, told, mails, posts }
}

async function makeDigest({ database, parma, address }: System): Promise<void> {
  const before = (await mailsTo(address)).length
  await parma('digests', 'run', '--early', '--own-settings')
  await waitFor('the digest', async () => (await mailsTo(address)).length === before + 1)
  await waitFor('all deliveries', async () => {
    return (await database.query('SELECT FROM notifier.delivery WHERE due_at IS NOT NULL')).length === 0
  })
}

const stopAll = ({ services }: System) => Promise.all(Object.values(services).map((service) => service.stop()))

/** Runs the steps that `parma backup verify` prints, and starts the services where it says so. */
async function followSteps(system: System): Promise<string[]> {
  const { steps } = JSON.parse(await system.parma('backup', 'verify', '--json')) as { steps: string[] }
  for (const step of steps) {
    if (step === '# start the services') {
      const services = await startServices(system, settings)
      system.edgeUrls.splice(0, 1, services.edge.url)
    } else if (!step.startsWith('#')) await system.parma(...step.replace('npx parma ', '').split(' '))
  }
  return steps
}

test.each<Point>(['a handshake', 'a digest', 'a migration'])(
  'Postgres restored to a time before %s: every value comes back, and nobody hears anything twice',
  async (point) => {
    const followers = { SourceField: 'followers', DataType: 'int', MeasurementName: 'followers' }
    const map = { Source: `restored-${point.split(' ')[1]}`, Mappings: [followers] }
    const system = await startSystem({ map, companies, env: settings })
    const { database, parma, module, sourceId } = system
    const [reader] = await database.query<{ id: number }>('SELECT id FROM "user"')
    await addPolicy(database, reader?.id ?? 0, 'daily')
    let fed = 0
    const feedAll = async (content: object) => {
      await system.newRun()
      for (let company = 0; company < companies; company++)
        expect(await system.feed(company, content)).toMatchObject({ status: 201 })
      await system.settled((fed += companies))
    }

    await feedAll({ followers: 12_000 })
    await feedAll({ followers: 15_000 })
    let copy = point === 'a digest' ? null : await backUp(database)
    map.Mappings.push({ SourceField: 'likes', DataType: 'int', MeasurementName: 'likes' })
    const address = encodeURIComponent(module.endpoint)
    const query = `invocation_endpoint=${address}&data_source_id=${sourceId}`
    expect(await fetch(`${system.edgeUrl}/handshake?${query}`)).toMatchObject({ status: 200 })
    await feedAll({ followers: 15_000, likes: 100 })
    await feedAll({ followers: 22_000, likes: 190 })
    copy ??= await backUp(database)
    await makeDigest(system)
    const before = await readAll(system)
    expect(before.mails.length).toBeGreaterThan(companies)

    await stopAll(system)
    await restoreBackUp(database, copy)
    if (point === 'a migration')
      await database.query(`ALTER TABLE notifier.notification DROP COLUMN tells;
        DELETE FROM notifier.migration WHERE name = '20261130T1442_tells'`)
    const steps = await followSteps(system)
    expect(steps.includes('npx parma migrate')).toBe(point === 'a migration')
    await system.settled(fed)
    await parma('digests', 'run', '--early', '--own-settings')
    await system.settled(fed)
    expect(await readAll(system)).toEqual(before)

    await feedAll({ followers: 40_000, likes: 190 })
    const after = await readAll(system)
    expect(after.mails.length - before.mails.length).toBe(companies)
    expect(after.posts.length - before.posts.length).toBe(companies)
    const { looks } = JSON.parse(await parma('backup', 'verify', '--json')) as { looks: { look: string; ok: string }[] }
    expect(looks.filter(({ ok }) => ok === 'no').map(({ look }) => look)).toEqual(['services'])
  },
)

/** Every table of Postgres that has the company in a column of companies, or its name. */
async function placesOf({ database }: System, { id, name }: { id: number; name: string }): Promise<string[]> {
  const tables = await database.query<{ table: string; is_of: boolean }>(`
    SELECT format('%I.%I', table_schema, table_name) AS table, bool_or(column_name = 'company_id') AS is_of
    FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')
    GROUP BY 1 ORDER BY 1`)
  const found: string[] = []
  for (const { table, is_of } of tables) {
    const isOf = is_of ? `company_id::text = '${id}' OR` : ''
    const rows = await database.query(`SELECT FROM ${table} t WHERE ${isOf} position($1 IN t::text) > 0 LIMIT 1`, [
      name,
    ])
    if (rows.length > 0) found.push(table)
  }
  return found
}

test('a company that was forgotten since stays forgotten, and payloads that Kafka lost come back from their documents', async () => {
  const followers = { SourceField: 'followers', DataType: 'int', MeasurementName: 'followers' }
  const map = { Source: 'restored-lost', Mappings: [followers] }
  const system = await startSystem({ map, companies, env: settings })
  const { database, parma } = system
  const feedAll = async (count: number) => {
    await system.newRun()
    for (let company = 0; company < companies; company++)
      expect(await system.feed(company, { followers: count })).toMatchObject({ status: 201 })
  }
  const readKept = async () => {
    const { values, shown, mails, posts } = await readAll(system)
    return {
      values,
      shown,
      mails,
      posts,
      documents: (await listDocuments({ ...system, source: map.Source })).toSorted(),
    }
  }

  await feedAll(12_000)
  await system.settled(companies)
  await feedAll(15_000)
  await system.settled(2 * companies)
  const copy = await backUp(database)
  await feedAll(22_000)
  await system.settled(3 * companies)
  const [forgotten] = system.companies
  await parma('forget', '--company', forgotten!.name, '--reason', 'a contract ended', '--yes')
  expect(await placesOf(system, forgotten!)).toEqual([])
  const before = await readKept()
  expect(before.values).toHaveLength(3 * (companies - 1))
  expect(before.mails.length).toBeGreaterThanOrEqual(2 * companies)

  await stopAll(system)
  await restoreBackUp(database, copy)
  expect(await placesOf(system, forgotten!)).toEqual(expect.arrayContaining(['public.company', 'normalizer.value']))
  const topic = system.topics.prefix + topics.rawPayloads.name
  const records = Map.groupBy(await system.topics.read(topics.rawPayloads.name), ({ partition }) => partition)
  for (const [partition, of] of records) await deleteRecords(topic, partition, of.at(-1)!.offset + 1)
  const steps = await followSteps(system)
  expect(steps).toEqual(expect.arrayContaining(['npx parma forget --again', 'npx parma redrive --missing']))
  await waitFor('the values', async () => (await readKept()).values.length === before.values.length)
  expect(await placesOf(system, forgotten!)).toEqual([])
  expect(await readKept()).toEqual(before)

  // All that is said from now on is about what comes from now on, and of the others alone.
  await feedAll(60_000)
  await waitFor('the messages', async () => {
    const { mails, posts } = await readKept()
    return Math.min(mails.length - before.mails.length, posts.length - before.posts.length) >= companies - 1
  })
  const after = await readKept()
  expect(after.mails.length - before.mails.length).toBe(companies - 1)
  expect(after.posts.length - before.posts.length).toBe(companies - 1)
  expect(after.values.length - before.values.length).toBe(companies - 1)
  expect(await placesOf(system, forgotten!)).toEqual([])
  expect(JSON.parse(await parma('redrive', '--missing', '--json'))).toMatchObject({ redriven: 0 })
})
