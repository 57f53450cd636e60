import { beforeAll, describe, expect, test } from 'vitest'
import { formatDate } from '../../services/runtime/text/format.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { mailsTo, slackPostsIn } from '../harness/mailbox.ts'
import { addStars } from '../harness/notifier/add-stars.ts'
import { addCompany, addFollowed, addPerson, addSource, deliveriesOf, groupOf } from '../harness/notifier/setup.ts'
import { opsEventOf, passThrough, sendNews, sendOps, settledStates } from '../harness/notifier/setup.ts'
import { waitFor } from '../harness/wait-for.ts'

let installation: Installation
let source: number

beforeAll(async () => {
  installation = await createInstallation()
  source = await addSource(installation.database)
  await installation.start('notifier', {
    ...{ OPS_WINDOW_MS: '500', GROUP_WAIT_MS: '1000', BUNDLE_WINDOW_MS: '0', WRITE_PUBLIC_NOTIFICATIONS: 'true' },
  })
})

describe('a news item', () => {
  test('is one mail, one post and one row of public.notification, however often it is delivered', async () => {
    const { database } = installation
    const { company, name, address, channel } = await addFollowed(database)
    const news = groupOf(company, source, 1)
    await sendNews(installation, news)
    expect(await settledStates(database, company, 2)).toEqual(['sent', 'sent'])

    const [mail] = await mailsTo(address)
    expect(mail).toMatchObject({ subject: `${name}: Stars number 0 rose`, to: [address] })
    expect(mail?.text).toContain('1000 → 1500 (+50%)')
    expect(mail?.text).toContain(`You get this because Ann follows ${name}.`)
    expect(mail?.text).toContain(`Event ${news[0]?.event_id}, news item ${news[0]?.news_id}`)
    const [post] = await slackPostsIn(channel)
    expect(JSON.stringify(post?.blocks)).toContain('1000 → 1500 (+50%)')
    expect(post?.metadata).toMatchObject({
      event_type: 'parma_notification',
      event_payload: { notification_id: expect.any(String) as string },
    })

    const status = await database.query('SELECT stage, reason FROM notifier.event_status WHERE event_id = $1', [
      news[0]?.event_id,
    ])
    expect(status).toEqual([{ stage: 'notified', reason: null }])

    await sendNews(installation, [...news, ...news])
    await passThrough(installation, source)
    expect(await mailsTo(address)).toHaveLength(1)
    expect(await slackPostsIn(channel)).toHaveLength(1)
    const recorded = await database.query('SELECT message, data_source_id FROM notification WHERE company_id = $1', [
      company,
    ])
    expect(recorded).toEqual([{ message: `${name}: Stars number 0 rose`, data_source_id: source }])
  })

  test('about a number shows its series in a picture of the mail, which costs the text nothing', async () => {
    const { database } = installation
    const { company, name, address } = await addFollowed(database)
    const { news, at } = await addStars(installation.database, source, company, [100, 104, 103, 150])
    await sendNews(installation, [news])
    await settledStates(database, company, 2)
    const [mail] = await mailsTo(address)
    expect(mail?.html).toMatch(
      /<img class="c" src="data:image\/png;base64,[^"]{1000,}" alt="acme-\w+: Stars: 4 values from/,
    )
    expect(mail?.text.replaceAll(/\s+/g, ' ')).toContain(
      `Chart of ${name}: Stars: 4 values from ${formatDate(at[0] ?? 0)} to ${formatDate(at[3] ?? 0)}. Last value 150, +50% from the first, 100.`,
    )

    // Whatever is wrong with the values.
    await database.query('ALTER VIEW normalizer.value_lineage RENAME TO lineage_away')
    await database.query('ALTER TABLE normalizer.value RENAME TO value_away')
    try {
      await sendNews(installation, groupOf(company, source, 1, { source_measurement_id: news.source_measurement_id }))
      await settledStates(database, company, 4)
    } finally {
      await database.query('ALTER TABLE normalizer.value_away RENAME TO value')
      await database.query('ALTER VIEW normalizer.lineage_away RENAME TO value_lineage')
    }
    const second = (await mailsTo(address))[1]
    expect(second?.text).toContain('Stars number 0 rose')
    expect(second?.html).not.toContain('<img')
  })

  test('of a company whose name is markup stays text', async () => {
    const { database } = installation
    const { company, address, channel } = await addFollowed(database)
    const hostile = 'x\r\nBcc: all@example.com <!channel> <b>&'
    await database.query('UPDATE company SET name = $1 WHERE id = $2', [hostile, company])
    await sendNews(installation, groupOf(company, source, 1, { title: hostile, message: hostile }))
    await settledStates(database, company, 2)
    const [mail] = await mailsTo(address)
    expect(mail?.headers).not.toHaveProperty('bcc')
    expect(mail?.subject).toContain('x Bcc: all@example.com <!channel> <b>&')
    expect(mail?.html).not.toContain('<b>')
    const [post] = await slackPostsIn(channel)
    expect(post?.text).toContain('&lt;!channel&gt; &lt;b&gt;&amp;')
  })
})

