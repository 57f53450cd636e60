import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import type { News } from '../../schemas/generated/types.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { mailsTo } from '../harness/mailbox.ts'
import {
  addCompany,
  addFollowed,
  addPerson,
  addSource,
  deliveriesOf,
  groupOf,
  insertId,
} from '../harness/notifier/setup.ts'
import { opsEventOf, passThrough, sendNews, sendOps, settledStates } from '../harness/notifier/setup.ts'
import { waitFor } from '../harness/wait-for.ts'

let installation: Installation
let source: number

beforeAll(async () => {
  installation = await createInstallation()
  source = await addSource(installation.database)
  await installation.start('notifier', {
    ...{ OPS_WINDOW_MS: '500', GROUP_WAIT_MS: '1000', SLACK_INTERVAL_MS: '0', WRITE_PUBLIC_NOTIFICATIONS: 'true' },
  })
})

const query = <T extends object>(text: string, values: unknown[] = []) => installation.database.query<T>(text, values)
const subjectsAt = async (address: string) => (await mailsTo(address)).map(({ subject }) => subject)
const tell = async (company: number, changes: Partial<News> = {}) => {
  const news = groupOf(company, source, 1, changes)
  await sendNews(installation, news)
  return news[0]!.event_id
}

type Status = { stage: string; reason: string | null }
/** How an event stands, once it is at `stage`, and assigned. */
const statusOf = (event: string, stage: string) =>
  waitFor(`${event} to be ${stage}`, async () => {
    const [status] = await query<Status>('SELECT stage, reason FROM notifier.event_status WHERE event_id = $1', [event])
    return status?.stage === stage && (stage !== 'notifying' || status.reason) && { reason: status.reason }
  })

/** What waits about these companies is due now, as if its time had come. */
const letTimePass = (...companies: number[]) =>
  query('UPDATE notifier.bundle SET due_at = now() WHERE company_id = ANY($1) AND due_at IS NOT NULL', [companies])

/** Somebody who follows companies and has a mail address of their own. */
async function addReader(companies: number[]) {
  const address = `reader-${randomUUID()}@example.com`
  return {
    address,
    id: await addPerson(installation.database, { companies, channels: [{ type: 'EMAIL', destination: address }] }),
  }
}

/** Quiet from an hour ago to an hour from now. */
const addQuietHours = (person: number, criticalPasses = true) =>
  query(
    `INSERT INTO notifier.quiet_hours (user_id, zone, begins, ends, critical_passes)
     SELECT $1, 'Asia/Kathmandu', t - interval '1 hour', t + interval '1 hour', $2
     FROM (SELECT (now() AT TIME ZONE 'Asia/Kathmandu')::time AS t)`,
    [person, criticalPasses],
  )

describe('after a message about a company', () => {
  test('further news items wait and are sent together at the end of the window', async () => {
    const { company, name, address } = await addFollowed(installation.database)
    await tell(company)
    await settledStates(installation.database, company, 2)
    const events = [
      await tell(company),
      await tell(company, { trigger_factor: 99, title: 'Forks rose', importance: 0.2 }),
      await tell(company, { trigger_factor: 1, title: `${name}/app: renamed`, importance: 0.9 }),
    ]
    for (const event of events)
      expect((await statusOf(event, 'notifying')).reason).toMatch(/^held until \d{4}-\d\d-\d\d \d\d:\d\d UTC$/)
    await passThrough(installation, source)
    expect(await subjectsAt(address)).toHaveLength(1)

    await letTimePass(company)
    expect(await settledStates(installation.database, company, 4)).toEqual(Array(4).fill('sent'))
    expect(await subjectsAt(address)).toEqual([`${name}: Stars number 0 rose`, `${name}: 3 changes, app: renamed`])
    for (const event of events) expect(await statusOf(event, 'notified')).toEqual({ reason: null })
    const told = await query('SELECT message FROM notification WHERE company_id = $1', [company])
    expect(told).toHaveLength(2)
  })

  test('a critical one is sent with everything that waits', async () => {
    const { company, name, address } = await addFollowed(installation.database)
    await tell(company)
    await settledStates(installation.database, company, 2)
    await statusOf(await tell(company), 'notifying')
    await tell(company, { severity: 'critical', title: 'Stars fell' })
    await settledStates(installation.database, company, 4)
    expect((await subjectsAt(address))[1]).toBe(`${name}: 2 changes, Stars fell`)
  })
})

