import { beforeAll, describe, expect, test } from 'vitest'
import type { News } from '../../schemas/generated/types.ts'
import { digestSettings } from '../../services/notifier/digests/settings.ts'
import { inboxSettings } from '../../services/notifier/inbox/settings.ts'
import { peopleSettings } from '../../services/notifier/people/settings.ts'
import { planSettings } from '../../services/notifier/plan/settings.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { mailsTo, unique } from '../harness/mailbox.ts'
import { addCompany, addPerson, addSource, groupOf, sendNews } from '../harness/notifier/setup.ts'
import { waitFor } from '../harness/wait-for.ts'

let installation: Installation
let source: number

beforeAll(async () => {
  installation = await createInstallation()
  source = await addSource(installation.database)
  // The environment without all that says otherwise: what is left are addresses and secrets.
  const unset = Object.fromEntries(
    ['ALERT_IMPORTANCE', 'ALERTS_PER_DAY', 'ALERT_QUIET_HOURS', 'WEEKLY_REPORT_CLOCK'].map((name) => [name, undefined]),
  )
  Object.assign(installation.env, unset)
  await installation.start('notifier')
})

test('nothing is set of what decides who hears what, and when', () => {
  const deciding = Object.keys({ ...inboxSettings, ...peopleSettings, ...planSettings, ...digestSettings })
  const isServer = (name: string) => /^(FIRESTORE|METADATA)_/.test(name)
  expect(deciding.filter((name) => installation.env[name] !== undefined && !isServer(name))).toEqual([])
})

const query = <T extends object>(text: string, values: unknown[] = []) => installation.database.query<T>(text, values)

/** A time zone in which it is now about this hour. */
function zoneAt(hour: number): string {
  const east = ((hour - new Date().getUTCHours() + 36) % 24) - 12
  return east < 0 ? `Etc/GMT+${-east}` : `Etc/GMT-${east}`
}

/** Somebody who follows these companies in parma-web, and whose clocks show this hour. */
async function addReader(companies: number[], hour: number) {
  const address = `${unique('reader')}@example.com`
  const id = await addPerson(installation.database, { companies, channels: [{ type: 'EMAIL', destination: address }] })
  await query(
    `INSERT INTO notifier.digest_policy (user_id, rhythm, hour, weekday, zone) VALUES ($1, 'weekly', 8, 1, $2)`,
    [id, zoneAt(hour)],
  )
  return { id, address }
}

const tell = async (company: number, changes: Partial<News>) => {
  const [news] = groupOf(company, source, 1, changes)
  await sendNews(installation, [news!])
  return news!
}
const addCompanies = (count: number) =>
  Promise.all(Array.from({ length: count }, () => addCompany(installation.database)))

/** Why a news item is kept back, or when it is sent. */
async function fateOf({ news_id }: News) {
  const rows = await waitFor('the news item to be planned', async () => {
    const found = await query<{ unheard: string | null; kept_back: string | null; hour: number | null }>(
      `SELECT n.unheard, i.kept_back, extract(hour FROM b.due_at AT TIME ZONE p.zone)::int AS hour
       FROM notifier.news_item n LEFT JOIN notifier.item_delivery i ON i.item_id = n.news_id
       LEFT JOIN notifier.bundle b USING (destination_id, company_id)
       LEFT JOIN notifier.digest_policy p ON p.user_id = (i.people -> 0 ->> 'id')::int AND p.bucket_id = 0
       WHERE n.news_id = $1 AND n.assigned_at IS NOT NULL`,
      [news_id],
    )
    return found.length > 0 && found
  })
  return rows[0]!
}

