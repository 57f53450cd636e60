import { simpleParser } from 'mailparser'
import { describe, expect, test } from 'vitest'
import { createChartDrawer } from '../../services/notifier/charts/draw-chart.ts'
import { composeMail, type DrawnCharts } from '../../services/notifier/channels/email.ts'
import { firstPage, makeDigests } from '../../services/notifier/digests/make.ts'
import type { Message } from '../../services/notifier/message/message.ts'
import { unique } from '../harness/mailbox.ts'
import {
  addNews,
  addPolicy,
  day,
  digestsOf,
  messagesTo,
  openDigests,
  report,
  slot,
} from '../harness/notifier/digests.ts'
import { addCompany, addPerson, addSource, insertId, type Reach } from '../harness/notifier/setup.ts'
import { numbersIn, numbersOf } from '../harness/numbers.ts'

const { database, pool, config, log, run, addReader } = await openDigests()

describe('a digest', () => {
  test('goes to channels for reports; if a person has none, to all their channels, unless strict; or to the chosen channel', async () => {
    const company = await addCompany(database)
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => `${unique(name)}@example.com`) as [
      string,
      string,
      string,
      string,
    ]
    const alert = (destination: string): Reach => ({ type: 'EMAIL', destination })
    const both = await addReader({ companies: [company], channels: [report(a), alert(b)] })
    const alerts = await addReader({ companies: [company], channels: [alert(c), alert(d)] })
    await addNews(database, company, [{}])
    const counts = async () =>
      Promise.all([a, b, c, d].map(async (address) => (await messagesTo(database, address)).length))
    const strict = { ...config, STRICT_CHANNEL_PURPOSE: true }
    const page = { after: firstPage, limit: 10 }
    await makeDigests(strict, log, pool, {
      selection: { which: 'due', person: alerts.person },
      page,
      ifBusy: 'wait',
      now: slot,
    })
    expect(await counts()).toEqual([0, 0, 0, 0])
    await run([both.person, alerts.person], slot + day)
    expect(await counts()).toEqual([1, 0, 1, 1])

    await database.query(
      `UPDATE notifier.digest_policy SET channel_id = (SELECT id FROM notification_channel WHERE destination = $2) WHERE user_id = $1`,
      [both.person, b],
    )
    await addNews(database, company, [{}])
    await run([both.person], slot + 2 * day)
    expect(await counts()).toEqual([1, 1, 1, 1])
    await database.query('DELETE FROM notification_channel WHERE destination = $1', [b])
    await addNews(database, company, [{}])
    await run([both.person], slot + 3 * day)
    expect(await counts()).toEqual([2, 1, 1, 1])
  })

  test('about a bucket has its companies, for people who can see it, besides the digest about all companies', async () => {
    const [followed, inBucket] = [await addCompany(database), await addCompany(database)]
    const owner = await addPerson(database, { channels: [] })
    const { person, address } = await addReader({ companies: [followed] })
    const bucket = await insertId(
      database,
      "INSERT INTO bucket (title, owner_id, modified_at) VALUES ('Berlin', $1, now())",
      [owner],
    )
    for (const company of [followed, inBucket])
      await database.query(
        'INSERT INTO company_bucket_membership (company_id, bucket_id, modified_at) VALUES ($1, $2, now())',
        [company, bucket],
      )
    await addPolicy(database, person, 'daily', bucket)
    await addNews(database, followed, [{ message: 'followed' }])
    await addNews(database, inBucket, [{ message: 'in the bucket' }])
    await run([person], slot)
    expect((await messagesTo(database, address)).map(({ titles }) => titles)).toEqual([['followed']])

    await database.query(
      "INSERT INTO bucket_access (bucket_id, invitee_id, permission, modified_at) VALUES ($1, $2, 'VIEWER', now())",
      [bucket, person],
    )
    await run([person], slot + day)
    const messages = await messagesTo(database, address)
    expect(messages.map(({ titles }) => titles.sort())).toEqual([['followed'], ['followed', 'in the bucket']])
    expect(messages[1]?.subject).toBe('Your daily report: 2 news items about 2 companies in the bucket Berlin')

    await database.query('DELETE FROM bucket WHERE id = $1', [bucket])
    await addNews(database, inBucket, [{ message: 'nobody sees it' }])
    await run([person], slot + 2 * day)
    expect(await messagesTo(database, address)).toHaveLength(2)
  })

  test('survives deleted companies and people, an unknown time zone and a factor that is not a number', async () => {
    const [kept, gone] = [await addCompany(database), await addCompany(database)]
    const { person, address } = await addReader({ companies: [kept, gone] })
    const leaver = await addReader({ companies: [kept] })
    await database.query("UPDATE notifier.digest_policy SET zone = 'Mars/Olympus' WHERE user_id = $1", [person])
    await addNews(database, kept, [{ message: 'kept', factor: NaN }])
    await addNews(database, gone, [{ message: 'gone' }])
    await database.query('DELETE FROM company WHERE id = $1', [gone])
    await database.query('DELETE FROM "user" WHERE id = $1', [leaver.person])
    await run([person, leaver.person], slot)
    expect((await messagesTo(database, address)).map(({ titles }) => titles)).toEqual([['kept']])
    expect(await digestsOf(database, leaver.person)).toEqual([])
  })

  test('shows a funding round with what is known about it, and a number with its chart', async () => {
    const company = await addCompany(database)
    const source = await addSource(database)
    const measure = (name: string, type: string, parent: number | null) =>
      insertId(
        database,
        'INSERT INTO source_measurement (source_module_id, type, measurement_name, parent_measurement_id, modified_at) VALUES ($1, $2, $3, $4, now())',
        [source, type, name, parent],
      )
    const round = await measure('Funding Rounds', 'nested', null)
    const series = await measure('Series', 'text', round)
    const amount = await measure('Amount', 'int', round)
    await measure('Investors', 'text', round)
    const stars = await measure('Stars', 'int', null)
    let event = 0
    const addValue = async (measurement: number, number: number | null, text: string | null, ago: string) => {
      const known = await database.query<{ id: number }>(
        'SELECT company_measurement_id AS id FROM company_source_measurement WHERE source_measurement_id = $1 AND company_id = $2',
        [measurement, company],
      )
      const [id] = known[0]
        ? [known[0].id]
        : (
            await database.query<{ id: number }>(
              'INSERT INTO company_source_measurement (source_measurement_id, company_id) VALUES ($1, $2) RETURNING company_measurement_id AS id',
              [measurement, company],
            )
          ).map((row) => row.id)
      await database.query('SELECT normalizer.create_month(now() - $1::interval)', [ago])
      await database.query(
        `INSERT INTO normalizer.value (event_no, observed_at, number, seq, company_measurement_id, source_measurement_id,
           company_id, data_source_id, type, path, subject_key, text)
         VALUES ($1, now() - $2::interval, $3, 1, $4, $5, $6, $7, 'int', 'x', '', $8)`,
        [++event, ago, number, id, measurement, company, source, text],
      )
    }
    await addValue(series, null, 'Seed', '20 days')
    await addValue(series, null, 'Series A', '1 day')
    await addValue(amount, 5_000_000, null, '1 day')
    for (const [index, number] of [10, 20, 40].entries()) await addValue(stars, number, null, `${40 - index * 19} days`)

    const { person, address } = await addReader({ companies: [company] })
    await addNews(database, company, [
      { message: 'A new Funding Round of acme was found.', severity: 'critical', measurement: series },
      { message: 'The funding round of acme changed.', severity: 'warning', measurement: amount },
      { message: 'A funding round without a parent.', measurement: stars },
      { message: 'Stars rose.', measurement: stars },
    ])
    await run([person], slot)
    const [message] = await messagesTo(database, address)
    expect(message?.titles).toEqual(['A new Funding Round of acme was found.', 'Stars rose.'])
    expect(message?.details).toEqual([
      ['- Series - Series A', '- Amount - 5000000', '… and 2 more news items about its funding rounds'],
      [expect.stringMatching(/^▁▂▇ 10 → 40 since \d+ \w+ \d+$/)],
    ])
  })
})