describe('in quiet hours', () => {
  test('what arrives is one message at their end, for all companies; others get it at once', async () => {
    const names = [`a-${randomUUID()}`, `b-${randomUUID()}`]
    const companies = await Promise.all(names.map((name) => addCompany(installation.database, name)))
    const sleeper = await addReader(companies)
    const other = await addReader(companies)
    await addQuietHours(sleeper.id)
    const events = await Promise.all(companies.map((company) => tell(company)))
    for (const event of events) expect((await statusOf(event, 'notified')).reason).toMatch(/^held until /)
    expect((await subjectsAt(other.address)).sort()).toEqual(names.map((name) => `${name}: Stars number 0 rose`))
    const [held] = await query<{ minutes: number }>(
      `SELECT round(extract(epoch FROM max(due_at) - now()) / 60)::int AS minutes FROM notifier.bundle WHERE company_id = ANY($1)`,
      [companies],
    )
    expect(held?.minutes).toBeGreaterThan(50)
    expect(held?.minutes).toBeLessThan(61)

    await letTimePass(...companies)
    const [mail] = await waitFor('the mail after them', async () => {
      const mails = await mailsTo(sleeper.address)
      return mails.length > 0 && mails
    })
    expect(mail?.subject).toMatch(/^2 changes at 2 companies: /)
    for (const name of names) expect(mail?.text).toContain(`${name}: Stars number 0 rose`)
    await passThrough(installation, source)
    expect(await mailsTo(sleeper.address)).toHaveLength(1)
  })

  test('a critical one is sent at once, unless the hours hold it, too', async () => {
    const company = await addCompany(installation.database)
    const [light, deep] = [await addReader([company]), await addReader([company])]
    await addQuietHours(light.id)
    await addQuietHours(deep.id, false)
    await tell(company, { severity: 'critical' })
    await waitFor('the mail at once', async () => (await mailsTo(light.address)).length === 1)
    await passThrough(installation, source)
    expect(await subjectsAt(deep.address)).toEqual([])
    await letTimePass(company)
    await waitFor('the mail after them', async () => (await mailsTo(deep.address)).length === 1)
  })

  test('that are changed or removed, what waits is sent when the new ones allow, as one message', async () => {
    const companies = [await addCompany(installation.database), await addCompany(installation.database)]
    const sleeper = await addReader(companies)
    await addQuietHours(sleeper.id)
    for (const company of companies)
      expect((await statusOf(await tell(company), 'notifying')).reason).toMatch(/^held until /)
    const quiet = (...words: string[]) => installation.parma('quiet', ...words, '--person', String(sleeper.id))
    // All day, over and over.
    await quiet('set', '--from', '00:00', '--to', '00:00', '--zone', 'UTC')
    const [held] = await query<{ hours: number }>(
      `SELECT extract(epoch FROM min(due_at) - now()) / 3600 AS hours FROM notifier.bundle WHERE company_id = ANY($1)`,
      [companies],
    )
    expect(Number(held?.hours)).toBeGreaterThan(24)
    await quiet('rm', '--yes')
    await waitFor('the mail', async () => (await mailsTo(sleeper.address)).length > 0)
    await passThrough(installation, source)
    expect(await subjectsAt(sleeper.address)).toEqual([expect.stringMatching(/^2 changes at 2 companies: /)])
  })

  test('a destination shared with somebody without quiet hours gets it at once', async () => {
    const { company, address } = await addFollowed(installation.database)
    const sleeper = await addPerson(installation.database, {
      name: 'Bob',
      companies: [company],
      channels: [{ type: 'EMAIL', destination: address }],
    })
    await addQuietHours(sleeper)
    await tell(company)
    await settledStates(installation.database, company, 2)
    expect((await mailsTo(address))[0]?.text).toContain('Ann and Bob follow')
  })

  test('administrators get operational events after them, except critical ones', async () => {
    const address = `admin-${randomUUID()}@example.com`
    const admin = await addPerson(installation.database, {
      role: 'ADMIN',
      channels: [{ type: 'EMAIL', destination: address }],
    })
    await addQuietHours(admin)
    await sendOps(installation, [opsEventOf({ kind: 'stale', subject: 'npm' })])
    await passThrough(installation, source)
    await waitFor('the event to wait', async () => {
      const [row] = await query<{ n: number }>(
        'SELECT count(*)::int AS n FROM notifier.bundle WHERE company_id = 0 AND is_held',
      )
      return row?.n === 1
    })
    await sendOps(installation, [opsEventOf({ kind: 'destination-parked', subject: 'room' })])
    const [mail] = await waitFor('the mail', async () => {
      const mails = await mailsTo(address)
      return mails.length > 0 && mails
    })
    expect(mail?.subject).toBe('Operations: 2 events, npm, stale')
    expect(mail?.text).toContain('destination-parked: room')
  })

  test('of an unknown time zone are ignored and reported', async () => {
    const { company } = await addFollowed(installation.database)
    const [person] = await query<{ user_id: number }>(
      'SELECT user_id FROM company_subscription WHERE company_id = $1',
      [company],
    )
    await query(
      `INSERT INTO notifier.quiet_hours (user_id, zone, begins, ends) VALUES ($1, 'Mars/Olympus', '00:00', '00:00')`,
      [person?.user_id],
    )
    await tell(company)
    expect(await settledStates(installation.database, company, 2)).toEqual(['sent', 'sent'])
    await tell(company)
    await passThrough(installation, source)
    const reports = await waitFor('the report', async () => {
      const rows = await query(`SELECT subject FROM notifier.ops_event WHERE kind = 'no-such-zone'`)
      return rows.length > 0 && rows
    })
    expect(reports).toEqual([{ subject: `quiet hours of person ${person?.user_id}` }])
  })
})

