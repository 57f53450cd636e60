import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import type { News } from '../../schemas/generated/types.ts'
import { migrate } from '../../services/runtime/postgres/migrate.ts'
import { readEnv } from '../../services/runtime/process/config.ts'
import { postgresSettings } from '../../services/runtime/process/settings.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { mailsTo, unique } from '../harness/mailbox.ts'
import { addCompany, addPerson, addSource, groupOf, passThrough, sendNews } from '../harness/notifier/setup.ts'
import { waitFor } from '../harness/wait-for.ts'

const migrations = resolve(import.meta.dirname, '../../services/notifier/migrations')
/** The first migration that the notifier at d70bed0 did not have. */
const firstNew = '0015'

let installation: Installation
beforeAll(async () => {
  installation = await createInstallation()
  await goBack()
})

const query = <T extends object>(text: string, values: unknown[] = []) => installation.database.query<T>(text, values)

/** Makes the notifier's tables as they were before the upgrade. */
async function goBack(): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'parma-migrations-'))
  const before = (await readdir(migrations)).filter((name) => name < firstNew)
  for (const name of before) await copyFile(join(migrations, name), join(dir, name))
  await query('DROP SCHEMA notifier CASCADE')
  const settings = readEnv(postgresSettings, { DATABASE_URL: installation.database.url })
  expect(await migrate(settings, 'notifier', dir, false)).toHaveLength(before.length)
  await rm(dir, { recursive: true })
}

async function addReader(name: string, companies: number[] = []) {
  const address = `${unique(name.toLowerCase())}@example.com`
  const id = await addPerson(installation.database, {
    name,
    companies,
    channels: [{ type: 'EMAIL', destination: address }],
  })
  return { id, address }
}

/** A news item for each of 52 weeks, each with its message at the destination, and the last one of `story` just now. */
async function addHistory(company: number, source: number, destination: number, person: number, story: string) {
  await query(
    `WITH week AS (
       SELECT gen_random_uuid() AS group_id, gen_random_uuid() AS news_id, gen_random_uuid() AS notification_id,
         now() - n * interval '7 days' AS at, CASE n WHEN 0 THEN $5 ELSE 'story ' || n END AS dedupe_key
       FROM generate_series(0, 51) n
     ), g AS (
       INSERT INTO notifier.news_group (group_id, company_id, data_source_id, size, seen, first_at)
       SELECT group_id, $1::int, $2::int, 1, 1, at FROM week
     ), n AS (
       INSERT INTO notifier.news_item (news_id, group_id, group_index, severity, kind, title, message,
         source_measurement_id, observed_at, dedupe_key, received_at, assigned_at)
       SELECT news_id, group_id, 0, 'critical', 'threshold', 'Old', 'Old.', 1, at, dedupe_key, at, at FROM week
     ), m AS (
       INSERT INTO notifier.notification (notification_id, kind, company_id, data_source_id, message, created_at, told_at)
       SELECT notification_id, 'news', $1, $2, '{"subject": "Old", "lines": []}', at, at FROM week
     ), d AS (
       INSERT INTO notifier.delivery (notification_id, destination_id, people, state, created_at, settled_at)
       SELECT notification_id, $3::int, jsonb_build_array(jsonb_build_object('id', $4::int, 'name', 'Ann')), 'sent', at, at
       FROM week
     )
     INSERT INTO notifier.item_delivery (item_id, destination_id, company_id, people, assigned_at, notification_id)
     SELECT news_id, $3, $1, '[]', at, notification_id FROM week`,
    [company, source, destination, person, story],
  )
}

async function addDestination(address: string): Promise<number> {
  const text = `INSERT INTO notifier.destination (channel, address) VALUES ('EMAIL', $1) RETURNING destination_id AS id`
  const [row] = await query<{ id: number }>(text, [address])
  return row!.id
}

/** How news items are planned, as `<title> to <name>: <how>`. */
async function planOf(news: News[]): Promise<string[]> {
  const rows = await query<{ title: string; name: string; how: string }>(
    `SELECT n.title, i.people -> 0 ->> 'name' AS name,
       CASE WHEN i.kept_back IS NOT NULL THEN i.kept_back WHEN i.notification_id IS NULL THEN 'waits'
         ELSE 'by ' || t.channel END AS how
     FROM notifier.item_delivery i JOIN notifier.destination t USING (destination_id)
     JOIN notifier.news_item n ON n.news_id = i.item_id
     WHERE item_id = ANY($1) ORDER BY name, title`,
    [news.map(({ news_id }) => news_id)],
  )
  return rows.map(({ title, name, how }) => `${title} to ${name}: ${how}`)
}

