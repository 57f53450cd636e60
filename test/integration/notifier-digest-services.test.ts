import type { SectionBlock } from '@slack/web-api'
import { expect, test } from 'vitest'
import { findFreePort } from '../../deploy/local/free-port.ts'
import { createInstallation } from '../harness/installation.ts'
import { mailsTo, slackPostsIn, unique } from '../harness/mailbox.ts'
import { startSlackServer } from '../harness/slack-server.ts'
import { addNews, digestsOf, report } from '../harness/notifier/digests.ts'
import { addCompany, addPerson, addSource, groupOf, type Reach, sendNews } from '../harness/notifier/setup.ts'
import { waitFor } from '../harness/wait-for.ts'

const installation = await createInstallation()
const { database } = installation
await database.query("UPDATE notifier.digest_start SET since = now() - interval '1 year'")

const quick = {
  POLL_MS: '100',
  DIGEST_POLL_MS: '100',
  SLACK_INTERVAL_MS: '0',
  SEND_TIMEOUT_MS: '5000',
  LEASE_MS: '6000',
}

type Delivery = { address: string; state: string; digests: number }
/** How the digests to these addresses stand, once none is on its way. */
async function settledTo(addresses: string[]): Promise<Delivery[]> {
  return waitFor(`the messages to ${addresses.length} addresses to be settled`, async () => {
    const rows = await database.query<Delivery & { is_open: boolean }>(
      `SELECT t.address, min(d.state) AS state, count(*)::int AS digests, bool_or(d.due_at IS NOT NULL) AS is_open
       FROM notifier.delivery d JOIN notifier.destination t USING (destination_id)
       WHERE t.address = ANY($1) GROUP BY t.address`,
      [addresses],
    )
    return rows.length === addresses.length && rows.every(({ is_open }) => !is_open) && rows
  })
}

/** A reader for whom a daily digest is due. */
async function addDue(companies: number[], name = 'Ann'): Promise<{ person: number; address: string }> {
  const address = `${unique('due')}@example.com`
  const person = await addPerson(database, { name, companies, channels: [report(address)] })
  await database.query(
    `INSERT INTO notifier.digest_policy (user_id, rhythm, hour, weekday, zone, changed_at)
     VALUES ($1, 'daily', $2, 1, 'UTC', now() - interval '1 day')`,
    [person, new Date().getUTCHours()],
  )
  return { person, address }
}

