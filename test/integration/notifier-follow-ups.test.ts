import { describe, expect, test } from 'vitest'
import type { Fate } from '../harness/faulty-server.ts'
import { createInstallation } from '../harness/installation.ts'
import { mailsTo, unique } from '../harness/mailbox.ts'
import { addStars } from '../harness/notifier/add-stars.ts'
import {
  addFollowed,
  addPerson,
  addSource,
  groupOf,
  opsEventOf,
  quick,
  type Reach,
  sendNews,
  sendOps,
} from '../harness/notifier/setup.ts'
import { startSlackServer } from '../harness/slack-server.ts'
import { waitFor } from '../harness/wait-for.ts'

const installation = await createInstallation()
const { database } = installation
const source = await addSource(database)
/** What happens to the next calls of a method. */
const fates = new Map<string, Fate[]>()
const slack = await startSlackServer({
  decide: (method) => fates.get(method)?.shift() ?? 'pass',
  intervalMs: 0,
})
const hookRoom = unique('hook')
slack.openRoom(hookRoom)
const env = {
  ...quick,
  ...{ SLACK_API_URL: slack.url, SLACK_WEBHOOK_URL: new URL('/services/', slack.url).href, SLACK_INTERVAL_MS: '0' },
  ...{ SECRET_HOOK: slack.openWebhook(hookRoom), OPS_WINDOW_MS: '300', BUNDLE_WINDOW_MS: '0' },
  PUBLIC_URL: 'https://parma.fund.com',
  ...{ SEND_TIMEOUT_MS: '3000', LEASE_MS: '4000', SESSION_TIMEOUT_MS: '6000' },
}
let notifier = await installation.start('notifier', env)

/** The only administrator from now on. */
async function addAdministrator(channels: Reach[]): Promise<void> {
  await database.query(`UPDATE public."user" SET role = 'USER'`)
  await addPerson(database, { name: 'Root', role: 'ADMIN', channels })
}

async function roomOf(name: string): Promise<string> {
  const room = unique(name)
  slack.openRoom(room)
  await addAdministrator([{ type: 'SLACK', destination: room }])
  return room
}

const headersIn = (room: string) =>
  slack.postsIn(room).map(({ blocks }) => (blocks as { text?: { text: string } }[])[0]?.text?.text)

const allSettled = (room: string, count: number) =>
  waitFor(`${count} settled messages in ${room}`, async () => {
    const rows = await database.query<{ state: string; due_at: unknown; reason: string | null }>(
      `SELECT state, due_at, reason FROM notifier.delivery JOIN notifier.destination USING (destination_id) WHERE address = $1`,
      [room],
    )
    return rows.length === count && rows.every(({ state, due_at }) => state === 'sent' && due_at === null)
  })

const begin = (subject: string) => opsEventOf({ subject, message: `The path ${subject} is new: map it.` })
const end = ({ dedupe_key, subject }: ReturnType<typeof begin>) =>
  opsEventOf({
    dedupe_key,
    subject,
    resolved: true,
    message: `The path ${subject} is mapped.`,
    at: Date.UTC(2026, 10, 24, 13),
  })

describe('the end of an incident', () => {
  test('edits the post, incident by incident, and is a mail or a webhook’s post of its own', async () => {
    const [room, address] = [unique('ops'), `${unique('root')}@example.com`]
    slack.openRoom(room)
    await addAdministrator([
      { type: 'SLACK', destination: room },
      { type: 'SLACK', destination: 'hooked', secretId: 'hook' },
      { type: 'EMAIL', destination: address },
    ])
    const [one, other] = [begin('one'), begin('other')]
    await sendOps(installation, [one, other])
    await waitFor('the messages', async () => slack.postsIn(room).length + (await mailsTo(address)).length === 2)
    expect(headersIn(room)).toEqual(['Operations: 2 events, one, drift'])

    fates.set('chat.update', [{ status: 429, headers: { 'retry-after': '1' } }, { status: 500 }, 'lose-answer'])
    await sendOps(installation, [end(one)])
    await allSettled(room, 2)
    expect(slack.calls('chat.update', slack.postsIn(room)[0]!.channel)).toBe(4)
    const [post] = slack.postsIn(room)
    expect(headersIn(room)).toEqual(['Operations: 2 events, other, drift'])
    expect(JSON.stringify(post?.blocks)).toMatch(/1 open, 1 resolved, as of 24 November 2026, 13:00 UTC/)
    expect(JSON.stringify(post?.blocks)).toContain('Over since 24 November 2026, 13:00 UTC: The path one is mapped.')

    await sendOps(installation, [end(other)])
    await allSettled(room, 3)
    expect(headersIn(room)).toEqual(['Operations: 2 events, resolved: one, drift'])
    const mails = await waitFor('the mails', async () => {
      const found = await mailsTo(address)
      return found.length === 3 && found
    })
    const [first, ...ends] = mails.map(({ headers }) => headers)
    for (const headers of ends)
      expect([headers['references'], headers['in-reply-to']]).toEqual(Array(2).fill(first?.['message-id']))
    await waitFor('the posts of the webhook', () => slack.postsIn(hookRoom).length === 3)
    expect(headersIn(hookRoom).slice(1)).toEqual(
      [one, other].map(({ subject }) => `Operations: resolved: ${subject}, drift`),
    )
  })

  test('is posted anew if the post is gone', async () => {
    const room = await roomOf('gone')
    const incident = begin('gone')
    await sendOps(installation, [incident])
    await allSettled(room, 1)
    slack.deletePost(slack.postsIn(room)[0]!)
    await sendOps(installation, [end(incident)])
    await allSettled(room, 2)
    expect(headersIn(room)).toEqual(['Operations: resolved: gone, drift'])
    expect(slack.errors.filter((error) => error === 'chat.update message_not_found')).toHaveLength(1)
  })

  test('waits while the destination is parked', async () => {
    const room = await roomOf('parked')
    const incident = begin('parked')
    await sendOps(installation, [incident])
    await allSettled(room, 1)
    const park = (at: string) =>
      database.query(`UPDATE notifier.destination SET parked_at = ${at}, parked_reason = 'a test' WHERE address = $1`, [
        room,
      ])
    await park('now()')
    await sendOps(installation, [end(incident)])
    await waitFor('the edit to wait', async () => {
      const waiting = `SELECT FROM notifier.delivery JOIN notifier.destination USING (destination_id) WHERE address = $1 AND state = 'pending'`
      return (await database.query(waiting, [room])).length === 1
    })
    expect(slack.postsIn(room)[0]?.edited).toBeUndefined()
    await park('NULL')
    await allSettled(room, 2)
    expect(headersIn(room)).toEqual(['Operations: resolved: parked, drift'])
  })
})