describe('without any setting', () => {
  test('there are alerts from an importance on, and digests have the rest', async () => {
    const [company] = (await addCompanies(1)) as [number]
    const { id, address } = await addReader([company], 13)
    const stranger = await addReader([], 13)
    const small = await tell(company, { severity: 'info', importance: 0.2, message: 'It is small.' })
    expect(await fateOf(small)).toMatchObject({ unheard: 'not important enough for an alert, so it stands in digests' })
    await tell(company, { severity: 'info', importance: 0.3 })
    await waitFor('the alert', async () => (await mailsTo(address)).length === 1)
    // Only those who follow the company are told.
    expect(
      await query(
        'SELECT FROM notifier.item_delivery WHERE people @> jsonb_build_array(jsonb_build_object($1::text, $2::int))',
        [...['id', stranger.id]],
      ),
    ).toEqual([])
    const shown = await installation.parma('digests', 'preview', '--person', String(id))
    expect(shown).toContain('It is small.')
  })

  test('a person has five alerts a day, besides critical ones, and the rest in the digest', async () => {
    const companies = await addCompanies(8)
    const { id, address } = await addReader(companies, 13)
    for (const company of companies.slice(0, 5)) await tell(company, {})
    await waitFor('five alerts', async () => (await mailsTo(address)).length === 5)
    const sixth = await tell(companies[5]!, { message: 'One too many.' })
    expect(await fateOf(sixth)).toMatchObject({
      kept_back: 'its reader has had enough alerts for a day, so it stands in the digest',
    })
    await tell(companies[6]!, { severity: 'critical' })
    await waitFor('the critical one', async () => (await mailsTo(address)).length === 6)
    expect((await fateOf(await tell(companies[7]!, {}))).kept_back).not.toBeNull()
    expect(await mailsTo(address)).toHaveLength(6)
    expect(await installation.parma('digests', 'preview', '--person', String(id))).toContain('One too many.')
  })

  test('what comes at night is sent at eight, by the clocks of each, unless it is critical', async () => {
    const [company] = (await addCompanies(1)) as [number]
    const sleeper = await addReader([company], 2)
    expect(await fateOf(await tell(company, {}))).toMatchObject({ kept_back: null, hour: 8 })
    // From eight in the evening on, and not before.
    const [evening, late] = (await addCompanies(2)) as [number, number]
    await addReader([evening], 20)
    expect(await fateOf(await tell(evening, {}))).toMatchObject({ kept_back: null, hour: 8 })
    const awake = await addReader([late], 19)
    await tell(late, {})
    await waitFor('the one before eight', async () => (await mailsTo(awake.address)).length === 1)
    await tell(company, { severity: 'critical' })
    await waitFor('the critical one', async () => (await mailsTo(sleeper.address)).length === 1)
  })

  test('people get the weekly report on Mondays at eight, in their time zone', async () => {
    const companies = await addCompanies(1)
    const [plain, elsewhere] = await Promise.all(
      [0, 1].map(() => addPerson(installation.database, { companies, channels: [] })),
    )
    await query(
      `INSERT INTO notifier.quiet_hours (user_id, zone, begins, ends) VALUES ($1, 'Asia/Tokyo', '22:00', '07:00')`,
      [elsewhere],
    )
    const listed = JSON.parse(await installation.parma('digests', 'ls', '--json')) as Record<string, unknown>[]
    const digestOf = (person?: number) => listed.find(({ person_id }) => person_id === person)
    expect(digestOf(plain)).toMatchObject({ rhythm: 'weekly', at: 'monday 08:00', zone: 'UTC', set: false })
    expect(digestOf(elsewhere)).toMatchObject({ rhythm: 'weekly', at: 'monday 08:00', zone: 'Asia/Tokyo', set: false })
    expect(new Date(String(digestOf(plain)?.['next'])).toUTCString()).toMatch(/^Mon, .* 08:00:00 GMT$/)
    expect(new Date(String(digestOf(elsewhere)?.['next'])).toUTCString()).toMatch(/^Sun, .* 23:00:00 GMT$/)
  })
})

test('what people had set before stays as it was', async () => {
  const companies = await addCompanies(7)
  const address = `${unique('early')}@example.com`
  const id = await addPerson(installation.database, {
    companies: [],
    channels: [{ type: 'EMAIL', destination: address }],
  })
  await query(`INSERT INTO notifier.quiet_hours (user_id, zone, begins, ends) VALUES ($1, $2, '02:00', '03:00')`, [
    id,
    zoneAt(22),
  ])
  await query(
    `INSERT INTO notifier.subscription (user_id, company_id, created_at)
     SELECT $1, unnest($2::int[]), (SELECT since - interval '1 day' FROM notifier.default_start)`,
    [id, companies],
  )
  for (const company of companies) await tell(company, { severity: 'info', importance: 0.01 })
  // At ten in the evening, seven on one day, hardly important.
  await waitFor('all of them', async () => (await mailsTo(address)).length === 7)
})