test('GET /weekly-reports: one report for each reader and week, on every channel, in Firestore and for parma-web', async () => {
  const hostile = `<b>&"${unique('acme')}`
  const [company, other, silent] = [
    await addCompany(database, hostile),
    await addCompany(database),
    await addCompany(database),
  ]
  const [ann, bob, cyd] = ['ann', 'bob', 'cyd'].map((name) => `${unique(name)}@example.com`) as [string, string, string]
  const room = unique('room')
  const slack: Reach = { type: 'SLACK', destination: room, purpose: 'REPORT' }
  const person = await addPerson(database, { companies: [company, other], channels: [report(ann), slack] })
  await addPerson(database, { name: 'Bob', companies: [company], channels: [{ type: 'EMAIL', destination: bob }] })
  const nobody = await addPerson(database, { name: 'Cyd', companies: [silent], channels: [report(cyd)] })
  const ids = await addNews(database, company, [
    { message: 'Stars <rose> & fell.', severity: 'critical' },
    { message: '<!channel> click <https://evil.example|here>' },
  ])
  ids.push(...(await addNews(database, other, [{ message: 'Downloads rose.' }])))

  const [edge, ...notifiers] = await Promise.all([
    installation.start('edge'),
    installation.start('notifier', { ...quick, WRITE_PUBLIC_REPORTS: 'true' }),
    installation.start('notifier', { ...quick, WRITE_PUBLIC_REPORTS: 'true' }),
  ])
  for (let times = 0; times < 3; times++) expect((await fetch(`${edge.url}/weekly-reports`)).status).toBe(200)
  const settled = await settledTo([ann, bob, room])
  expect(settled.every(({ state, digests }) => state === 'sent' && digests === 1)).toBe(true)
  const [digest] = await waitFor('the digest without news', async () => {
    const rows = await digestsOf(database, nobody)
    return rows.length > 0 && rows
  })
  expect(digest?.state).toBe('empty')

  const [mail] = await mailsTo(ann)
  expect([(await mailsTo(ann)).length, (await mailsTo(bob)).length, (await mailsTo(cyd)).length]).toEqual([1, 1, 0])
  expect(mail?.subject).toBe('Your weekly report: 3 news items about 2 companies')
  expect(mail?.text).toContain(`${hostile}\n- Stars <rose> & fell. [critical]\n  Why: http`)
  expect(mail?.html).toContain(
    '</bdi>: Stars &lt;rose&gt; &amp; fell.</div><div><span class="l critical">Critical</span>',
  )
  const [post, ...more] = await slackPostsIn(room)
  expect(more).toEqual([])
  const sections = (post?.blocks as SectionBlock[]).filter(({ type }) => type === 'section')
  const text = sections.map((section) => section.text?.text).join('\n')
  expect(text).toContain('- &lt;!channel&gt; click &lt;https://evil.example|here&gt;')
  expect(text).toMatch(/^&lt;b&gt;&amp;".*\n- Stars &lt;rose&gt; &amp; fell\. \[critical\] <http/)

  await waitFor('the results to be stored', async () => {
    const [{ count } = { count: 0 }] = await database.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM notifier.digest WHERE result IS NOT NULL',
    )
    return count === 0
  })
  const documents = (await installation.firestore.client.collection('report').get()).docs.map((doc) => doc.data())
  expect(documents).toHaveLength(2)
  const document = documents.find(({ user_id }) => user_id === person)
  expect(document).toMatchObject({ bucket_id: 0, rhythm: 'weekly', period: digest?.period, news_count: 3 })
  expect((document?.news as string[]).toSorted()).toEqual(ids.toSorted())
  expect(document?.html).toContain('<ul><li>Downloads rose.')
  const reports = await database.query<{ company_id: number; name: string; report_file_url: string }>(
    'SELECT company_id, name, report_file_url FROM report ORDER BY company_id',
  )
  expect(reports.map(({ company_id, name }) => [company_id, name])).toEqual([
    [company, `Weekly report ${digest?.period}`],
    [other, `Weekly report ${digest?.period}`],
  ])
  expect(reports[0]?.report_file_url).toMatch(/^http:\/\/.*\/reports\/[0-9a-f-]{36}\?until=\d+&signature=[\w-]{43}$/)
  await Promise.all([edge, ...notifiers].map((service) => service.stop()))
})

test('what is sent does not keep parma-web from deleting a company', async () => {
  const company = await addCompany(database)
  const address = `${unique('told')}@example.com`
  const channels: Reach[] = [{ type: 'EMAIL', destination: address }]
  const person = await addPerson(database, { companies: [company], channels })
  await database.query(
    `INSERT INTO notifier.digest_policy (user_id, rhythm, hour, weekday, zone, changed_at)
     VALUES ($1, 'weekly', extract(hour FROM now() AT TIME ZONE 'UTC'), extract(isodow FROM now() AT TIME ZONE 'UTC'),
       'UTC', now() - interval '8 days')`,
    [person],
  )
  await addNews(database, company, [{ message: 'Stars rose.' }])
  const notifier = await installation.start('notifier', { ...quick, GROUP_WAIT_MS: '0', BUNDLE_WINDOW_MS: '0' })
  await sendNews(installation, groupOf(company, await addSource(database), 1))
  await waitFor('the report and the alert', async () => (await mailsTo(address)).length === 2)
  await settledTo([address])
  await database.query('DELETE FROM company WHERE id = $1', [company])
  await notifier.stop()
})

test('kill -9 during a run: every reader gets every news item once', async () => {
  const company = await addCompany(database)
  await addNews(database, company, [{ message: 'one' }, { message: 'two' }, { message: 'three' }])
  const readers = []
  for (let count = 0; count < 30; count++) readers.push(await addDue([company], `Reader ${count}`))
  await database.query(`
    CREATE FUNCTION notifier.wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.1); RETURN NEW; END $$`)
  await database.query(
    'CREATE TRIGGER wait BEFORE INSERT ON notifier.digest FOR EACH ROW EXECUTE FUNCTION notifier.wait()',
  )
  const people = readers.map(({ person }) => person)
  const madeFor = async () =>
    (await database.query('SELECT FROM notifier.digest WHERE user_id = ANY($1)', [people])).length
  const first = await installation.start('notifier', { ...quick, DIGEST_BATCH: '4' })
  await waitFor('some of the digests', async () => (await madeFor()) > 0)
  await first.kill()
  expect(await madeFor()).toBeLessThan(30)

  await database.query('DROP TRIGGER wait ON notifier.digest')
  const others = await Promise.all([1, 2].map(() => installation.start('notifier', { ...quick, DIGEST_BATCH: '4' })))
  const settled = await settledTo(readers.map(({ address }) => address))
  expect(settled.map(({ digests }) => digests)).toEqual(Array(30).fill(1))
  const items = await database.query<{ items: number; readers: number }>(
    `SELECT count(*)::int AS items, count(DISTINCT user_id)::int AS readers FROM notifier.digest_item WHERE user_id = ANY($1)`,
    [people],
  )
  expect(items).toEqual([{ items: 90, readers: 30 }])
  for (const { address, state } of settled) {
    const mails = await mailsTo(address)
    // A mail that was under way when the process ended is not sent again.
    expect(mails.length).toBe(state === 'sent' ? 1 : Math.min(mails.length, 1))
    if (mails[0]) for (const text of ['- one', '- two', '- three']) expect(mails[0].text.split(text)).toHaveLength(2)
  }
  await Promise.all(others.map((service) => service.stop()))
})