describe('news items about a series', () => {
  test('stay in one thread; those about another do not', async () => {
    const { company, address, channel } = await addFollowed(database)
    slack.openRoom(channel)
    const tell = async (count: number, changes: object = {}) => {
      await sendNews(installation, groupOf(company, source, 1, changes))
      await waitFor(`${count} messages`, async () => {
        return slack.postsIn(channel).length === count && (await mailsTo(address)).length === count
      })
      await allSettled(channel, count)
    }
    await tell(1)
    await tell(2)
    // The answer is lost, so the reply is looked for.
    fates.set('chat.postMessage', ['lose-answer'])
    await tell(3)
    await tell(4, { source_measurement_id: 2 })
    const [first, ...posts] = slack.postsIn(channel)
    expect(
      posts.map(({ thread_ts, reply_broadcast }) => [thread_ts, reply_broadcast && String(reply_broadcast)]),
    ).toEqual([...Array(2).fill([first?.ts, 'true']), [undefined, undefined]])
    const [root, ...mails] = (await mailsTo(address)).map(({ headers }) => headers)
    expect(mails.map((headers) => headers['references'])).toEqual([...Array(2).fill(root?.['message-id']), undefined])

    // A refused reply is posted without its thread.
    fates.set('chat.postMessage', [
      {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: '{"ok":false,"error":"cannot_reply_to_message"}',
      },
    ])
    await tell(5)
    expect(slack.postsIn(channel).at(-1)?.thread_ts).toBeUndefined()
  })
})

test('a post shows the chart of its news item, and is sent without if Slack cannot fetch it', async () => {
  const { company, name, channel } = await addFollowed(database)
  slack.openRoom(channel)
  const { news } = await addStars(database, source, company, [100, 120, 180])
  await sendNews(installation, [news])
  await allSettled(channel, 1)
  type Block = { type: string; image_url?: string; alt_text?: string }
  const pictures = () =>
    slack.postsIn(channel).map(({ blocks }) => (blocks as Block[]).filter(({ type }) => type === 'image'))
  const [[shown] = []] = pictures()
  expect(shown?.image_url).toMatch(`https://parma.fund.com/charts/${news.news_id}.png?until=`)
  expect(shown?.alt_text).toContain(`${name}: Stars: 3 values`)

  const other = await addStars(database, source, company, [5, 6, 9])
  const refusal =
    '{"ok":false,"error":"invalid_blocks","response_metadata":{"messages":["[ERROR] downloading image failed"]}}'
  fates.set('chat.postMessage', [{ status: 200, headers: { 'content-type': 'application/json' }, body: refusal }])
  await sendNews(installation, [other.news])
  await allSettled(channel, 2)
  expect(pictures().map(({ length }) => length)).toEqual([1, 0])
})

test('the end of an incident edits its post once though the notifier is killed before the answer', async () => {
  const room = await roomOf('killed')
  const incident = begin('killed')
  await sendOps(installation, [incident])
  await allSettled(room, 1)
  fates.set('chat.update', ['keep-answer'])
  await sendOps(installation, [end(incident)])
  await waitFor('the edit', () => slack.postsIn(room)[0]?.edited === true)
  await notifier.kill()
  notifier = await installation.start('notifier', env)
  await allSettled(room, 2)
  expect(headersIn(room)).toEqual(['Operations: resolved: killed, drift'])
  expect([slack.calls('chat.postMessage', room), slack.errors]).toEqual([
    1,
    expect.not.arrayContaining(['invalid_blocks']),
  ])
})