describe('the news items of one payload', () => {
  test('are one message, the most important first', async () => {
    const { database } = installation
    const { company, name, address, channel } = await addFollowed(database)
    await sendNews(installation, groupOf(company, source, 30))
    expect(await settledStates(database, company, 2)).toEqual(['sent', 'sent'])
    const mails = await mailsTo(address)
    expect(mails.map(({ subject }) => subject)).toEqual([`${name}: 30 changes, Stars number 29 rose`])
    const listed = [...(mails[0]?.text ?? '').matchAll(/^\d+\. .* number (\d+) rose by half\.$/gm)].map(([, index]) =>
      Number(index),
    )
    expect(listed).toEqual(Array.from({ length: 30 }, (_, index) => 29 - index))
    expect(await slackPostsIn(channel)).toHaveLength(1)
  })

  test('do not wait forever for one that does not arrive, and send it when it arrives late', async () => {
    const { database } = installation
    const { company, name, address } = await addFollowed(database)
    const [first, second, late] = groupOf(company, source, 3)
    await sendNews(installation, [first!, second!])
    await settledStates(database, company, 2)
    await sendNews(installation, [late!])
    await settledStates(database, company, 4)
    const subjects = (await mailsTo(address)).map(({ subject }) => subject)
    expect(subjects).toEqual([`${name}: 2 changes, Stars number 1 rose`, `${name}: Stars number 2 rose`])
  })

  test('that are silent complete the group and are not sent', async () => {
    const { database } = installation
    const { company, name, address } = await addFollowed(database)
    const [loud, silent] = groupOf(company, source, 2)
    await sendNews(installation, [{ ...silent!, silent: true }, loud!])
    await settledStates(database, company, 2)
    expect((await mailsTo(address)).map(({ subject }) => subject)).toEqual([`${name}: Stars number 0 rose`])

    const history = groupOf(company, source, 2, { silent: true })
    await sendNews(installation, history)
    await passThrough(installation, source)
    expect(await deliveriesOf(database, company)).toHaveLength(2)
    const status = await database.query('SELECT stage FROM notifier.event_status WHERE event_id = $1', [
      history[0]?.event_id,
    ])
    expect(status).toEqual([{ stage: 'silent' }])
  })

  test('that are unverified are kept for digests and are not sent', async () => {
    const { database } = installation
    const { company, name, address } = await addFollowed(database)
    const [one, unverified] = groupOf(company, source, 2)
    const facts = { ...unverified!.facts, unverified: 'true' }
    await sendNews(installation, [{ ...unverified!, facts }, one!])
    await settledStates(database, company, 2)
    expect((await mailsTo(address)).map(({ subject }) => subject)).toEqual([`${name}: Stars number 0 rose`])
    const kept = await database.query(
      'SELECT assigned_at IS NOT NULL AS done, unheard FROM notifier.news_item WHERE news_id = $1',
      [unverified!.news_id],
    )
    expect(kept).toEqual([{ done: true, unheard: 'it is unverified, so it stands in digests only' }])
  })
})

