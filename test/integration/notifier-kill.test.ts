import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { onCleanup } from '../harness/cleanup.ts'
import { createInstallation } from '../harness/installation.ts'
import { startMailServer } from '../harness/mail-server.ts'
import { mailsTo, slackPostsIn, unique } from '../harness/mailbox.ts'
import {
  addCompany,
  addFollowed,
  addPerson,
  addSource,
  deliveriesOf,
  groupOf,
  quick,
  sendNews,
  settledStates,
} from '../harness/notifier/setup.ts'
import { startSlackServer } from '../harness/slack-server.ts'
import { waitFor } from '../harness/wait-for.ts'

const dying = { ...quick, SESSION_TIMEOUT_MS: '6000', SEND_TIMEOUT_MS: '5000', LEASE_MS: '6000' }

describe('kill -9', () => {
  test.each([
    ['a mail stays unknown', {}, 'unknown', 0],
    ['a mail is sent again where that is wanted', { EMAIL_RESEND_UNKNOWN: 'true' }, 'sent', 1],
  ])('between a call and its answer: Slack is asked, %s', async (_, wish, state, mails) => {
    const installation = await createInstallation()
    const source = await addSource(installation.database)
    const { company, address, channel } = await addFollowed(installation.database)
    const late = `late-${channel}`
    await addPerson(installation.database, { companies: [company], channels: [{ type: 'SLACK', destination: late }] })
    const silent = await startMailServer(() => 'silence')
    // Of the two posts one arrives; of neither the answer comes.
    const slack = await startSlackServer({
      decide: (method, room, nth) =>
        method === 'chat.postMessage' && nth === 0 ? (room === late ? 'hang' : 'keep-answer') : 'pass',
    })
    for (const name of [channel, late]) slack.openRoom(name)
    const servers = { SLACK_API_URL: slack.url, SMTP_URL: silent.url }
    const first = await installation.start('notifier', { ...dying, ...servers })
    await sendNews(installation, groupOf(company, source, 1))
    await waitFor('the calls', async () => {
      expect((await deliveriesOf(installation.database, company)).map((one) => one.state)).toEqual(
        Array(3).fill('sending'),
      )
      return silent.received(address) + slack.calls('chat.postMessage', late) + slack.postsIn(channel).length === 3
    })
    await first.kill()

    await installation.start('notifier', { ...dying, SLACK_API_URL: slack.url, ...wish })
    expect((await settledStates(installation.database, company, 3)).sort()).toEqual(['sent', 'sent', state].sort())
    expect([slack.postsIn(channel).length, slack.postsIn(late).length]).toEqual([1, 1])
    expect(silent.received(address)).toBe(1)
    expect(await mailsTo(address)).toHaveLength(mails)
  })

  test('of one of three replicas: each message is sent once', async () => {
    const installation = await createInstallation()
    const source = await addSource(installation.database)
    const [first] = await Promise.all([0, 1, 2].map(() => installation.start('notifier', dying)))
    const followed = await Promise.all(Array.from({ length: 40 }, () => addFollowed(installation.database)))
    const groups = followed.map(({ company }) => groupOf(company, source, 3))
    await sendNews(installation, groups.flat())
    await waitFor('the first mails', async () => (await mailsTo(followed[0]!.address)).length === 1)
    await first!.kill()
    await sendNews(installation, groups.flat())
    for (const { company } of followed) await settledStates(installation.database, company, 2)
    for (const { company, address, channel } of followed) {
      const [email] = await deliveriesOf(installation.database, company)
      // The killed one may have been in the middle of a call, which leaves that mail for a person to decide.
      const outcomes = [
        ['sent', 1],
        ['unknown', 0],
        ['unknown', 1],
      ]
      expect(outcomes).toContainEqual([email?.state, (await mailsTo(address)).length])
      expect(await slackPostsIn(channel)).toHaveLength(1)
    }
  })
})

test('a notifier that stood still between claim and call leaves the call to those who took over', async () => {
  const installation = await createInstallation()
  const { database } = installation
  const source = await addSource(database)
  const slack = await startSlackServer({ intervalMs: 0 })
  const company = await addCompany(database)
  const room = unique('room')
  slack.openRoom(room)
  await addPerson(database, { companies: [company], channels: [{ type: 'SLACK', destination: room }] })
  const settings = { ...quick, SLACK_API_URL: slack.url, SLACK_INTERVAL_MS: '0', BUNDLE_WINDOW_MS: '0' }
  const env = { ...settings, SEND_TIMEOUT_MS: '1500', LEASE_MS: '4000' }
  const first = await installation.start('notifier', env)
  await sendNews(installation, groupOf(company, source, 1))
  await waitFor('the first post', async () => (await settledStates(database, company, 1))[0] === 'sent')

  // The second message waits until its claim would wait, too.
  await database.query(`UPDATE notifier.destination SET free_at = 'infinity'`)
  await sendNews(installation, groupOf(company, source, 1))
  await waitFor('the second message', async () => (await deliveriesOf(database, company)).length === 2)
  const holding = new pg.Client({ connectionString: database.url })
  await holding.connect()
  onCleanup(() => holding.end())
  await holding.query(`BEGIN; SELECT FROM notifier.delivery WHERE state = 'pending' FOR UPDATE`)
  await database.query('UPDATE notifier.destination SET free_at = now()')
  await waitFor('its claim', async () => {
    const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
    return (await database.query(waiting)).length > 0
  })
  process.kill(first.pid, 'SIGSTOP')
  await holding.query('COMMIT')
  await waitFor('its claim to be there', async () =>
    (await deliveriesOf(database, company)).some(({ state }) => state === 'sending'),
  )
  await installation.start('notifier', env)
  await waitFor('the second post', () => slack.postsIn(room).length === 2)
  process.kill(first.pid, 'SIGCONT')
  await waitFor('it to go on', () => first.logs().includes('the claim was too old'))
  await settledStates(database, company, 2)
  expect(slack.postsIn(room)).toHaveLength(2)
})