test('without Firestore the digest goes out, and its result is stored once there is one', async () => {
  const company = await addCompany(database)
  await addNews(database, company, [{ message: 'one' }])
  const { person, address } = await addDue([company])
  const gone = { FIRESTORE_EMULATOR_HOST: `127.0.0.1:${await findFreePort()}`, FIRESTORE_TIMEOUT_MS: '500' }
  const first = await installation.start('notifier', { ...quick, ...gone })
  expect(await settledTo([address])).toMatchObject([{ state: 'sent', digests: 1 }])
  await waitFor('an attempt to store the result', () => first.logs().includes('"loop":"reports"'))
  const isWaiting = async () =>
    (await database.query('SELECT FROM notifier.digest WHERE user_id = $1 AND result IS NOT NULL', [person])).length
  expect(await isWaiting()).toBe(1)
  expect(await first.stop()).toBe(0)

  const second = await installation.start('notifier', quick)
  await waitFor('the result to be stored', async () => (await isWaiting()) === 0)
  const { docs } = await installation.firestore.client.collection('report').where('user_id', '==', person).get()
  expect(docs).toHaveLength(1)
  await second.stop()
})

test('a digest of several posts: Slack fails at one, the notifier is killed at the next, and each part comes once', async () => {
  const room = unique('room')
  const named = Array.from({ length: 300 }, (_, at) => `${unique('company')} ${at} ${'with a long name '.repeat(12)}`)
  const companies = await Promise.all(named.map((name) => addCompany(database, name)))
  for (const company of companies) await addNews(database, company, [{ message: 'Stars rose.' }])
  const slack = await startSlackServer({
    intervalMs: 0,
    // The second part fails, and the third arrives without an answer.
    decide: (method, _, nth) => {
      if (method !== 'chat.postMessage') return 'pass'
      return nth === 1 ? { status: 500 } : nth === 2 ? 'keep-answer' : 'pass'
    },
  })
  slack.openRoom(room)
  const person = await addPerson(database, {
    companies,
    channels: [{ type: 'SLACK', destination: room, purpose: 'REPORT' }],
  })
  await database.query(
    `INSERT INTO notifier.digest_policy (user_id, rhythm, hour, weekday, zone, changed_at)
     VALUES ($1, 'daily', $2, 1, 'UTC', now() - interval '1 day')`,
    [person, new Date().getUTCHours()],
  )
  const env = { ...quick, RETRY_FIRST_MS: '100', RETRY_MAX_MS: '200', SLACK_API_URL: slack.url }
  const first = await installation.start('notifier', env)
  await waitFor('the second post without an answer', () => slack.calls('chat.postMessage', room) === 3)
  await first.kill()
  expect(slack.postsIn(room)).toHaveLength(2)

  await installation.start('notifier', env)
  await settledTo([room])
  const parts = slack.postsIn(room).map(({ text }) =>
    /\((\d+) of (\d+)\)/
      .exec(text ?? '')
      ?.slice(1)
      .map(Number),
  )
  expect(parts.length).toBeGreaterThan(2)
  // What has to be tried again is overtaken by what follows it.
  expect(parts.toSorted((a, b) => a![0]! - b![0]!)).toEqual(parts.map((_, at) => [at + 1, parts.length]))
  expect(parts.filter((part) => part![0] !== 2).map((part) => part![0])).toEqual([
    1,
    ...parts.slice(2).map((_, at) => at + 3),
  ])
})