describe('what is muted', () => {
  test('is not sent, and the status of its event says so; others get it', async () => {
    const company = await addCompany(installation.database)
    const [muted, other] = [await addReader([company]), await addReader([company])]
    await query('INSERT INTO notifier.mute (user_id, company_id, below) VALUES ($1, $2, $3)', [
      muted.id,
      company,
      'warning',
    ])
    const quiet = await tell(company, { severity: 'info' })
    await statusOf(quiet, 'notified')
    expect(await subjectsAt(muted.address)).toEqual([])
    await query('INSERT INTO notifier.mute (user_id, company_id) VALUES ($1, $2)', [other.id, company])
    const unheard = groupOf(company, source, 1, { severity: 'info' })
    await sendNews(installation, unheard)
    expect(await statusOf(unheard[0]!.event_id, 'kept-back')).toEqual({ reason: 'muted' })
    const rows: unknown = JSON.parse(
      await installation.parma('subscriptions', 'preview', unheard[0]!.news_id, '--person', String(other.id), '--json'),
    )
    expect(rows).toMatchObject([{ person: 'Ann', at: `EMAIL ${other.address}`, state: 'kept back', why: 'muted' }])
    await tell(company, { severity: 'critical' })
    await waitFor('what is not below', async () => (await mailsTo(muted.address)).length === 1)
    await passThrough(installation, source)
    expect(await subjectsAt(other.address)).toHaveLength(1)
  })

  test('is sent again after the mute has ended', async () => {
    const company = await addCompany(installation.database)
    const { id, address } = await addReader([company])
    await query(`INSERT INTO notifier.mute (user_id, until) VALUES ($1, now() + interval '1 hour')`, [id])
    await statusOf(await tell(company), 'kept-back')
    await query(`UPDATE notifier.mute SET until = now() WHERE user_id = $1`, [id])
    await statusOf(await tell(company), 'notified')
    expect(await subjectsAt(address)).toHaveLength(1)
  })
})

