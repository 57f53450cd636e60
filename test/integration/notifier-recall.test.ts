import { expect, test } from 'vitest'
import { backUp, restoreBackUp } from '../harness/database.ts'
import type { Fate } from '../harness/faulty-server.ts'
import { createInstallation } from '../harness/installation.ts'
import { mailsTo, unique } from '../harness/mailbox.ts'
import { addPolicy } from '../harness/notifier/digests.ts'
import {
  addCompany,
  addPerson,
  addSource,
  groupOf,
  opsEventOf,
  quick,
  type Reach,
  sendNews,
  sendOps,
  settledStates,
} from '../harness/notifier/setup.ts'
import { startSlackServer } from '../harness/slack-server.ts'
import { waitFor } from '../harness/wait-for.ts'

const installation = await createInstallation()
const { database, parma } = installation
const fates = new Map<string, Fate>()
const slack = await startSlackServer({ intervalMs: 0, decide: (_, room) => fates.get(room) ?? 'pass' })
const env = {
  ...quick,
  ...{ SLACK_API_URL: slack.url, SLACK_INTERVAL_MS: '0', BUNDLE_WINDOW_MS: '0', OPS_WINDOW_MS: '300' },
  ...{ SEND_TIMEOUT_MS: '3000', LEASE_MS: '8000', SESSION_TIMEOUT_MS: '6000', DIGEST_POLL_MS: '60000' },
}

/** What a person got at an address, by the words of its messages. */
const mailsWith = async (address: string, words: string) =>
  (await mailsTo(address)).filter(({ subject, text }) => `${subject} ${text}`.includes(words)).length
const postsWith = (room: string, words: string) =>
  slack.postsIn(room).filter((post) => JSON.stringify(post).includes(words)).length

test('what was told after the time that Postgres is restored to is told to nobody again, and what was not told is', async () => {
  const source = await addSource(database)
  const [address, reports, root] = ['ann', 'reports', 'root'].map((name) => `${unique(name)}@example.com`) as Three
  const [room, blocked] = [unique('room'), unique('blocked')]
  for (const one of [room, blocked]) slack.openRoom(one)
  const companies = [await addCompany(database), await addCompany(database), await addCompany(database)] as const
  const ann = await addPerson(database, {
    companies: [...companies],
    channels: [
      { type: 'EMAIL', destination: address },
      { type: 'SLACK', destination: room },
      { type: 'EMAIL', destination: reports, purpose: 'REPORT' },
    ],
  })
  await addPolicy(database, ann, 'daily')
  const bobs: Reach = { type: 'SLACK', destination: blocked }
  await addPerson(database, { name: 'Bob', companies: [companies[1]], channels: [bobs] })
  await addPerson(database, { name: 'Root', role: 'ADMIN', channels: [{ type: 'EMAIL', destination: root }] })
  const notifier = await installation.start('notifier', env)

  await sendNews(installation, groupOf(companies[0], source, 1, { title: 'Before the backup' }))
  await settledStates(database, companies[0], 2)
  const since = new Date().toISOString()
  const copy = await backUp(database)

  // So long that no call is under way when the notifier is killed: of that one nobody would know.
  fates.set(blocked, { status: 429, headers: { 'retry-after': '600' } })
  await sendNews(installation, groupOf(companies[1], source, 2, { title: 'After the backup' }))
  await sendOps(installation, [opsEventOf({ subject: 'after-the-backup' })])
  await waitFor('what comes after the backup', async () => {
    const all = [await mailsWith(address, 'After the backup'), await mailsWith(root, 'after-the-backup')]
    return [...all, postsWith(room, 'After the backup'), slack.calls('chat.postMessage', blocked)].every((n) => n > 0)
  })
  await parma('digests', 'run', '--early', '--own-settings')
  await waitFor('the digest', async () => (await mailsTo(reports)).length === 1)
  await expect(recall(since)).rejects.toThrow(/notifier is running/)
  fates.set(room, 'lose-answer')
  await sendNews(installation, groupOf(companies[2], source, 1, { title: 'At the end' }))
  await waitFor('the last mail and post', async () => {
    return postsWith(room, 'At the end') === 1 && (await mailsWith(address, 'At the end')) === 1
  })
  await notifier.kill()

  await restoreBackUp(database, copy)
  const found = await recall(since, '--dry-run')
  const unsure = found.filter(({ state, destination }) => state === 'unknown' && destination === room)
  expect([found.length, unsure.map(({ subject }) => subject)]).toEqual([6, [expect.stringContaining('At the end')]])
  const recalled = await waitFor('the group to be empty', () => recall(since))
  expect(recalled).toEqual(found)
  expect(await recall(since)).toEqual([])
  for (const topic of ['insights.news.v1', 'ops.events.v1'])
    await parma('groups', 'reset', '--service', 'notifier', '--topic', topic, '--to', since, '--yes')

  fates.clear()
  await installation.start('notifier', env)
  await waitFor('what was not told', () => postsWith(blocked, 'After the backup') === 1)
  await sendNews(installation, groupOf(companies[0], source, 1, { title: 'After the restore' }))
  await waitFor('what is new', async () => {
    return (await mailsWith(address, 'After the restore')) + postsWith(room, 'After the restore') === 2
  })
  await parma('digests', 'run', '--early', '--own-settings')
  await waitFor('the operational event', async () => {
    const [open] = await database.query<{ n: number }>(
      `SELECT (SELECT count(*) FROM notifier.ops_event WHERE assigned_at IS NULL)::int
         + (SELECT count(*) FROM notifier.bundle WHERE due_at IS NOT NULL)::int AS n`,
    )
    return open?.n === 0 && (await database.query('SELECT FROM notifier.ops_event')).length === 1
  })

  const told = ['Before the backup', 'After the backup', 'At the end', 'After the restore']
  expect(await Promise.all(told.map((words) => mailsWith(address, words)))).toEqual([1, 1, 1, 1])
  expect(told.map((words) => postsWith(room, words))).toEqual([1, 1, 1, 1])
  expect([await mailsWith(root, 'after-the-backup'), (await mailsTo(reports)).length]).toEqual([1, 1])
  expect(await audits()).toMatchObject([{ subject: 'deliveries' }])
})

type Three = [string, string, string]
type Row = { subject: string; destination: string; state: string }
const recall = async (since: string, ...more: string[]) =>
  JSON.parse(await parma('deliveries', 'recall', '--since', since, ...more, '--json')) as Row[]
const audits = async () =>
  JSON.parse(await parma('audit', 'ls', '--kind', 'notifier.delivery.recall', '--json')) as object[]