describe('people', () => {
  test('who share a destination get one message there', async () => {
    const { database } = installation
    const { company, name, address } = await addFollowed(database)
    await addPerson(database, {
      name: 'Bob',
      companies: [company],
      channels: [{ type: 'EMAIL', destination: address.toUpperCase() }],
    })
    await sendNews(installation, groupOf(company, source, 1))
    await settledStates(database, company, 2)
    const mails = await mailsTo(address)
    expect(mails).toHaveLength(1)
    expect(mails[0]?.text).toContain(`You get this because Ann and Bob follow ${name}.`)
  })

  test('with an impossible destination cost the others nothing', async () => {
    const { database } = installation
    const { company, address } = await addFollowed(database)
    const channels = [{ type: 'EMAIL', destination: `${address}\r\nBcc: all@example.com` } as const]
    await addPerson(database, { name: 'Bob', companies: [company], channels })
    await sendNews(installation, groupOf(company, source, 1))
    expect((await settledStates(database, company, 3)).sort()).toEqual(['failed', 'sent', 'sent'])
    const failed = (await deliveriesOf(database, company)).find(({ state }) => state === 'failed')
    expect(failed?.reason).toContain('is not one e-mail address')
    expect(await mailsTo(address)).toHaveLength(1)
  })

  test('who do not exist are no reason to stop', async () => {
    const { database } = installation
    const company = await addCompany(database)
    const [news] = groupOf(company, source, 1)
    await sendNews(installation, [news!])
    await waitFor('the verdict', async () => {
      const status = await database.query<{ stage: string }>(
        'SELECT stage FROM notifier.event_status WHERE event_id = $1',
        [news!.event_id],
      )
      return status[0]?.stage === 'nobody-to-notify'
    })
  })
})

test('administrators get each incident and its end once, a flood as one message', async () => {
  const { database } = installation
  const address = `admin-${Date.now()}@example.com`
  await addPerson(database, { name: 'Root', role: 'ADMIN', channels: [{ type: 'EMAIL', destination: address }] })
  const drifts = Array.from({ length: 100 }, (_, index) => opsEventOf({ subject: `path ${index}` }))
  const [first] = drifts
  await sendOps(installation, [...drifts, opsEventOf({ dedupe_key: first!.dedupe_key }), first!])
  const [flood] = await waitFor('the message about drift', async () => {
    const mails = await mailsTo(address)
    return mails.length > 0 && mails
  })
  expect(flood?.subject).toBe('Operations: 100 events, path 0, drift')
  expect(flood?.text).toContain('… and 70 more.')

  const end = opsEventOf({ dedupe_key: first!.dedupe_key, subject: 'path 0', resolved: true })
  await sendOps(installation, [
    end,
    { ...end, event_id: crypto.randomUUID() },
    opsEventOf({ resolved: true, subject: 'never began' }),
  ])
  await waitFor('the message about its end', async () => (await mailsTo(address)).length === 2)
  expect((await mailsTo(address))[1]?.subject).toBe('Operations: resolved: path 0, drift')
})

test('what is not a news item is a dead letter; others are sent', async () => {
  const { database, topics } = installation
  const { company, address } = await addFollowed(database)
  const [good] = groupOf(company, source, 1)
  const [bad] = groupOf(company, source, 1, { company_id: 'not a number' })
  await topics.produce('insights.news.v1', [
    { key: '1', value: 'no Avro at all' },
    { key: '1', value: null },
  ])
  await sendNews(installation, [bad!, good!])
  await settledStates(database, company, 2)
  expect(await mailsTo(address)).toHaveLength(1)
  const dead = await topics.read('insights.news.v1.notifier.dlq')
  expect(dead.map(({ headers }) => headers['__dlq.reason']).sort()).toEqual([
    'null-value',
    'refused-by-database',
    'wrong-magic-byte',
  ])
})