/** Companies with a value a day, and news items about the last of them. Every number is a query's. */
describe('the numbers of a digest', () => {
  const days = 30
  const formatDay = (at: Date) => at.toLocaleDateString('en-GB', { dateStyle: 'long', timeZone: 'UTC' })
  const formatCount = (number: number) => number.toLocaleString('en-US')

  async function fill(source: number, stars: number, names: readonly string[]): Promise<void> {
    await database.query(
      `INSERT INTO company_source_measurement (source_measurement_id, company_id)
       SELECT $1, id FROM company WHERE name = ANY($2)`,
      [stars, names],
    )
    await database.query(
      'SELECT normalizer.create_month(now() - make_interval(months => n)) FROM generate_series(0, 1) n',
    )
    await database.query(
      `INSERT INTO normalizer.value (event_no, observed_at, number, seq, company_measurement_id, source_measurement_id,
         company_id, data_source_id, type, path, subject_key)
       SELECT 1000 + n, date_trunc('day', now()) - n * interval '1 day', 1000 + (n * n * c.company_id * 7919) % 9973, 1,
         c.company_measurement_id, $1, c.company_id, $2, 'int', 'stars', ''
       FROM company_source_measurement c, generate_series(1, $3) n WHERE c.source_measurement_id = $1`,
      [stars, source, days],
    )
  }

  /** What the values of each company say, beside its news items. */
  const readFacts = (stars: number) =>
    database.query<Facts>(
      `WITH v AS (
         SELECT company_id, number, observed_at, row_number() OVER (PARTITION BY company_id ORDER BY observed_at DESC) AS nth
         FROM normalizer.value WHERE source_measurement_id = $1
       )
       SELECT company_id, name, max(number) FILTER (WHERE nth = 2) AS previous, max(number) FILTER (WHERE nth = 1) AS current,
         max(number) FILTER (WHERE nth = $2) AS first, count(*)::int AS values, min(observed_at) AS since, max(observed_at) AS until,
         max(number) AS highest, min(number) AS lowest,
         (array_agg(observed_at ORDER BY number DESC, observed_at))[1] AS highest_at,
         (array_agg(observed_at ORDER BY number, observed_at))[1] AS lowest_at,
         abs(max(number) FILTER (WHERE nth = 1) / max(number) FILTER (WHERE nth = $2) - 1) * 100 AS percent
       FROM v JOIN company c ON c.id = company_id GROUP BY company_id, name`,
      [stars, days],
    )
  type Facts = {
    company_id: number
    name: string
    since: Date
    until: Date
    highest_at: Date
    lowest_at: Date
  } & Record<'previous' | 'current' | 'first' | 'values' | 'highest' | 'lowest' | 'percent', number>

  const titleOf = ({ name, previous, current }: Facts) =>
    `${name}: stars went from ${formatCount(previous)} to ${formatCount(current)}`

  /** The alternative of a picture. */
  const pictureOf = (facts: Facts) => {
    const { values, since, until, current, first, highest, highest_at, lowest, lowest_at, percent } = facts
    const change = `${percent >= 10 ? formatCount(Math.round(percent)) : String(Number(percent.toPrecision(2)))}%`
    const days = [since, until, highest_at, lowest_at, until].map(formatDay)
    return [...[values, current, first, highest, lowest].map(formatCount), change, '1', ...days, titleOf(facts)]
  }

  async function mailTo(address: string) {
    const [row] = await database.query<{ message: Message; notification_id: string }>(
      `SELECT n.message, n.notification_id FROM notifier.delivery d JOIN notifier.notification n USING (notification_id)
       JOIN notifier.destination t USING (destination_id) WHERE t.address = $1`,
      [address],
    )
    const { message, notification_id: notificationId } = row!
    const draw = createChartDrawer(log, 60_000)
    const things = message.digest?.things ?? []
    const drawn: DrawnCharts = new Map(
      await Promise.all(things.map(async (thing) => [thing, await draw(thing.newsId ?? '', thing.chart!)] as const)),
    )
    const mail = await composeMail(
      { EMAIL_FROM: 'parma@example.com' },
      { ...delivery, address, notificationId, message },
      drawn,
    )
    return (await simpleParser(mail)).html || ''
  }
  const delivery = {
    ...{ deliveryId: 1, kind: 'digest' as const, secretId: null, why: 'You get this because Ann follows them.' },
    ...{ actor: null, follows: null, linksUntil: 0, createdAt: 0, claimedAt: 0 },
  }

  test('equal queries, all of them', async () => {
    const names = Array.from(
      { length: 14 },
      (_, index) => `Acme ${String.fromCharCode(65 + index)}${'x'.repeat(index)}`,
    )
    const companies = await Promise.all(names.map((name) => addCompany(database, name)))
    const quiet = await Promise.all(['Still', 'Calm', 'Mute'].map((name) => addCompany(database, name)))
    const source = await addSource(database)
    const stars = await insertId(
      database,
      "INSERT INTO source_measurement (source_module_id, type, measurement_name, modified_at) VALUES ($1, 'int', 'stars', now())",
      [source],
    )
    await fill(source, stars, names)
    const facts = new Map((await readFacts(stars)).map((one) => [one.company_id, one]))
    // Of each third company a second news item, which is only counted.
    for (const [index, company] of companies.entries()) {
      const title = titleOf(facts.get(company)!)
      const ids = await addNews(
        database,
        company,
        Array(index % 3 === 0 ? 2 : 1).fill({ title, message: title, measurement: stars }),
      )
      await database.query(
        `UPDATE notifier.news_item SET importance = (0.9 - $2 * 0.03) / array_position($1, news_id) WHERE news_id = ANY($1)`,
        [ids, index],
      )
    }
    const { person, address } = await addReader({ companies: [...companies, ...quiet] })
    await run([person], slot)

    const html = await mailTo(address)
    const [digest] = await database.query<{ since: Date; news: number; companies: number; followed: number }>(
      `SELECT d.since, d.news, count(DISTINCT g.company_id)::int AS companies,
         (SELECT count(*)::int FROM company_subscription WHERE user_id = d.user_id) AS followed
       FROM notifier.digest d JOIN notifier.digest_item i USING (user_id, bucket_id, period)
       JOIN notifier.news_item n USING (news_id) JOIN notifier.news_group g USING (group_id)
       WHERE user_id = $1 GROUP BY d.user_id, d.since, d.news`,
      [person],
    )
    const told = await database.query<{ company_id: number; importance: number; place: number; more: number }>(
      `SELECT company_id, importance, row_number() OVER (ORDER BY importance DESC)::int AS place,
         (count(*) OVER (PARTITION BY company_id))::int - 1 AS more
       FROM notifier.digest_item JOIN notifier.news_item USING (news_id) JOIN notifier.news_group USING (group_id)
       WHERE user_id = $1 ORDER BY importance DESC`,
      [person],
    )
    const things = told.filter(({ place }) => place <= 10)
    const shown = new Set(things.map(({ company_id }) => company_id))
    const others = [
      ...Map.groupBy(
        told.filter(({ place }) => place > 10),
        ({ company_id }) => company_id,
      ),
    ]
    const minute = (at: Date) => `${formatDay(at)}, ${at.toISOString().slice(11, 16)}`
    const expected = [
      ...[minute(digest!.since), minute(new Date(slot)), `${digest!.news} ${digest!.companies}`],
      ...things.flatMap(({ company_id, importance }) => [
        titleOf(facts.get(company_id)!),
        ...pictureOf(facts.get(company_id)!),
        `${Math.round(importance * 100)} of 100`,
      ]),
      ...others.flatMap(([company, some]) =>
        shown.has(company)
          ? [String(some.length)]
          : [titleOf(facts.get(company)!), ...(some.length > 1 ? [`${some.length - 1}`] : [])],
      ),
      String(digest!.followed - digest!.companies),
    ]
    expect(things).toHaveLength(10)
    expect(numbersIn(html).sort()).toEqual(numbersOf(expected.join(' ')).sort())
  })
})