describe('subscriptions of our own', () => {
  const subscribe = (row: Record<string, unknown>) =>
    query(
      `INSERT INTO notifier.subscription (${Object.keys(row).join()}) VALUES (${Object.keys(row)
        .map((_, n) => `$${n + 1}`)
        .join()})`,
      Object.values(row),
    )

  test('of a bucket, a source and a company add up to one message, which names them', async () => {
    const { database } = installation
    const name = `c-${randomUUID()}`
    const company = await addCompany(database, name)
    const { id, address } = await addReader([company])
    const stranger = await addReader([])
    const bucket = await insertId(
      database,
      `INSERT INTO bucket (title, is_public, owner_id, modified_at) VALUES ('Rivals', false, $1, now())`,
      [id],
    )
    await query('INSERT INTO company_bucket_membership (bucket_id, company_id, modified_at) VALUES ($1, $2, now())', [
      bucket,
      company,
    ])
    await subscribe({ user_id: id, bucket_id: bucket, min_severity: 'warning' })
    await subscribe({ user_id: stranger.id, bucket_id: bucket })
    await subscribe({ user_id: stranger.id, data_source_id: source, kinds: ['gone'] })
    await statusOf(await tell(company), 'notified')
    const [mail] = await mailsTo(address)
    expect(mail?.text).toContain(`You get this because Ann follows ${name} and warnings about the bucket Rivals.`)
    expect(await subjectsAt(stranger.address)).toEqual([])

    await tell(company, { kind: 'gone', title: 'Gone' })
    const [gone] = await waitFor('the mail about what is gone', async () => {
      const mails = await mailsTo(stranger.address)
      return mails.length > 0 && mails
    })
    expect(gone?.text).toContain('You get this because Ann follows all companies from npm (gone).')
  })

  test('for one channel are sent only there; those for something deleted are ignored', async () => {
    const { database } = installation
    const company = await addCompany(database)
    const [here, there] = [randomUUID(), randomUUID()].map((id) => `${id}@example.com`) as [string, string]
    const id = await addPerson(database, {
      channels: [
        { type: 'EMAIL', destination: here },
        { type: 'EMAIL', destination: there, purpose: 'REPORT' },
      ],
    })
    const [channel] = await query<{ id: number }>('SELECT id FROM notification_channel WHERE destination = $1', [there])
    await subscribe({ user_id: id, company_id: company, channel_id: channel?.id })
    await subscribe({ user_id: id, company_id: company, channel_id: 999_999 })
    await subscribe({ user_id: id, bucket_id: 999_999 })
    await subscribe({ user_id: 999_999, company_id: company })
    await statusOf(await tell(company), 'notified')
    expect(await subjectsAt(there)).toHaveLength(1)
    expect(await subjectsAt(here)).toEqual([])
  })

  test('that do not cover it, and missing channels, are reasons why nobody gets it', async () => {
    const { database } = installation
    const company = await addCompany(database)
    await query('DELETE FROM notifier.subscription')
    expect(await statusOf(await tell(company), 'nobody-to-notify')).toEqual({ reason: 'nobody follows the company' })
    const { id } = await addReader([])
    await subscribe({ user_id: id, company_id: company, min_severity: 'critical' })
    expect(await statusOf(await tell(company), 'nobody-to-notify')).toEqual({ reason: 'no subscription covers it' })
    await addPerson(database, { companies: [company], channels: [] })
    expect(await statusOf(await tell(company), 'nobody-to-notify')).toEqual({
      reason: 'nobody who follows the company has a channel for it',
    })
  })
})