/** How the news items of the test are planned in the end. */
const planned = [
  'Gone to Ann: by EMAIL',
  'Told to Ann: sent there before, within the cool-down',
  'Warning to Ann: by EMAIL',
  'Elsewhere to Mia: by EMAIL',
  ...['Gone', 'Told', 'Warning'].map((title) => `${title} to Mia: muted`),
  ...['Gone', 'Told', 'Warning'].map((title) => `${title} to Own: by WEBHOOK`),
  ...['Gone', 'Told', 'Warning'].map((title) => `${title} to Pat: by EMAIL`),
  'Gone to Pia: by EMAIL',
  ...['Gone', 'Told', 'Warning'].map((title) => `${title} to Sam: waits`),
]

test('after an upgrade with a year of history only new news items are sent, as people had set it', async () => {
  const { database } = installation
  const source = await addSource(database)
  const [company, other] = [await addCompany(database), await addCompany(database)]
  const ann = await addReader('Ann', [company])
  const muting = await addReader('Mia', [company, other])
  const parked = await addReader('Pat', [company])
  const picky = await addReader('Pia')
  const sleeping = await addReader('Sam', [company])
  const hook = { type: 'WEBHOOK', destination: 'https://127.0.0.1:9', secretId: 'hook' } as const
  await addPerson(database, { name: 'Own', companies: [company], channels: [hook] })
  await query('INSERT INTO notifier.mute (user_id, company_id) VALUES ($1, $2)', [muting.id, company])
  await query(
    `INSERT INTO notifier.quiet_hours (user_id, zone, begins, ends, critical_passes)
     VALUES ($1, 'Asia/Kathmandu', '00:00', '00:00', false)`,
    [sleeping.id],
  )
  await query(
    `INSERT INTO notifier.subscription (user_id, company_id, min_severity, kinds) VALUES ($1, $2, 'critical', '{gone}')`,
    [picky.id, company],
  )
  await query(
    `INSERT INTO notifier.digest_policy (user_id, rhythm, hour, weekday, zone, changed_at)
     VALUES ($1, 'monthly', 5, 2, 'America/Lima', now() - interval '1 year')`,
    [ann.id],
  )
  await query(
    `UPDATE notifier.destination SET parked_at = now() - interval '1 month', parked_reason = 'no such mailbox'
     WHERE destination_id = $1`,
    [await addDestination(parked.address)],
  )
  await addHistory(company, source, await addDestination(ann.address), ann.id, 'told just before')

  expect(await installation.parma('migrate')).toContain(`notifier: ${firstNew}`)
  await installation.start('notifier', { GROUP_WAIT_MS: '0', BUNDLE_WINDOW_MS: '0' })
  const [told, warning, gone, elsewhere] = [
    groupOf(company, source, 1, { title: 'Told', dedupe_key: 'told just before' }),
    groupOf(company, source, 1, { title: 'Warning' }),
    groupOf(company, source, 1, { title: 'Gone', severity: 'critical', kind: 'gone' }),
    groupOf(other, source, 1, { title: 'Elsewhere' }),
  ].flat()
  const news = [told!, warning!, gone!, elsewhere!]
  await sendNews(installation, news)
  await passThrough(installation, source)
  const textsTo = async (address: string) => (await mailsTo(address)).map(({ text }) => text).join('\n')
  await waitFor('the mail to Ann', async () => {
    const text = await textsTo(ann.address)
    return text.includes('Gone') && text.includes('Warning')
  })

  // Others may be planned after Ann has her mail.
  await expect.poll(() => planOf(news), { timeout: 60_000 }).toEqual(planned)
  expect(await textsTo(ann.address)).not.toMatch(/Told|Old/)
  // Messages to a parked destination are kept for a day.
  expect([...(await mailsTo(parked.address)), ...(await mailsTo(sleeping.address))]).toEqual([])
  const digests = JSON.parse(await installation.parma('digests', 'ls', '--json')) as { person: string }[]
  expect(digests.find(({ person }) => person === 'Ann')).toMatchObject({
    ...{ rhythm: 'monthly', at: '05:00', zone: 'America/Lima', set: true },
  })
})