test('the same dedupe key is sent once within the cool-down, unless it gets more severe', async () => {
  const { company, name, address } = await addFollowed(installation.database)
  const story = { dedupe_key: randomUUID() }
  await tell(company, { ...story, severity: 'info' })
  await settledStates(installation.database, company, 2)
  expect(await statusOf(await tell(company, { ...story, severity: 'info' }), 'kept-back')).toEqual({
    reason: 'sent there before, within the cool-down',
  })
  await statusOf(await tell(company, { ...story, title: 'Worse' }), 'notifying')
  await tell(company, { ...story, severity: 'critical', title: 'Worst' })
  await settledStates(installation.database, company, 4)
  expect((await subjectsAt(address))[1]).toBe(`${name}: 2 changes, Worst`)
  await tell(company, { ...story, severity: 'critical', title: 'Worst again' })
  await settledStates(installation.database, company, 6)
  const past = `UPDATE notifier.item_delivery SET assigned_at = now() - interval '2 hours' WHERE company_id = $1`
  await query(past, [company])
  await statusOf(await tell(company, { ...story, severity: 'info' }), 'notifying')
  expect(await deliveriesOf(installation.database, company)).toHaveLength(6)
})

test('bad rows are postponed and reported once; others are sent', async () => {
  const root = `root-${randomUUID()}@example.com`
  await addPerson(installation.database, { role: 'ADMIN', channels: [{ type: 'EMAIL', destination: root }] })
  const { company, address } = await addFollowed(installation.database)
  await query(`UPDATE company SET name = repeat('x', 10000) WHERE id = $1`, [company])
  await query(
    `UPDATE "user" SET name = repeat('y', 10000) WHERE id IN (SELECT user_id FROM company_subscription WHERE company_id = $1)`,
    [company],
  )
  const bad = randomUUID()
  await query(
    `WITH g AS (
       INSERT INTO notifier.news_group (group_id, company_id, data_source_id, size, seen, due_at) VALUES ($1, $2, $3, 1, 1, now())
     ) INSERT INTO notifier.news_item (news_id, group_id, group_index, severity, kind, title, message, source_measurement_id, observed_at, dedupe_key)
     VALUES ($1, $1, 0, 'fatal', 'threshold', 'Bad', 'Bad.', 1, now(), 'bad')`,
    [bad, company, source],
  )
  await tell(company)
  expect(await settledStates(installation.database, company, 2)).toEqual(['sent', 'sent'])
  expect(await mailsTo(address)).toHaveLength(1)
  const about = `notification-failed: event ${bad}`
  const reports = async () => (await mailsTo(root)).filter(({ text }) => text.includes(about))
  await waitFor('the report', async () => (await reports()).length === 1)
  await query('UPDATE notifier.news_group SET due_at = now() WHERE group_id = $1', [bad])
  await waitFor('the next attempt', async () => {
    const [row] = await query<{ later: boolean }>(
      'SELECT due_at > now() AS later FROM notifier.news_group WHERE group_id = $1',
      [bad],
    )
    return row?.later
  })
  await passThrough(installation, source)
  expect(await reports()).toHaveLength(1)
})

test('an operational event that cannot be planned is postponed and reported once; others are sent', async () => {
  const root = `root-${randomUUID()}@example.com`
  const [before, bad, after] = [randomUUID(), randomUUID(), randomUUID()] as const
  await addPerson(installation.database, { role: 'ADMIN', channels: [{ type: 'EMAIL', destination: root }] })
  const mails = async (about: string) => (await mailsTo(root)).filter(({ text }) => text.includes(about)).length
  await sendOps(installation, [opsEventOf({ subject: before })])
  await waitFor('the first mail', async () => (await mails(before)) === 1)
  // An effect of it is there already, as no run of ours leaves it.
  await query(
    `WITH effect AS (
       INSERT INTO notifier.item_delivery (item_id, destination_id, company_id, people, kept_back)
       SELECT $1::uuid, destination_id, 0, '[]', 'test' FROM notifier.destination WHERE address = $2
     ) INSERT INTO notifier.ops_event (event_id, dedupe_key, kind, service, subject, message, resolved, at)
     VALUES ($1::uuid, $1::uuid::text, 'stale', 'scheduler', 'bad', 'Bad.', false, now())`,
    [bad, root],
  )
  await sendOps(installation, [opsEventOf({ subject: after })])
  await waitFor('the mail after it', async () => (await mails(after)) === 1)
  await waitFor('the report', async () => (await mails(`notification-failed: operational event ${bad}`)) === 1)
})
